#include "daemon/telling_runs.h"

#include <algorithm>

namespace hecate::daemon {
namespace {

bool tells_of_nothing(const catalogue::LoadedDetection& detection, const schedule::Window& window) {
  if (!detection.plan->can_tell_of_nothing()) return false;
  Arena arena;
  spl::EvalContext context{
      .arena = arena, .now = window.scheduled, .earliest = window.earliest, .latest = window.latest};
  bool any = false;
  auto nothing = [](const spl::Scan&, spl::GroupVisitor) -> Result<void> { return {}; };
  (void)spl::run(*detection.plan, context, nothing, [&](const spl::ResultRow&) { any = true; });
  return any;
}

}  // namespace

TellingRuns::TellingRuns(const catalogue::Catalogue& catalogue, const store::DeltaSet& deltas, Time last)
    : catalogue_(catalogue), last_(last), next_(catalogue.detections.size(), INT64_MIN) {
  for (const auto& [key, delta] : deltas) minutes_[key.scan].push_back(key.minute);
  for (auto& [scan, minutes] : minutes_) {
    std::ranges::sort(minutes);
    auto rest = std::ranges::unique(minutes);
    minutes.erase(rest.begin(), rest.end());
  }
}

bool TellingRuns::tells(const catalogue::LoadedDetection& detection, Time scheduled) const {
  schedule::Window window = detection.schedule.window(scheduled);
  for (const auto& scan : detection.plan->scans()) {
    auto found = minutes_.find(scan->id());
    if (found == minutes_.end()) continue;
    auto minute = std::ranges::lower_bound(found->second, floor_to(window.earliest, kMinute) / kMinute);
    if (minute != found->second.end() && *minute * kMinute < window.latest) return true;
  }
  return tells_of_nothing(detection, window);
}

Time TellingRuns::next(Time time) {
  Time first = INT64_MAX;
  for (std::size_t i = 0; i < next_.size(); ++i) {
    const catalogue::LoadedDetection& detection = catalogue_.detections[i];
    if (next_[i] < time) {
      next_[i] = detection.schedule.cron.next(time - 1);
      while (next_[i] <= last_ && !tells(detection, next_[i]))
        next_[i] = detection.schedule.cron.next(next_[i]);
    }
    first = std::min(first, next_[i]);
  }
  return first;
}

}  // namespace hecate::daemon
