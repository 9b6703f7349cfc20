#include "pipeline/decode/shape.h"

#include <algorithm>

namespace hecate::decode {

namespace {
// A syslog head has no more than this before its message.
constexpr std::size_t kLongestHead = 512;
constexpr std::string_view kSpaces = " \t\r\n\v\f";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// `0` stands for a digit, `a` for a letter, `_` for a blank or a digit, all else for itself.
bool begins_as(std::string_view text, std::string_view pattern) {
  if (text.size() < pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char c = text[i];
    bool digit = c >= '0' && c <= '9';
    bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    bool fits = pattern[i] == '0'   ? digit
                : pattern[i] == 'a' ? letter
                : pattern[i] == '_' ? digit || c == ' '
                                    : c == pattern[i];
    if (!fits) return false;
  }
  return true;
}

std::string_view without_byte_order_mark(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? trim(text.substr(kByteOrderMark.size())) : text;
}
}  // namespace

std::string_view trim(std::string_view text) {
  std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::size_t find_event_element(std::string_view text) {
  std::string_view head = text.substr(0, kLongestHead);
  for (std::size_t at = head.find("<Event"); at != std::string_view::npos; at = head.find("<Event", at + 1)) {
    std::size_t after = at + 6;
    if (after < text.size() && (text[after] == '>' || text[after] == '/' || kSpaces.contains(text[after])))
      return at;
  }
  return std::string_view::npos;
}

bool is_log_head(std::string_view text) {
  text = trim(text);
  for (std::string_view pattern : {"<0>", "<00>", "<000>", "aaa _0 00:00:00", "0000-00-00", "@cee:"}) {
    if (begins_as(text, pattern)) return true;
  }
  // Behind a relay by rsyslog its tab is `#011`.
  return text.find("MSWinEventLog\t") != std::string_view::npos ||
         text.find("MSWinEventLog#011") != std::string_view::npos;
}

std::size_t find_event_object(std::string_view text) {
  std::string_view body = without_byte_order_mark(trim(text));
  auto begin = static_cast<std::size_t>(body.data() - text.data());
  if (body.empty()) return std::string_view::npos;
  if (body.front() == '{') return begin;
  std::string_view line = body.substr(0, std::min(body.find('\n'), kLongestHead));
  for (std::size_t at = line.find('{'); at != std::string_view::npos; at = line.find('{', at + 1)) {
    std::size_t next = body.find_first_not_of(kSpaces, at + 1);
    // Heads have braces of their own, around a GUID say.
    if (next == std::string_view::npos || (body[next] != '"' && body[next] != '}')) continue;
    return is_log_head(line.substr(0, at)) ? begin + at : std::string_view::npos;
  }
  return std::string_view::npos;
}

Shape shape_of(std::string_view text) {
  std::string_view body = without_byte_order_mark(trim(text));
  if (body.empty()) return Shape::text;
  if (body.back() == '}' && find_event_object(body) != std::string_view::npos) return Shape::json;
  std::size_t element = find_event_element(body);
  if (element == 0) return Shape::xml;
  if (element == std::string_view::npos || body.front() == '{') return Shape::text;
  if (body.starts_with("<?xml")) return Shape::xml;
  // Behind a syslog head: on its first line, and the message is that element and nothing else.
  bool one_line = body.substr(0, element).find('\n') == std::string_view::npos;
  return one_line && body.ends_with("</Event>") ? Shape::xml : Shape::text;
}

}  // namespace hecate::decode
