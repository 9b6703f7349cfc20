#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace hecate::decode {

// `token`: a value as it stands in the text.
[[nodiscard]] inline bool is_string(std::string_view token) {
  return token.front() == '"';
}
[[nodiscard]] inline std::string_view inside_quotes(std::string_view string_token) {
  return string_token.substr(1, string_token.size() - 2);
}

// Whether a text has escapes in it; quick for short ones (a host, a source).
[[nodiscard]] inline bool has_escape(std::string_view text) {
  if (text.size() > 64) return text.find('\\') != std::string_view::npos;
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
  const char* at = text.data();
  const char* end = at + text.size();
  std::uint64_t found = 0;
  for (; end - at >= 8; at += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, 8);
    bytes ^= ones * '\\';
    found |= (bytes - ones) & ~bytes;
  }
  for (; at != end; ++at) found |= *at == '\\' ? ones << 7 : 0;
  return (found & ones << 7) != 0;
}

// Resolves the escapes of a JSON string (what stands between its quotes) into `out`, which has room for
// `text.size() + kUnescapeRoom` bytes. Returns the end of what was written; null for an escape that JSON does
// not know. Half of a surrogate pair, which Windows' own texts contain, becomes U+FFFD.
inline constexpr int kUnescapeRoom = 8;
[[nodiscard]] char* unescape(std::string_view text, char* out);

}  // namespace hecate::decode
