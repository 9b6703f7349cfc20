#include "pipeline/spl/case_fold.h"

#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace hecate::spl {
namespace {

// Capitals [first, last], every `step`-th of them, whose small letters stand `offset` further on.
struct Range {
  char32_t first;
  char32_t last;
  char32_t step;
  std::int32_t offset;
};

constexpr Range kCapitals[] = {
    {0x00C0, 0x00D6, 1, 32}, {0x00D8, 0x00DE, 1, 32}, {0x0100, 0x012E, 2, 1},     {0x0132, 0x0136, 2, 1},
    {0x0139, 0x0147, 2, 1},  {0x014A, 0x0176, 2, 1},  {0x0178, 0x0178, 1, -121},  {0x0179, 0x017D, 2, 1},
    {0x0182, 0x0184, 2, 1},  {0x01A0, 0x01A4, 2, 1},  {0x01CD, 0x01DB, 2, 1},     {0x01DE, 0x01EE, 2, 1},
    {0x01F8, 0x021E, 2, 1},  {0x0222, 0x0232, 2, 1},  {0x0246, 0x024E, 2, 1},     {0x0386, 0x0386, 1, 38},
    {0x0388, 0x038A, 1, 37}, {0x038C, 0x038C, 1, 64}, {0x038E, 0x038F, 1, 63},    {0x0391, 0x03A1, 1, 32},
    {0x03A3, 0x03AB, 1, 32}, {0x0400, 0x040F, 1, 80}, {0x0410, 0x042F, 1, 32},    {0x0460, 0x0480, 2, 1},
    {0x048A, 0x04BE, 2, 1},  {0x04C0, 0x04C0, 1, 15}, {0x04C1, 0x04CD, 2, 1},     {0x04D0, 0x052E, 2, 1},
    {0x0531, 0x0556, 1, 48}, {0x1E00, 0x1E94, 2, 1},  {0x1E9E, 0x1E9E, 1, -7615}, {0x1EA0, 0x1EFE, 2, 1},
    {0xFF21, 0xFF3A, 1, 32},
};

// Letters that are equal without case to another small one, though not its capital.
constexpr std::pair<char32_t, char32_t> kAlike[] = {
    {0x00B5, 0x03BC}, {0x03C2, 0x03C3}, {0x03D0, 0x03B2}, {0x03D1, 0x03B8},
    {0x03D5, 0x03C6}, {0x03D6, 0x03C0}, {0x03F0, 0x03BA}, {0x03F1, 0x03C1},
    {0x03F5, 0x03B5}, {0x1E9B, 0x1E61}, {0x212B, 0x00E5},
};

char32_t small_letter(char32_t code) {
  for (const Range& range : kCapitals) {
    if (code < range.first) return code;
    if (code <= range.last && (code - range.first) % range.step == 0) {
      return static_cast<char32_t>(static_cast<std::int32_t>(code) + range.offset);
    }
  }
  return code;
}

char32_t capital_letter(char32_t code) {
  if (code == 0x00DF) return code;  // ß: its one-letter capital is not what people write
  for (const Range& range : kCapitals) {
    auto capital = static_cast<char32_t>(static_cast<std::int32_t>(code) - range.offset);
    if (capital >= range.first && capital <= range.last && (capital - range.first) % range.step == 0)
      return capital;
  }
  return code;
}

char32_t folded_letter(char32_t code) {
  for (auto [letter, alike] : kAlike) {
    if (letter == code) return alike;
  }
  return small_letter(code);
}

template <typename Ascii, typename Letter>
void map_letters(std::string_view text, std::string& out, Ascii ascii, Letter letter) {
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      out += ascii(text[at++]);
      continue;
    }
    Character character = character_at(text, at);
    char32_t mapped = character.valid ? letter(character.code) : character.code;
    if (mapped == character.code) {
      out += text.substr(at, character.size);
    } else {
      append_character(mapped, out);
    }
    at += character.size;
  }
}

}  // namespace

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void to_lower(std::string_view text, std::string& out) {
  map_letters(text, out, ascii_lower, small_letter);
}

void to_upper(std::string_view text, std::string& out) {
  map_letters(text, out, ascii_upper, capital_letter);
}

void fold_case(std::string_view text, std::string& out) {
  map_letters(text, out, ascii_lower, folded_letter);
}

Character character_at(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  std::size_t size = first >= 0xF0 && first < 0xF5   ? 4
                     : first >= 0xE0 && first < 0xF0 ? 3
                     : first >= 0xC2                 ? 2
                                                     : 1;
  if (first >= 0xF5) size = 1;
  if (size == 1 || text.size() - at < size) return {first, 1, false};
  char32_t code = first & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {first, 1, false};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  bool valid = code >= kLeast[size] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  return valid ? Character{code, size, true} : Character{first, 1, false};
}

void append_character(char32_t code, std::string& out) {
  auto put = [&](char32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) at += character_at(text, at).size;
  return count;
}

}  // namespace hecate::spl
