#pragma once

#include "pipeline/base/time.h"

#include <optional>
#include <string_view>

#include <absl/time/time.h>

namespace hecate::syslog {

// Reads the time at the begin of `text` and takes it off, with a colon behind it; nullopt, and `text` as it
// was, where there is none. A blank or the end must follow. Forms: `Apr 27 13:21:39`, the day with one digit
// or two, with decimals, with the year behind the day or before the month, with a `*` or `.` before it;
// `2026-04-27T13:21:39.111+02:00`, a blank for the `T`, decimals and zone may be missing.
[[nodiscard]] std::optional<Time> take_time(std::string_view& text, Time now, const absl::TimeZone& zone);

}  // namespace hecate::syslog
