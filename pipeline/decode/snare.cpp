#include "pipeline/decode/forms.h"
#include "pipeline/decode/inserts.h"

#include <array>
#include <string_view>

namespace hecate::decode {

namespace {

// The mark stands behind a syslog head, if there is one.
constexpr std::string_view kMark = "MSWinEventLog\t";
constexpr std::size_t kLongestHead = 512;

// What stands between the tabs behind the mark.
enum Part {
  criticality,
  log,
  counter,
  date,
  event_id,
  provider,
  user,
  sid_type,
  type,
  computer,
  category,
  data,
  message
};
constexpr std::size_t kParts = message + 1;

// A checksum or another counter may follow the message.
bool split(std::string_view text, std::array<std::string_view, kParts>& parts) {
  for (std::size_t i = 0; i < kParts; ++i) {
    std::size_t tab = text.find('\t');
    if (tab == std::string_view::npos && i + 1 < kParts) return false;
    parts[i] = text.substr(0, tab);
    text.remove_prefix(tab == std::string_view::npos ? text.size() : tab + 1);
  }
  std::string_view id = parts[event_id];
  return !id.empty() && id.find_first_not_of("0123456789") == std::string_view::npos;
}

// Finds `Name:` behind so many blanks, as each line break of the message became.
class JoinedLines {
 public:
  explicit JoinedLines(std::string_view message) : message_(message) {
    std::size_t at = message.find(" UtcTime:");
    if (at == std::string_view::npos) return;
    std::size_t text = message.substr(0, at + 1).find_last_not_of(' ');
    if (text != std::string_view::npos) blanks_ = at - text;
  }
  [[nodiscard]] bool found() const { return blanks_ > 0; }
  // Where the value of `name` begins, at its first place from `from` on; npos: nowhere.
  [[nodiscard]] std::size_t first_value(std::string_view name, std::size_t from) const {
    for (std::size_t at = message_.find(name, from); at != npos; at = message_.find(name, at + 1)) {
      if (is_key(at, name)) return at + name.size() + 1;
    }
    return npos;
  }
  // Where the line with the last `name` before `end` begins, which there must be.
  [[nodiscard]] std::size_t last_line(std::string_view name, std::size_t end) const {
    std::size_t at = message_.substr(0, end).rfind(name);
    while (at != npos && !is_key(at, name)) at = at == 0 ? npos : message_.rfind(name, at - 1);
    return at == npos ? 0 : at - blanks_;
  }

 private:
  static constexpr std::size_t npos = std::string_view::npos;
  [[nodiscard]] bool is_key(std::size_t at, std::string_view name) const {
    return at >= blanks_ && message_.substr(at - blanks_, blanks_).find_first_not_of(' ') == npos &&
           message_.substr(at + name.size()).starts_with(':');
  }

  std::string_view message_;
  std::size_t blanks_ = 0;
};

struct Line {
  std::string_view name;
  std::size_t value;  // where it begins
};

std::string_view trim_blanks(std::string_view text) {
  if (text.starts_with(' ')) text.remove_prefix(1);
  return text.substr(0, text.find_last_not_of(" \r\n") + 1);
}

// Sysmon's names come in a known order. A value may hold some of them, and then nobody can tell where it
// ends: so each value goes from the first place where its name may stand to the last where the next may, and
// none is hidden by what looks like another field.
void read_joined_message(std::string_view message, std::string_view event_id, FieldSink& sink) {
  constexpr std::size_t kMostNames = 32;
  std::array<Line, kMostNames> lines;
  std::size_t count = 0;
  std::size_t at = 0;
  JoinedLines joined(message);
  if (!joined.found()) return;
  for (std::string_view name : insert_names(event_id).names) {
    std::size_t value = joined.first_value(name, at);
    if (value == std::string_view::npos || count == kMostNames) continue;
    lines[count++] = {name, value};
    at = value;
  }
  std::size_t end = message.size();
  while (count > 0) {
    const Line& line = lines[--count];
    give_field(line.name, trim_blanks(message.substr(line.value, end - line.value)), sink);
    end = joined.last_line(line.name, end);
  }
}

}  // namespace

bool read_snare(std::string_view text, FieldSink& sink) {
  std::size_t mark = text.substr(0, kLongestHead).find(kMark);
  std::array<std::string_view, kParts> parts;
  if (mark == std::string_view::npos || !split(text.substr(mark + kMark.size()), parts)) return false;
  give_system(SystemPart::event_id, parts[event_id], sink);
  give_system(SystemPart::provider, parts[provider], sink);
  give_system(SystemPart::channel, parts[log], sink);
  give_system(SystemPart::computer, parts[computer], sink);
  give_system(SystemPart::message, parts[message], sink);
  bool sysmon = parts[provider].find("Sysmon") != std::string_view::npos;
  if (sysmon) read_joined_message(parts[message], parts[event_id], sink);
  // The account that Sysmon's own service runs as is not the event's user.
  if (!sysmon) give_field("User", parts[user], sink);
  give_field("Type", parts[type], sink);
  give_field("TaskCategory", parts[category], sink);
  return true;
}

}  // namespace hecate::decode
