#include "pipeline/spl/exact_sum.h"

#include <cmath>
#include <utility>

namespace hecate::spl {

// J. R. Shewchuk's growing expansion: x runs through the partials, each step leaving behind what rounding
// lost.
void ExactSum::add(double x) {
  if (!std::isfinite(x)) return;
  std::size_t kept = 0;
  for (double y : partials_) {
    if (std::abs(x) < std::abs(y)) std::swap(x, y);
    double high = x + y;
    if (!std::isfinite(high)) return;
    double low = y - (high - x);
    if (low != 0) partials_[kept++] = low;
    x = high;
  }
  partials_.resize(kept);
  if (x != 0) partials_.push_back(x);
}

void ExactSum::add_product(double x, double y) {
  double product = x * y;
  if (!std::isfinite(product)) return;
  add(std::fma(x, y, -product));
  add(product);
}

void ExactSum::add(const ExactSum& other) {
  for (double partial : other.partials_) add(partial);
}

// Partials are added from the largest down; where the sum stops being exact, the sign of the next one decides
// a tie, as rounding to even would not know of it.
double ExactSum::total() const {
  std::size_t n = partials_.size();
  if (n == 0) return 0;
  double high = partials_[--n];
  double low = 0;
  while (n > 0) {
    double x = high;
    double y = partials_[--n];
    high = x + y;
    low = y - (high - x);
    if (low != 0) break;
  }
  if (n > 0 && ((low < 0 && partials_[n - 1] < 0) || (low > 0 && partials_[n - 1] > 0))) {
    double twice = low * 2;
    double rounded = high + twice;
    if (twice == rounded - high) high = rounded;
  }
  return high;
}

ExactSum ExactSum::times(double factor) const {
  ExactSum result;
  for (double partial : partials_) result.add_product(partial, factor);
  return result;
}

ExactSum ExactSum::squared() const {
  ExactSum result;
  for (double a : partials_) {
    for (double b : partials_) result.add_product(a, b);
  }
  return result;
}

void ExactSum::negate() {
  for (double& partial : partials_) partial = -partial;
}

}  // namespace hecate::spl
