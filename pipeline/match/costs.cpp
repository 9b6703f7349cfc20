#include "pipeline/match/costs.h"

#include <chrono>

namespace hecate::match {

std::int64_t Costs::steady_nanoseconds() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

Costs::Costs(std::size_t scans, Stopwatch stopwatch) : stopwatch_(stopwatch), of_(scans), touched_(scans) {}

bool Costs::begin() {
  if (skipped_-- > 0) return false;
  // By chance, since events come in patterns; kEventsASample - 1 are skipped in the mean.
  skipped_ = static_cast<std::int64_t>(random_() % (2 * kEventsASample - 1));
  since_ = stopwatch_();
  return true;
}

void Costs::decoded(const ScanBits& candidates) {
  std::int64_t now = stopwatch_();
  std::int64_t share = (now - since_) * kEventsASample / static_cast<std::int64_t>(candidates.size());
  candidates.for_each([&](std::size_t scan) { of_[scan].nanoseconds += share; });
  touched_.add(candidates);
  since_ = now;
}

void Costs::timed(std::size_t scan) {
  std::int64_t now = stopwatch_();
  of_[scan].nanoseconds += (now - since_) * kEventsASample;
  since_ = now;
}

}  // namespace hecate::match
