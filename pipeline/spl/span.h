#pragma once

#include "pipeline/base/time.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace hecate::spl {

// `30s`, `5m`, `1h`, `2d`, `1w` and the long names of these units; a number alone is seconds. nullopt for
// anything else, 0, and months and longer, which have no fixed length.
[[nodiscard]] std::optional<Time> parse_span(std::string_view text);

// The span that `by _time` without one takes in a window of this length: a minute up to an hour, five minutes
// up to a day, an hour up to 30 days, then a day. Each is a multiple of the ones before it.
[[nodiscard]] Time automatic_span(Time window);

// A window that is longer holds no time to speak of (`hecate search`: all time): the events' own times say
// how long it is.
inline constexpr Time kLongestWindow = 366 * kDay;

// The shortest of 1, 5, 10, 30 seconds, 1, 5, 10, 30 minutes, 1 hour, 1 day, a week and 30 days that is at
// least `least` and cuts the window into no more than `most` steps; what timechart, bin and sparkline take.
[[nodiscard]] Time step_for(Time window, std::size_t most, Time least = kSecond);

}  // namespace hecate::spl
