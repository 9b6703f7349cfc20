#pragma once

#include <string_view>

namespace hecate::decode {

// Resolves the escapes of a JSON string (what stands between its quotes) into `out`, which has room for
// `text.size() + kUnescapeRoom` bytes. Returns the end of what was written; null for an escape that JSON does
// not know. Half of a surrogate pair, which Windows' own texts contain, becomes U+FFFD.
inline constexpr int kUnescapeRoom = 8;
[[nodiscard]] char* unescape(std::string_view text, char* out);

}  // namespace hecate::decode
