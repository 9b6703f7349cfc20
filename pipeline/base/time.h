#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hecate {

// A point in time: microseconds since 1970-01-01T00:00:00Z. Event time, arrival and schedules all use it.
using Time = std::int64_t;

inline constexpr Time kMillisecond = 1'000;
inline constexpr Time kSecond = 1'000'000;
inline constexpr Time kMinute = 60 * kSecond;
inline constexpr Time kHour = 60 * kMinute;
inline constexpr Time kDay = 24 * kHour;

// The start of the minute, hour or day (UTC) that holds `time`; right for times before 1970 too.
[[nodiscard]] constexpr Time floor_to(Time time, Time unit) {
  Time rest = time % unit;
  return rest < 0 ? time - rest - unit : time - rest;
}

// Reads `2026-04-27 13:21:39.111` and `2026-04-27T13:21:39.111065900Z` (any number of decimals, those
// beyond microseconds cut off; `T` or a blank; nothing, `Z`, `±hh:mm` or `±hhmm`, a blank before it or not,
// at the end; nothing means UTC). Anything else, a date that does not exist included, gives nullopt.
[[nodiscard]] std::optional<Time> parse_timestamp(std::string_view text);

// Reads seconds since the epoch as HEC's `time` has them: `1772000000`, `1772000000.123`. No sign, no
// exponent. A number over 10^11 is taken as milliseconds, over 10^14 as microseconds, over 10^17 as
// nanoseconds (our choice, see docs/formats.md). Anything else gives nullopt.
[[nodiscard]] std::optional<Time> parse_epoch(std::string_view text);

// Seconds since the epoch with at most six decimals and none that are zero at the end: `1772000000.123`.
[[nodiscard]] std::string format_epoch(Time time);

// `2026-04-27T13:21:39.111Z`: three decimals, UTC.
[[nodiscard]] std::string format_iso(Time time);

// A broken-down UTC time; month 1–12, weekday 0 (Sunday) – 6.
struct CivilTime {
  int year, month, day, hour, minute, second, weekday, yearday;
};
[[nodiscard]] CivilTime to_civil(Time time);
[[nodiscard]] Time from_civil(int year, int month, int day, int hour = 0, int minute = 0, int second = 0);

}  // namespace hecate
