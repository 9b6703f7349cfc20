#pragma once

#include "pipeline/base/time.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace hecate::daemon {

// How many events came in by each input during the last hour: the difference of its counter between one
// sample and the next. Time is passed in. One thread.
class FlowHistory {
 public:
  static constexpr std::size_t kSamples = 360;  // an hour of one each ten seconds

  // The counters as they are now; one that is not there any more is forgotten.
  void sample(Time now, const std::map<std::string, double>& totals);

  // When the last sample was taken; 0: none was.
  [[nodiscard]] Time last() const { return last_; }
  // Events a second between the samples, by input, the oldest first, at most kSamples.
  [[nodiscard]] const std::map<std::string, std::deque<double>>& rates() const { return rates_; }

 private:
  Time last_ = 0;
  std::map<std::string, double> totals_;
  std::map<std::string, std::deque<double>> rates_;
};

}  // namespace hecate::daemon
