#pragma once

#include "pipeline/base/error.h"
#include "pipeline/base/time.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace YAML {
class Node;
}

// Configuration keys, each declared once: where its value goes, help, bounds. From the declarations come the
// reading of a file, its error messages and the reference page. For config.cpp only.
namespace hecate::daemon {

// Gathers what is wrong with a file, each with its line, so that all is told at once.
class ConfigErrors {
 public:
  explicit ConfigErrors(std::string file) : file_(std::move(file)) {}
  // `line` counts from 1; 0: no line to name.
  void add(int line, std::string_view message);
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string file_;
  std::string text_;
};

// One line of the reference page.
struct KeyInfo {
  std::string path;  // below the keys' own place
  std::string kind;
  std::string shown_default;  // empty: none
  std::string help;
  bool required = false;
};

// The keys of one part of the configuration, bound to where their values go; those must outlive it. What a
// value is before the file is read is the key's default.
class Keys {
 public:
  // Says what is wrong with a text, or nothing.
  using Check = std::function<std::optional<std::string>(const std::string&)>;
  // Declares the keys of one element of a list or map, bound to that element.
  template <typename T>
  using Declare = std::function<void(Keys&, T&)>;

  // `folder`: what relative paths are relative to.
  explicit Keys(std::string folder) : folder_(std::move(folder)) {}

  // Applies to the key declared last: a file that has the part at all must have it.
  Keys& required();

  Keys& text(std::string path, std::string& value, std::string help, Check check = {},
             std::string kind = "text");
  Keys& text(std::string path, std::optional<std::string>& value, std::string help, Check check = {},
             std::string kind = "text");
  Keys& path(std::string path, std::string& value, std::string help);
  Keys& texts(std::string path, std::vector<std::string>& value, std::string help);
  Keys& paths(std::string path, std::vector<std::string>& value, std::string help);
  // A single text, or a list of at least one.
  Keys& one_or_more(std::string path, std::vector<std::string>& value, std::string help, Check check,
                    const std::string& kind);
  Keys& flag(std::string path, bool& value, std::string help);
  Keys& flag(std::string path, std::optional<bool>& value, std::string help);
  Keys& number(std::string path, int& value, int least, int most, std::string help);
  Keys& number(std::string path, std::optional<int>& value, int least, int most, std::string help);
  Keys& size(std::string path, std::size_t& value, std::size_t least, std::size_t most, std::string help);
  Keys& period(std::string path, Time& value, std::string help);
  // `names` in the order of the reference page.
  Keys& choice(std::string path, std::string& value, std::vector<std::string> names, std::string help);

  template <typename T>
  Keys& list(const std::string& path, std::vector<T>& values, const Declare<T>& declare) {
    part(path + "[]",
         [this, &values, declare](const YAML::Node& node, const std::string& at, ConfigErrors& errors) {
           each_item(node, at, errors, [&](const YAML::Node& item, const std::string& item_at) {
             T value;
             read_part(item, item_at, errors, [&](Keys& keys) { declare(keys, value); });
             values.push_back(std::move(value));
           });
         });
    describe<T>(path + "[].", declare);
    return *this;
  }
  template <typename T>
  Keys& map(const std::string& path, std::map<std::string, T>& values, const Declare<T>& declare) {
    part(path, [this, &values, declare](const YAML::Node& node, const std::string& at, ConfigErrors& errors) {
      each_entry(node, at, errors,
                 [&](const std::string& name, const YAML::Node& item, const std::string& item_at) {
                   read_part(item, item_at, errors, [&](Keys& keys) { declare(keys, values[name]); });
                 });
    });
    // How often the element's keys are told is the caller's choice: they are often those of another part.
    return *this;
  }

  // Reads `node`, a map, whose place is `at` (`inputs.hec`, or empty).
  void read(const YAML::Node& node, const std::string& at, ConfigErrors& errors);
  // Whether the file had the key, or any below it.
  [[nodiscard]] bool given(std::string_view path) const;
  [[nodiscard]] int line(std::string_view path) const;

  [[nodiscard]] const std::vector<KeyInfo>& infos() const { return infos_; }

 private:
  using Read = std::function<std::optional<std::string>(const YAML::Node&)>;  // what is expected, if wrong
  using ReadPart = std::function<void(const YAML::Node&, const std::string& at, ConfigErrors&)>;

  void key(std::string path, std::string kind, std::string shown_default, std::string help, Read read);
  void part(const std::string& path, ReadPart read);
  template <typename T>
  void describe(const std::string& below, const Declare<T>& declare) {
    T value{};
    Keys keys(folder_);
    declare(keys, value);
    for (KeyInfo info : keys.infos()) {
      info.path = below + info.path;
      infos_.push_back(std::move(info));
    }
  }
  void read_below(const YAML::Node& node, const std::string& below, const std::string& at,
                  ConfigErrors& errors);
  void read_value(const std::string& path, const YAML::Node& value, const std::string& at,
                  ConfigErrors& errors);
  void unknown(const std::string& path, const std::string& at, int line, ConfigErrors& errors) const;
  void check_required(int line, const std::string& at, ConfigErrors& errors) const;
  [[nodiscard]] std::string in_folder(const std::string& path) const;

  void read_part(const YAML::Node& node, const std::string& at, ConfigErrors& errors,
                 const std::function<void(Keys&)>& declare) const;
  static void each_item(const YAML::Node& node, const std::string& at, ConfigErrors& errors,
                        const std::function<void(const YAML::Node&, const std::string&)>& item);
  static void each_entry(
      const YAML::Node& node, const std::string& at, ConfigErrors& errors,
      const std::function<void(const std::string&, const YAML::Node&, const std::string&)>& entry);

  std::string folder_;
  std::vector<KeyInfo> infos_;
  std::map<std::string, Read, std::less<>> reads_;
  std::map<std::string, ReadPart, std::less<>> parts_;
  std::map<std::string, int, std::less<>> lines_;
};

// `64MiB` (KiB, MiB, GiB: powers of 1024), `64MB` (powers of 1000), a plain number of bytes; case does not
// matter.
[[nodiscard]] std::optional<std::size_t> parse_size(std::string_view text);
[[nodiscard]] std::string format_size(std::size_t bytes);
// `3600s`, `90m`, `1h`, `1d`; a plain number is seconds.
[[nodiscard]] std::optional<Time> parse_period(std::string_view text);
[[nodiscard]] std::string format_period(Time period);

}  // namespace hecate::daemon
