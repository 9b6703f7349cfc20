#include "pipeline/spl/json_tree.h"

#include "fmt/format.h"
#include "pipeline/spl/values.h"
#include "simdjson.h"

#include <algorithm>
#include <charconv>

namespace hecate::spl {
namespace {

JsonTree tree_of(const simdjson::dom::element& element) {
  JsonTree tree;
  std::string_view text;
  bool truth = false;
  simdjson::dom::array array;
  simdjson::dom::object object;
  if (element.is_null()) return tree;
  if (element.get_string().get(text) == simdjson::SUCCESS) return JsonTree::text(text);
  if (element.get_bool().get(truth) == simdjson::SUCCESS) return JsonTree::boolean(truth);
  if (element.get_array().get(array) == simdjson::SUCCESS) {
    tree.kind = JsonTree::Kind::array;
    for (simdjson::dom::element item : array) tree.items.push_back(tree_of(item));
    return tree;
  }
  if (element.get_object().get(object) == simdjson::SUCCESS) {
    tree.kind = JsonTree::Kind::object;
    for (auto member : object) tree.members.emplace_back(member.key, tree_of(member.value));
    return tree;
  }
  tree.kind = JsonTree::Kind::number;
  tree.scalar = simdjson::minify(element);
  return tree;
}

void write_members(const JsonTree& tree, std::string& out) {
  out += '{';
  for (std::size_t i = 0; i < tree.members.size(); ++i) {
    if (i > 0) out += ',';
    append_json_text(tree.members[i].first, out);
    out += ':';
    tree.members[i].second.write(out);
  }
  out += '}';
}

// The member of that name, made where it is missing; null where the tree is of another form.
JsonTree* member_or_new(JsonTree& tree, std::string_view name) {
  if (JsonTree* found = tree.member(name)) return found;
  if (!tree.is_object()) return nullptr;
  return &tree.members.emplace_back(std::string(name), JsonTree()).second;
}

}  // namespace

JsonTree JsonTree::text(std::string_view text) {
  JsonTree tree;
  tree.kind = Kind::text;
  tree.scalar = text;
  return tree;
}

JsonTree JsonTree::number(double number) {
  JsonTree tree;
  tree.kind = Kind::number;
  tree.scalar = number_to_text(number);
  return tree;
}

JsonTree JsonTree::boolean(bool value) {
  JsonTree tree;
  tree.kind = Kind::boolean;
  tree.scalar = value ? "true" : "false";
  return tree;
}

std::optional<JsonTree> JsonTree::parse(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  return tree_of(root);
}

JsonTree* JsonTree::member(std::string_view name) {
  auto found =
      std::ranges::find(members, name, [](const auto& entry) { return std::string_view(entry.first); });
  return found == members.end() ? nullptr : &found->second;
}

void JsonTree::write(std::string& out) const {
  switch (kind) {
    case Kind::null:
      out += "null";
      return;
    case Kind::text:
      return append_json_text(scalar, out);
    case Kind::array:
      out += '[';
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0) out += ',';
        items[i].write(out);
      }
      out += ']';
      return;
    case Kind::object:
      return write_members(*this, out);
    default:
      out += scalar;
  }
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

std::optional<JsonStep> take_json_step(std::string_view& path) {
  JsonStep step;
  std::size_t end = path.find_first_of(".{");
  step.name = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  if (path.starts_with('{')) {
    std::size_t close = path.find('}');
    if (close == std::string_view::npos) return std::nullopt;
    std::string_view place = path.substr(1, close - 1);
    step.of_array = true;
    if (!place.empty()) {
      std::size_t index = 0;
      auto [behind, problem] = std::from_chars(place.data(), place.data() + place.size(), index);
      if (problem != std::errc() || behind != place.data() + place.size()) return std::nullopt;
      step.index = index;
    }
    path.remove_prefix(close + 1);
  }
  if (path.starts_with('.')) path.remove_prefix(1);
  return step;
}

void find_in_json(JsonTree& tree, std::string_view path, std::vector<JsonTree*>& found) {
  if (path.empty()) {
    found.push_back(&tree);
    return;
  }
  std::optional<JsonStep> step = take_json_step(path);
  JsonTree* at = !step || step->name.empty() ? &tree : tree.member(step->name);
  if (!step || at == nullptr) return;
  if (!step->of_array) return find_in_json(*at, path, found);
  if (!at->is_array()) return;
  if (step->index) {
    if (*step->index < at->items.size()) find_in_json(at->items[*step->index], path, found);
    return;
  }
  for (JsonTree& item : at->items) find_in_json(item, path, found);
}

void set_in_json(JsonTree& tree, std::string_view path, const JsonTree& value) {
  std::optional<JsonStep> step = take_json_step(path);
  if (!step) return;
  JsonTree* at = step->name.empty() ? &tree : tree.member(step->name);
  if (!step->of_array) {
    bool fresh = at == nullptr;
    if (fresh) at = member_or_new(tree, step->name);
    if (at == nullptr) return;
    if (path.empty()) {
      *at = value;
      return;
    }
    if (fresh) at->kind = JsonTree::Kind::object;
    return set_in_json(*at, path, value);
  }
  if (at == nullptr || !at->is_array()) return;
  for (std::size_t i = 0; i < at->items.size(); ++i) {
    if (step->index && *step->index != i) continue;
    if (path.empty()) {
      at->items[i] = value;
    } else {
      set_in_json(at->items[i], path, value);
    }
  }
}

void remove_from_json(JsonTree& tree, std::string_view path) {
  std::size_t dot = path.find('.');
  std::string_view name = path.substr(0, dot);
  if (dot == std::string_view::npos) {
    std::erase_if(tree.members, [&](const auto& member) { return member.first == name; });
  } else if (JsonTree* inner = tree.member(name)) {
    remove_from_json(*inner, path.substr(dot + 1));
  }
}

}  // namespace hecate::spl
