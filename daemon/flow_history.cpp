#include "daemon/flow_history.h"

namespace hecate::daemon {

void FlowHistory::sample(Time now, const std::map<std::string, double>& totals) {
  double seconds = static_cast<double>(now - last_) / kSecond;
  // A clock that was set back: that one difference says nothing.
  if (last_ != 0 && seconds > 0) {
    for (const auto& [input, total] : totals) {
      auto before = totals_.find(input);
      if (before == totals_.end()) continue;
      std::deque<double>& rates = rates_[input];
      rates.push_back((total - before->second) / seconds);
      if (rates.size() > kSamples) rates.pop_front();
    }
  }
  std::erase_if(rates_, [&](const auto& each) { return !totals.contains(each.first); });
  totals_ = totals;
  last_ = now;
}

}  // namespace hecate::daemon
