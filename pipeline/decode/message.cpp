#include "pipeline/decode/forms.h"
#include "pipeline/decode/shape.h"

#include <algorithm>

namespace hecate::decode {

namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Length of a key at the line's begin: letters and digits before the separator; 0 when there is none.
std::size_t key_length(std::string_view line, char separator) {
  std::size_t size = 0;
  while (size < line.size() && is_word(line[size])) ++size;
  if (size == line.size() || line[size] != separator) return 0;
  return size;
}

// A line of a message is `Key: value` or, where there is no value, `Key:`.
std::size_t message_key_length(std::string_view line) {
  std::size_t size = key_length(line, ':');
  bool followed = size + 1 >= line.size() || line[size + 1] == ' ' || line[size + 1] == '\r';
  return followed ? size : 0;
}

std::string_view take_line(std::string_view& rest) {
  std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

std::string_view without_line_end(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

void give_head_line(std::string_view line, FieldSink& sink, bool parts) {
  std::size_t size = key_length(line, '=');
  if (size == 0) return;
  std::string_view key = line.substr(0, size);
  std::string_view value = without_line_end(line.substr(size + 1));
  auto part = find_system_key(key);
  if (parts && part) give_system(part->part, value, sink);
  if (!parts && !(key == "User" && value == "NOT_TRANSLATED")) give_field(key, value, sink);
}

void give_head(std::string_view head, FieldSink& sink, bool parts) {
  while (!head.empty()) give_head_line(take_line(head), sink, parts);
}

// What follows the head of a syslog line where the event's own head begins on that line too.
std::string_view without_log_head(std::string_view text) {
  constexpr std::size_t longest = 512;
  std::string_view line = text.substr(0, std::min(text.find('\n'), longest));
  if (!is_log_head(line)) return text;
  std::size_t first = std::string_view::npos;
  for (std::string_view key : {"LogName=", "SourceName=", "EventCode=", "Message="})
    first = std::min(first, line.find(key));
  return first == std::string_view::npos ? text : text.substr(first);
}

// Snare's, where rsyslog wrote its tab.
constexpr std::string_view kEscapedMark = "MSWinEventLog#011";

// Three octal digits of a control character.
bool is_escaped_control(std::string_view digits) {
  return digits.size() >= 3 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '3' && digits[2] >= '0' &&
         digits[2] <= '7';
}

}  // namespace

std::string_view with_line_breaks(std::string_view text, std::string& buffer) {
  bool escaped =
      text.find("#012") != std::string_view::npos || text.find(kEscapedMark) != std::string_view::npos;
  if (!escaped || text.find('\n') != std::string_view::npos) return text;
  buffer.clear();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '#' || !is_escaped_control(text.substr(at + 1))) {
      buffer += text[at];
      continue;
    }
    buffer += static_cast<char>((text[at + 2] - '0') * 8 + text[at + 3] - '0');
    at += 3;
  }
  return buffer;
}

void read_message(std::string_view message, FieldSink& sink) {
  std::string_view key;
  const char* value = nullptr;
  auto give = [&](const char* end) {
    if (key.empty()) return;
    give_field(key, without_line_end({value, static_cast<std::size_t>(end - value)}), sink);
  };
  std::string_view rest = message;
  while (!rest.empty()) {
    std::string_view line = take_line(rest);
    std::size_t size = message_key_length(line);
    if (size == 0) continue;
    give(line.data());
    key = line.substr(0, size);
    value = line.data() + std::min(size + 2, line.size());
  }
  give(message.data() + message.size());
}

void read_text(std::string_view text, FieldSink& sink) {
  if (read_snare(text, sink)) return;
  constexpr std::string_view begin = "Message=";
  text = without_log_head(text);
  std::size_t at = text.starts_with(begin) ? 0 : text.find("\nMessage=");
  if (at == std::string_view::npos) return give_head(text, sink, true), give_head(text, sink, false);
  std::string_view head = text.substr(0, at);
  std::string_view message = text.substr(text.find('=', at) + 1);
  // A part of the event goes before all, the message before what the head says under its own names.
  give_head(head, sink, true);
  give_system(SystemPart::message, message, sink);
  read_message(message, sink);
  give_head(head, sink, false);
}

}  // namespace hecate::decode
