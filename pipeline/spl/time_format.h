#pragma once

#include "pipeline/base/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace hecate::spl {

// Times as text, in UTC, by Splunk's format letters: those of strftime, and `%N` (with a width: `%3N`, `%6N`,
// `%9N`) and `%Q` (`%3Q`, …) for parts of a second. A letter that is not known stays as it stands.

void format_time(Time time, std::string_view format, std::string& out);

// Reads `text` by `format`; what the format leaves out is the start of 1970. What follows the format in
// `text` is ignored, as Splunk does. nullopt where they do not fit.
[[nodiscard]] std::optional<Time> parse_time(std::string_view text, std::string_view format);

}  // namespace hecate::spl
