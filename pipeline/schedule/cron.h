#pragma once

#include "pipeline/base/error.h"
#include "pipeline/base/time.h"

#include <bitset>
#include <string>
#include <string_view>

namespace hecate::schedule {

// A cron schedule of five fields (minute hour day-of-month month day-of-week), in UTC. Each field: `*`, n,
// a-b, lists, steps (`*/5`, `1-30/2`, `5/15`); months and weekdays also by three-letter name, Sunday is 0
// or 7. As in cron, a day matches if either day field does when both are restricted (neither begins with
// `*`). A schedule that never comes (30 February) is refused. Immutable, thread-safe.
class Cron {
 public:
  [[nodiscard]] static Result<Cron> parse(std::string_view text);

  // The first scheduled time strictly after `time`.
  [[nodiscard]] Time next(Time time) const;

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  [[nodiscard]] bool day_matches(const CivilTime& civil) const;
  [[nodiscard]] bool ever() const;

  std::string text_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = true;
  bool any_weekday_ = true;
};

}  // namespace hecate::schedule
