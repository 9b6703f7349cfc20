#pragma once

#include "pipeline/spl/source.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::catalogue {

// One setting of a stanza in one of Splunk's .conf files.
struct ConfSetting {
  std::string value;  // lines that a backslash joins keep the line break between them
  std::string file;
  spl::Position position;             // of the value
  std::vector<spl::Position> places;  // of each byte of the value
};

// A stanza as all layers together have it: settings by key.
struct ConfStanza {
  std::string name;
  std::string file;        // where it stands first
  spl::Position position;  // of its head there
  std::map<std::string, ConfSetting, std::less<>> settings;

  // Null when there is none, or an empty one: that is how a layer takes a setting back.
  [[nodiscard]] const ConfSetting* find(std::string_view key) const;
  [[nodiscard]] std::string text_or(std::string_view key, std::string_view otherwise) const;
  // The place of a setting, else that of the stanza; `file:line`.
  [[nodiscard]] std::string place_of(std::string_view key) const;

  // These throw ConfWrong where the value is none of its kind.
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;  // true, t, yes, y, 1 and opposites
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[noreturn]] void wrong(std::string_view key, const std::string& message) const;
};

// What is wrong with a stanza, and where. Caught by whoever began to read; it never leaves this library.
struct ConfWrong {
  std::string file;
  spl::Position position;
  std::string message;
};

// All files of one name (macros.conf), laid over each other as Splunk does it: setting by setting, those of a
// file that was added later over earlier ones, those of `[default]` (and before any stanza) beneath all.
class ConfLayers {
 public:
  using Error = std::function<void(spl::Position, std::string)>;
  // Adds a file's text: `[name]`, lines `key = value`, a backslash at the end of a line takes the next one
  // with it, `#` begins a comment line. What is neither is told to `error`, and the rest goes on. Returns the
  // names of the stanzas that it changed.
  std::vector<std::string> add(std::string_view text, const std::string& file, const Error& error);
  // With the settings of `[default]` put in. The name is one that `add` gave.
  [[nodiscard]] ConfStanza merged(std::string_view name) const;
  // All names in alphabetical order.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::map<std::string, ConfStanza, std::less<>> stanzas_;
};

}  // namespace hecate::catalogue
