#pragma once

#include <string>
#include <string_view>

namespace hecate {

// `%40` → `@` (RFC 3986, 2.1); a `%` without two hexadecimal digits behind it stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text);

}  // namespace hecate
