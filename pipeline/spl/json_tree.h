#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecate::spl {

// A JSON value that can be changed: what the json_ functions work on. Objects keep the order of their
// members.
struct JsonTree {
  enum class Kind { null, boolean, number, text, array, object };

  Kind kind = Kind::null;
  std::string scalar;  // of a text decoded, of a number or boolean as JSON has it
  std::vector<JsonTree> items;
  std::vector<std::pair<std::string, JsonTree>> members;

  [[nodiscard]] static JsonTree text(std::string_view text);
  [[nodiscard]] static JsonTree number(double number);
  [[nodiscard]] static JsonTree boolean(bool value);
  // nullopt where `text` is not JSON.
  [[nodiscard]] static std::optional<JsonTree> parse(std::string_view text);

  [[nodiscard]] bool is_array() const { return kind == Kind::array; }
  [[nodiscard]] bool is_object() const { return kind == Kind::object; }
  [[nodiscard]] JsonTree* member(std::string_view name);
  // In JSON's form, without blanks.
  void write(std::string& out) const;
};

// `text` in quotes, with what JSON wants escaped.
void append_json_text(std::string_view text, std::string& out);

// One step of a path such as `a.b{}.c{0}`: the member of that name (the value itself without one), and then
// perhaps all elements of an array (`{}`) or the one at a place.
struct JsonStep {
  std::string_view name;
  bool of_array = false;
  std::optional<std::size_t> index;
};

// The next step; `path` is left with the others. nullopt where a place is no number.
[[nodiscard]] std::optional<JsonStep> take_json_step(std::string_view& path);

// Every value that a path leads to, in order; a `null` counts as one.
void find_in_json(JsonTree& tree, std::string_view path, std::vector<JsonTree*>& found);
// Puts `value` wherever the path leads to, making the members that are missing. Where the tree is of another
// form than the path implies, it stays as it is.
void set_in_json(JsonTree& tree, std::string_view path, const JsonTree& value);
// Removes the member that a path of names leads to.
void remove_from_json(JsonTree& tree, std::string_view path);

}  // namespace hecate::spl
