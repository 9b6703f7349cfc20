#pragma once

#include <span>
#include <vector>

namespace hecate::spl {

// A sum of doubles without rounding: kept as partial sums that do not overlap, so that the total does not
// depend on the order in which numbers come or sums merge; rounded once, when it is asked for. A few partials
// in practice, never more than about 40. Numbers that are not finite are left out.
class ExactSum {
 public:
  void add(double x);
  // The exact product: x·y as its rounded value and what rounding lost.
  void add_product(double x, double y);
  void add(const ExactSum& other);
  // The nearest double.
  [[nodiscard]] double total() const;
  // The total times `factor`, and the square of the total, exact as well.
  [[nodiscard]] ExactSum times(double factor) const;
  [[nodiscard]] ExactSum squared() const;
  void negate();

  [[nodiscard]] std::span<const double> partials() const { return partials_; }

 private:
  std::vector<double> partials_;  // in order of magnitude, the smallest first; no two overlap
};

}  // namespace hecate::spl
