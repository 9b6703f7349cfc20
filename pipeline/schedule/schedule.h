#pragma once

#include "pipeline/schedule/cron.h"
#include "pipeline/schedule/relative_time.h"

#include <optional>

namespace hecate::schedule {

// The event-time range that one scheduled run looks at: earliest ≤ _time < latest.
struct Window {
  Time scheduled = 0;
  Time earliest = 0;
  Time latest = 0;
  [[nodiscard]] bool holds(Time time) const { return earliest <= time && time < latest; }
  friend bool operator==(const Window&, const Window&) = default;
};

// When a search runs and what range each run looks at.
struct Schedule {
  Cron cron;
  RelativeTime earliest;
  RelativeTime latest;

  // Refuses times that fall between minutes, and ranges that are empty or upside down at every run. (One that
  // is empty now and then, as `@d` to `now` at midnight, is no mistake.)
  [[nodiscard]] static Result<Schedule> parse(std::string_view cron, std::string_view earliest,
                                              std::string_view latest);
  [[nodiscard]] Window window(Time scheduled) const;
  // The first run after `after` whose window holds `event_time`; nullopt when none of the 100,000 runs after
  // it does.
  [[nodiscard]] std::optional<Window> first_window_with(Time event_time, Time after) const;
};

}  // namespace hecate::schedule
