#include "pipeline/syslog/message.h"

#include "pipeline/syslog/timestamp.h"

#include <algorithm>
#include <array>

namespace hecate::syslog {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kCeeCookie = "@cee:";
constexpr int kMostPriority = 191;
constexpr std::size_t kLongestProgram = 128;
constexpr std::size_t kLongestHost = 255;
constexpr std::size_t kLongestProcessId = 128;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
// Characters, looked up at once.
class CharacterSet {
 public:
  consteval explicit CharacterSet(std::string_view characters) {
    for (char c : characters) has_[static_cast<unsigned char>(c)] = true;
  }
  [[nodiscard]] bool has(char c) const { return has_[static_cast<unsigned char>(c)]; }

 private:
  std::array<bool, 256> has_{};
};
constexpr CharacterSet kTagEnds(" :[]<>{}\"\t");
constexpr CharacterSet kHostCharacters(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:%/@");

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
// What may stand behind a text: line breaks and NULs that senders add.
bool is_trailer(char c) {
  return is_space(c) || c == '\0';
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
}

bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// `<N>` with N up to 191.
bool take_priority(std::string_view& text, int& priority) {
  std::size_t end = text.substr(0, 5).find('>');
  if (!text.starts_with('<') || end == std::string_view::npos || end < 2) return false;
  int value = 0;
  for (char c : text.substr(1, end - 1)) {
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
  }
  bool leading_zero = end > 2 && text[1] == '0';
  if (value > kMostPriority || leading_zero) return false;
  priority = value;
  text.remove_prefix(end + 1);
  return true;
}

// The next word, ended by a blank, which goes too.
std::string_view take_word(std::string_view& text) {
  std::size_t end = std::min(text.find(' '), text.size());
  std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::string_view unless_nil(std::string_view word) {
  return word == "-" ? std::string_view() : word;
}

// Where the structured data at the begin of `text` end; 0 where it is none.
std::size_t structured_data_end(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] == '[') {
    bool quoted = false;
    for (++at; at < text.size() && (quoted || text[at] != ']'); ++at) {
      if (text[at] == '"') quoted = !quoted;
      if (quoted && text[at] == '\\') ++at;
    }
    if (at >= text.size()) return 0;
    ++at;
  }
  return at == text.size() || text[at] == ' ' ? at : 0;
}

void skip_structured_data(std::string_view& text) {
  bool none = text == "-" || text.starts_with("- ");
  text.remove_prefix(none ? 1 : structured_data_end(text));
}

// Behind the priority: `1 TIME HOST APP-NAME PROCID MSGID DATA TEXT`. Parts that are missing at the end are
// empty.
bool take_rfc5424(std::string_view& text, Time now, const absl::TimeZone& zone, Message& message) {
  std::string_view rest = text;
  if (!skip(rest, "1 ")) return false;
  if (rest == "-") {
    rest = {};
  } else if (!skip(rest, "- ")) {
    auto time = take_time(rest, now, zone);
    if (!time) return false;
    message.time = *time;
    skip(rest, " ");
  }
  message.host = unless_nil(take_word(rest));
  message.program = unless_nil(take_word(rest));
  (void)take_word(rest);  // PROCID
  (void)take_word(rest);  // MSGID
  skip_structured_data(rest);
  message.head = Head::rfc5424;
  text = rest;
  return true;
}

// `program:`, `program[12]:` or `program[12]`, with any name. A colon inside of a word makes no tag: an IPv6
// address has them.
bool take_tag(std::string_view& text, Message& message) {
  std::size_t end = 0;
  while (end < text.size() && end <= kLongestProgram && !kTagEnds.has(text[end])) ++end;
  if (end == 0 || end == text.size() || end > kLongestProgram) return false;
  std::string_view rest = text.substr(end);
  if (rest.starts_with('[')) {
    std::size_t close = rest.substr(0, kLongestProcessId).find_first_of("] ");
    if (close == std::string_view::npos || rest[close] == ' ') return false;
    rest.remove_prefix(close + 1);
    skip(rest, ":");
  } else if (!skip(rest, ":")) {
    return false;
  }
  if (!rest.empty() && (is_alphanumeric(rest.front()) || std::string_view(":\\/.").contains(rest.front())))
    return false;
  message.program = text.substr(0, end);
  text = rest;
  return true;
}

bool take_host(std::string_view& text, Message& message) {
  std::string_view rest = text;
  std::string_view word = take_word(rest);
  auto fits = [](char c) { return kHostCharacters.has(c); };
  if (word.empty() || word.size() > kLongestHost || !std::ranges::all_of(word, fits)) return false;
  message.host = unless_nil(word);
  text = rest;
  return true;
}

// Behind the priority, which may be missing: `TIME HOST TAG TEXT`, each of which may be missing. False:
// there is nothing of a head.
bool take_rfc3164(std::string_view& text, Time now, const absl::TimeZone& zone, Message& message) {
  std::string_view rest = text;
  skip_spaces(rest);
  if (auto time = take_time(rest, now, zone)) {
    message.time = *time;
    skip_spaces(rest);
    if (!take_tag(rest, message) && take_host(rest, message)) {
      skip_spaces(rest);
      take_tag(rest, message);
    }
  } else if (message.priority < 0) {
    return false;
  } else if (!take_tag(rest, message)) {
    // Without a time a word is a host only where a tag follows it.
    std::string_view behind_host = rest;
    Message with_host = message;
    if (take_host(behind_host, with_host) && take_tag(behind_host, with_host)) {
      message = with_host;
      rest = behind_host;
    }
  }
  message.head = Head::rfc3164;
  text = rest;
  return true;
}

std::string_view clean(std::string_view text) {
  while (!text.empty() && is_trailer(text.back())) text.remove_suffix(1);
  skip_spaces(text);
  skip(text, kByteOrderMark);
  if (skip(text, kCeeCookie)) skip_spaces(text);
  return text;
}

}  // namespace

Message parse_message(std::string_view frame, Time now, const absl::TimeZone& zone) {
  Message message;
  std::string_view rest = frame;
  skip_spaces(rest);
  skip(rest, kByteOrderMark);
  bool has_priority = take_priority(rest, message.priority);
  if (!has_priority || !take_rfc5424(rest, now, zone, message)) take_rfc3164(rest, now, zone, message);
  message.text = clean(rest);
  return message;
}

}  // namespace hecate::syslog
