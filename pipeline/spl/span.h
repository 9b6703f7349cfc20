#pragma once

#include "pipeline/base/time.h"

#include <optional>
#include <string_view>

namespace hecate::spl {

// `30s`, `5m`, `1h`, `2d`, `1w` and the long names of these units; a number alone is seconds. nullopt for
// anything else, 0, and months and longer, which have no fixed length.
[[nodiscard]] std::optional<Time> parse_span(std::string_view text);

// The span that `by _time` without one takes in a window of this length: a minute up to an hour, five minutes
// up to a day, an hour up to 30 days, then a day. Each is a multiple of the ones before it.
[[nodiscard]] Time automatic_span(Time window);

}  // namespace hecate::spl
