#include "pipeline/catalogue/conf_layers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/format.h>

namespace hecate::catalogue {
namespace {

constexpr std::string_view kDefault = "default";
constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// The column of `part` in `line`, in characters.
int column_of(std::string_view line, std::string_view part) {
  std::size_t bytes = part.empty() ? line.size() : static_cast<std::size_t>(part.data() - line.data());
  return 1 + static_cast<int>(
                 std::ranges::count_if(line.substr(0, bytes), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Walks a text and tells of each setting with the stanza that it stands in.
class ConfReader {
 public:
  using OnStanza = std::function<void(const std::string& name, spl::Position)>;
  using OnSetting = std::function<void(const std::string& stanza, std::string key, ConfSetting)>;

  ConfReader(std::string_view text, OnStanza stanza, OnSetting setting, const ConfLayers::Error& error)
      : text_(text), on_stanza_(std::move(stanza)), on_setting_(std::move(setting)), error_(error) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }
  void read() {
    while (!text_.empty()) read_line();
  }

 private:
  std::string_view take_line() {
    std::size_t end = std::min(text_.find('\n'), text_.size());
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++line_;
    return line;
  }
  void read_line() {
    std::string_view line = take_line();
    std::string_view content = trimmed(line);
    if (content.empty() || content.starts_with('#')) return;
    spl::Position place{line_, column_of(line, content)};
    if (content.starts_with('[')) {
      std::size_t close = content.rfind(']');
      if (close == std::string_view::npos) return error_(place, "the stanza's name is not closed by ]");
      stanza_ = content.substr(1, close - 1);
      return on_stanza_(stanza_, place);
    }
    std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return error_(place, "expected [a stanza] or key = value");
    read_setting(line, equals);
  }
  void read_setting(std::string_view line, std::size_t equals) {
    ConfSetting setting;
    std::string_view value = trimmed(line.substr(equals + 1));
    setting.position = {line_, column_of(line, value)};
    std::string key(trimmed(line.substr(0, equals)));
    for (bool more = append(setting, line, value); more && !text_.empty();) {
      line = take_line();
      setting.value += '\n';
      setting.places.push_back({line_, 1});
      more = append(setting, line, line.substr(0, line.find_last_not_of(kBlanks) + 1));
    }
    on_setting_(stanza_, std::move(key), std::move(setting));
  }
  // Adds a line of the value; true when the next one belongs to it.
  bool append(ConfSetting& setting, std::string_view line, std::string_view value) const {
    bool more = value.ends_with('\\');
    if (more) value.remove_suffix(1);
    int column = column_of(line, value) - 1;
    for (char c : value) {
      column += (c & 0xC0) != 0x80;
      setting.places.push_back({line_, column});
    }
    setting.value += value;
    return more;
  }

  std::string_view text_;
  OnStanza on_stanza_;
  OnSetting on_setting_;
  const ConfLayers::Error& error_;
  std::string stanza_{kDefault};
  int line_ = 0;
};

}  // namespace

const ConfSetting* ConfStanza::find(std::string_view key) const {
  auto found = settings.find(key);
  return found == settings.end() || found->second.value.empty() ? nullptr : &found->second;
}

std::string ConfStanza::text_or(std::string_view key, std::string_view otherwise) const {
  const ConfSetting* setting = find(key);
  return setting == nullptr ? std::string(otherwise) : setting->value;
}

std::string ConfStanza::place_of(std::string_view key) const {
  const ConfSetting* setting = find(key);
  return setting == nullptr ? fmt::format("{}:{}", file, position.line)
                            : fmt::format("{}:{}", setting->file, setting->position.line);
}

std::optional<bool> ConfStanza::boolean(std::string_view key) const {
  const ConfSetting* setting = find(key);
  if (setting == nullptr) return std::nullopt;
  std::string word = setting->value;
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* yes : {"1", "t", "true", "y", "yes"})
    if (word == yes) return true;
  for (const char* no : {"0", "f", "false", "n", "no"})
    if (word == no) return false;
  wrong(key, fmt::format("must be true or false (1 or 0), not `{}`", setting->value));
}

std::optional<double> ConfStanza::number(std::string_view key) const {
  const ConfSetting* setting = find(key);
  if (setting == nullptr) return std::nullopt;
  double number = 0;
  const char* end = setting->value.data() + setting->value.size();
  auto [rest, error] = std::from_chars(setting->value.data(), end, number);
  if (error != std::errc() || rest != end)
    wrong(key, fmt::format("must be a number, not `{}`", setting->value));
  return number;
}

void ConfStanza::wrong(std::string_view key, const std::string& message) const {
  const ConfSetting* setting = find(key);
  throw ConfWrong{setting == nullptr ? file : setting->file,
                  setting == nullptr ? position : setting->position, fmt::format("`{}` {}", key, message)};
}

std::vector<std::string> ConfLayers::add(std::string_view text, const std::string& file, const Error& error) {
  std::set<std::string> changed;
  auto stanza_at = [&](const std::string& name, spl::Position place) -> ConfStanza& {
    auto [found, is_new] = stanzas_.try_emplace(name, ConfStanza{name, file, place, {}});
    changed.insert(name);
    return found->second;
  };
  ConfReader(
      text, [&](const std::string& name, spl::Position place) { stanza_at(name, place); },
      [&](const std::string& stanza, std::string key, ConfSetting setting) {
        setting.file = file;
        ConfStanza& in = stanza_at(stanza, setting.position);
        in.settings.insert_or_assign(std::move(key), std::move(setting));
      },
      error)
      .read();
  if (changed.contains(std::string(kDefault))) return names();
  return {changed.begin(), changed.end()};
}

ConfStanza ConfLayers::merged(std::string_view name) const {
  ConfStanza stanza = stanzas_.find(name)->second;
  auto defaults = stanzas_.find(kDefault);
  if (defaults != stanzas_.end())
    stanza.settings.insert(defaults->second.settings.begin(), defaults->second.settings.end());
  return stanza;
}

std::vector<std::string> ConfLayers::names() const {
  std::vector<std::string> names;
  for (const auto& [name, stanza] : stanzas_)
    if (name != kDefault) names.push_back(name);
  return names;
}

}  // namespace hecate::catalogue
