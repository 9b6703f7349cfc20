#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::daemon {

// The value of the first parameter `name` of a query string (`a=1&b=2`, without `?`), with %XX decoded and
// `+` read as a blank.
[[nodiscard]] std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

// The names of all parameters, decoded, in their order.
[[nodiscard]] std::vector<std::string> query_names(std::string_view query);

}  // namespace hecate::daemon
