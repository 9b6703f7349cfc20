#include "pipeline/spl/json_path.h"

#include "fmt/format.h"
#include "simdjson.h"

#include <charconv>

namespace hecate::spl {
namespace {

using simdjson::dom::element;

// The parser of this thread, and what it last read.
simdjson::simdjson_result<element> parse(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size());
}

void append_found(const element& value, std::vector<std::string>& found) {
  std::string_view text;
  if (value.is_null()) return;
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    found.emplace_back(text);
  } else {
    found.push_back(simdjson::minify(value));
  }
}

// One step of a path: a name, then perhaps `{}` or `{n}`.
struct Step {
  std::string_view name;
  std::string_view index;
  bool of_array = false;
};

Step take_step(std::string_view& path) {
  Step step;
  std::size_t dot = path.find('.');
  std::string_view head = path.substr(0, dot);
  path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  std::size_t open = head.find('{');
  step.name = head.substr(0, open);
  if (open != std::string_view::npos && head.ends_with('}')) {
    step.of_array = true;
    step.index = head.substr(open + 1, head.size() - open - 2);
  }
  return step;
}

void walk(element value, std::string_view path, std::vector<std::string>& found) {
  if (path.empty()) return append_found(value, found);
  Step step = take_step(path);
  if (!step.name.empty() && value[step.name].get(value) != simdjson::SUCCESS) return;
  if (!step.of_array) return walk(value, path, found);
  simdjson::dom::array items;
  if (value.get_array().get(items) != simdjson::SUCCESS) return;
  if (step.index.empty()) {
    for (element item : items) walk(item, path, found);
    return;
  }
  std::size_t index = 0;
  auto [behind, problem] = std::from_chars(step.index.data(), step.index.data() + step.index.size(), index);
  element item;
  if (problem == std::errc() && items.at(index).get(item) == simdjson::SUCCESS) walk(item, path, found);
}

}  // namespace

bool find_in_json(std::string_view text, std::string_view path, std::vector<std::string>& found) {
  element root;
  if (parse(text).get(root) != simdjson::SUCCESS) return false;
  walk(root, path, found);
  return true;
}

bool is_json(std::string_view text) {
  return parse(text).error() == simdjson::SUCCESS;
}

bool keys_of_json(std::string_view text, std::vector<std::string>& keys) {
  simdjson::dom::object object;
  if (parse(text).get_object().get(object) != simdjson::SUCCESS) return false;
  for (auto member : object) keys.emplace_back(member.key);
  return true;
}

void append_json_text(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace hecate::spl
