#include "pipeline/spl/case_fold.h"
#include "pipeline/spl/function_groups.h"

#include <algorithm>
#include <cmath>

namespace hecate::spl {
namespace {

constexpr std::string_view kGroup = "Text";
constexpr std::string_view kBlanks = " \t\r\n";

Value length(const Call& call) {
  return map_text(call, 0,
                  [](std::string_view text) { return Value(static_cast<double>(count_characters(text))); });
}

template <void (*Change)(std::string_view, std::string&)>
Value change_case(const Call& call) {
  return map_text(call, 0, [&](std::string_view text) {
    std::string changed;
    Change(text, changed);
    return call.keep(changed);
  });
}

template <bool Front, bool Back>
Value trim(const Call& call) {
  std::string_view characters = call.size() > 1 ? call.text(1) : kBlanks;
  return map_text(call, 0, [&](std::string_view text) -> Value {
    if (Front) text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
    if (Back) text.remove_suffix(text.size() - (text.find_last_not_of(characters) + 1));
    return text;
  });
}

Value replace(const Call& call) {
  std::shared_ptr<const Regex> regex = regex_argument(call, 1);
  Value replacement = call[2];
  if (!regex || replacement.is_null()) return {};
  std::string_view put_in = call.to_text_in_arena(replacement);
  return map_text(call, 0,
                  [&](std::string_view text) { return call.keep(replace_matches(*regex, text, put_in)); });
}

// The offset of the `count`-th character.
std::size_t offset_of(std::string_view text, double count) {
  std::size_t at = 0;
  for (double i = 0; i < count && at < text.size(); ++i) at += character_at(text, at).size;
  return at;
}

Value substring(const Call& call) {
  std::optional<double> from = number(call, 1);
  std::optional<double> length = call.size() > 2 ? number(call, 2) : std::optional<double>(HUGE_VAL);
  if (!from || !length) return {};
  return map_text(call, 0, [&](std::string_view text) -> Value {
    double begin = *from > 0 ? *from - 1 : *from;
    if (begin < 0) begin = std::max(0.0, begin + static_cast<double>(count_characters(text)));
    text.remove_prefix(offset_of(text, begin));
    return text.substr(0, offset_of(text, *length));
  });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Value urldecode(const Call& call) {
  return map_text(call, 0, [&](std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
      bool escape =
          text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
      decoded += escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
      if (escape) i += 2;
    }
    return call.keep(decoded);
  });
}

constexpr Function kFunctions[] = {
    {"len", 1, 1, "text", kGroup, "How many characters the text has.", length},
    {"lower", 1, 1, "text", kGroup, "The text in small letters.", change_case<to_lower>},
    {"ltrim", 1, 2, "text, characters", kGroup, "Without the characters (blanks unless given) at the front.",
     trim<true, false>},
    {"replace", 3, 3, "text, regex, replacement", kGroup,
     "Every match replaced; \\1 stands for the first group.", replace, check_regex<1>},
    {"rtrim", 1, 2, "text, characters", kGroup, "Without the characters (blanks unless given) at the end.",
     trim<false, true>},
    {"substr", 2, 3, "text, from, length", kGroup, "A part of the text: from 1, negative from the end.",
     substring},
    {"trim", 1, 2, "text, characters", kGroup, "Without the characters (blanks unless given) at both ends.",
     trim<true, true>},
    {"upper", 1, 1, "text", kGroup, "The text in capitals.", change_case<to_upper>},
    {"urldecode", 1, 1, "text", kGroup, "The text with %41 and the like decoded.", urldecode},
};

}  // namespace

std::span<const Function> text_functions() {
  return kFunctions;
}

}  // namespace hecate::spl
