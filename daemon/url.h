#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hecate::daemon {

// Resolves %XX and reads `+` as a blank, as forms and query strings have them; a `%` without two hex digits
// stays.
[[nodiscard]] std::string percent_decode(std::string_view text);

// The decoded value of the first parameter `name` of a query string (`a=1&b=2`, without `?`).
[[nodiscard]] std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace hecate::daemon
