#pragma once

#include "pipeline/base/error.h"
#include "pipeline/base/time.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::schedule {

// A Splunk relative time: `now`, `-70m@m`, `-1d@d`, `@h`, `-24h@h+30m`, `@w1`. Offsets and snaps apply from
// left to right; units s m h d w mon q y with Splunk's long forms (sec, mins, hrs, days, …); an offset
// without a number is one; snapping goes down; UTC. `@w` is Sunday, `@w1` Monday … `@w7` Sunday again. A
// month that is too short for the day takes its last day (31 March -1mon is 28 or 29 February). Immutable,
// thread-safe.
class RelativeTime {
 public:
  [[nodiscard]] static Result<RelativeTime> parse(std::string_view text);
  [[nodiscard]] Time resolve(Time now) const;
  // Whether it falls on a whole minute whenever `now` does.
  [[nodiscard]] bool on_minute() const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  enum class Unit { second, minute, hour, day, week, month, quarter, year };
  struct Step {
    bool snap = false;
    long amount = 0;  // offset in units; for `@wN` the weekday snapped to
    Unit unit = Unit::second;
  };
  [[nodiscard]] static std::optional<Unit> unit(std::string_view word);
  [[nodiscard]] static Result<Step> parse_step(std::string_view& rest, std::string_view whole);
  [[nodiscard]] static Time snap(Time time, const Step& step);
  [[nodiscard]] static Time offset(Time time, const Step& step);

  std::string text_;
  std::vector<Step> steps_;
};

}  // namespace hecate::schedule
