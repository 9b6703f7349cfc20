#include "pipeline/decode/shape.h"

namespace hecate::decode {

namespace {
// A syslog head has no more than this before its message.
constexpr std::size_t kLongestHead = 512;
constexpr std::string_view kSpaces = " \t\r\n\v\f";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
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

Shape shape_of(std::string_view text) {
  std::string_view body = trim(text);
  if (body.starts_with(kByteOrderMark)) body = trim(body.substr(kByteOrderMark.size()));
  if (body.empty()) return Shape::text;
  if (body.front() == '{') return body.back() == '}' ? Shape::json : Shape::text;
  std::size_t element = find_event_element(body);
  if (element == 0) return Shape::xml;
  if (element == std::string_view::npos) return Shape::text;
  if (body.starts_with("<?xml")) return Shape::xml;
  // Behind a syslog head: on its first line, and the message is that element and nothing else.
  bool one_line = body.substr(0, element).find('\n') == std::string_view::npos;
  return one_line && body.ends_with("</Event>") ? Shape::xml : Shape::text;
}

}  // namespace hecate::decode
