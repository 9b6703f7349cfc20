#pragma once

#include <string>
#include <string_view>

namespace hecate::spl {

// Letters with and without case, in UTF-8. Known beside A–Z: Latin-1, Latin Extended-A, Extended-B in part,
// Extended Additional, Greek, Cyrillic, Armenian, full-width letters (Unicode's simple mappings). Bytes that
// are not valid UTF-8 stay as they are. No letter beyond ASCII maps to an ASCII one (ſ and the Kelvin sign
// stay), so that a search for ASCII text may look at bytes alone.

[[nodiscard]] constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
[[nodiscard]] constexpr char ascii_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
[[nodiscard]] bool is_ascii(std::string_view text);

// Appended to `out`. fold_case (values.h) is to_lower and a few more that are equal without case (ς σ, µ μ).
void to_lower(std::string_view text, std::string& out);
void to_upper(std::string_view text, std::string& out);

// One character of UTF-8, and how many bytes it takes up; a byte that is no part of one counts as itself.
struct Character {
  char32_t code;
  std::size_t size;
  bool valid;
};
[[nodiscard]] Character character_at(std::string_view text, std::size_t at);
void append_character(char32_t code, std::string& out);
// Characters in `text`.
[[nodiscard]] std::size_t count_characters(std::string_view text);

}  // namespace hecate::spl
