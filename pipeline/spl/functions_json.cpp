#include "pipeline/spl/function_groups.h"
#include "pipeline/spl/json_tree.h"

namespace hecate::spl {
namespace {

constexpr std::string_view kGroup = "JSON";

Value keep_json(const Call& call, const JsonTree& tree) {
  std::string json;
  tree.write(json);
  return call.keep(json);
}

// As a field has it: texts without their quotes, arrays and objects as JSON, nothing for null.
Value as_field(const Call& call, const JsonTree& tree) {
  if (tree.kind == JsonTree::Kind::null) return {};
  return tree.kind == JsonTree::Kind::text ? call.keep(tree.scalar) : keep_json(call, tree);
}

Value as_list(const Call& call, const std::vector<JsonTree*>& found) {
  std::vector<Value> values;
  for (const JsonTree* tree : found) {
    if (Value value = as_field(call, *tree); !value.is_null()) values.push_back(value);
  }
  return call.keep(values);
}

bool makes_json(const Expression& expression) {
  return expression.kind == Expression::Kind::call &&
         (expression.function->name.starts_with("json_") || expression.function->name == "json" ||
          expression.function->name == "toarray" || expression.function->name == "toobject" ||
          expression.function->name == "mv_to_json_array");
}

// `parse`: a text that is JSON already is taken as such.
JsonTree tree_of(const Value& value, bool parse) {
  if (value.is_multi()) {
    JsonTree tree;
    tree.kind = JsonTree::Kind::array;
    for (const Value& item : value.items()) tree.items.push_back(tree_of(item, parse));
    return tree;
  }
  if (value.is_null()) return {};
  if (value.is_number()) return JsonTree::number(value.number());
  if (value.kind() == Value::Kind::boolean) return JsonTree::boolean(value.is_true());
  std::optional<JsonTree> parsed = parse ? JsonTree::parse(value.text()) : std::nullopt;
  return parsed ? std::move(*parsed) : JsonTree::text(value.text());
}

// What a function of JSON made stays JSON, and so does an array or object that stands in a field.
JsonTree argument_tree(const Call& call, std::size_t i) {
  const Expression& argument = call.expression.children[i];
  Value value = call[i];
  bool in_field = argument.kind == Expression::Kind::field && value.is_text() &&
                  (value.text().starts_with('[') || value.text().starts_with('{'));
  return tree_of(value, in_field || makes_json(argument));
}

std::optional<JsonTree> parse_argument(const Call& call, std::size_t i) {
  Value value = call[i];
  if (value.is_null()) return std::nullopt;
  return JsonTree::parse(call.to_text_in_arena(value));
}

Value json(const Call& call) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  return tree ? call[0] : Value();
}

Value json_array(const Call& call) {
  JsonTree array;
  array.kind = JsonTree::Kind::array;
  for (std::size_t i = 0; i < call.size(); ++i) array.items.push_back(argument_tree(call, i));
  return keep_json(call, array);
}

Value json_object(const Call& call) {
  JsonTree object;
  object.kind = JsonTree::Kind::object;
  for (std::size_t i = 0; i + 1 < call.size(); i += 2)
    object.members.emplace_back(call.text(i), argument_tree(call, i + 1));
  return keep_json(call, object);
}

std::string check_members(Expression& call, FieldNames&) {
  return call.children.size() % 2 == 0 ? "" : "each key needs its value: the number of arguments is odd";
}

std::string check_pairs(Expression& call, FieldNames&) {
  return call.children.size() % 2 == 1 ? "" : "each path needs its value: the number of arguments is even";
}

using Find = void (*)(JsonTree& tree, std::string_view path, std::vector<JsonTree*>& found);

void find_member(JsonTree& tree, std::string_view name, std::vector<JsonTree*>& found) {
  if (JsonTree* member = tree.member(name)) found.push_back(member);
}

// One path gives what stands there; all elements of an array, and several paths, give an array.
template <Find FindIn>
Value json_extract(const Call& call) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  if (!tree) return {};
  if (call.size() == 1) return as_field(call, *tree);
  JsonTree all;
  all.kind = JsonTree::Kind::array;
  bool several = call.size() > 2;
  for (std::size_t i = 1; i < call.size(); ++i) {
    std::string_view path = call.text(i);
    std::vector<JsonTree*> found;
    FindIn(*tree, path, found);
    bool each = FindIn == &find_in_json && path.contains("{}");
    if (path == "{}" && !tree->is_array() && each) found.push_back(&*tree), each = false;
    if (!several && !each) return found.empty() ? Value() : as_field(call, *found[0]);
    for (const JsonTree* one : found) all.items.push_back(*one);
    if (several && found.empty()) all.items.emplace_back();
  }
  return all.items.empty() ? Value() : keep_json(call, all);
}

Value json_has_key_exact(const Call& call) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  Value key = call[1];
  if (!tree || key.is_null()) return {};
  return Value::boolean(tree->member(call.to_text_in_arena(key)) != nullptr);
}

Value json_keys(const Call& call) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  if (!tree || !tree->is_object()) return {};
  JsonTree keys;
  keys.kind = JsonTree::Kind::array;
  for (const auto& member : tree->members) keys.items.push_back(JsonTree::text(member.first));
  return keep_json(call, keys);
}

Value json_entries(const Call& call) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  if (!tree || !tree->is_object()) return {};
  JsonTree entries;
  entries.kind = JsonTree::Kind::array;
  for (auto& [key, value] : tree->members) {
    JsonTree& entry = entries.items.emplace_back();
    entry.kind = JsonTree::Kind::object;
    entry.members.emplace_back("key", JsonTree::text(key));
    entry.members.emplace_back("value", std::move(value));
  }
  return keep_json(call, entries);
}

Value json_valid(const Call& call) {
  Value json = call[0];
  return json.is_null() ? Value() : Value::boolean(JsonTree::parse(call.to_text_in_arena(json)).has_value());
}

Value json_array_to_mv(const Call& call) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  if (!tree || !tree->is_array()) return {};
  bool quoted = call.size() > 1 && call[1].is_true();
  std::vector<Value> values;
  for (const JsonTree& item : tree->items) {
    Value value = quoted ? keep_json(call, item) : as_field(call, item);
    if (!value.is_null()) values.push_back(value);
  }
  return call.keep(values);
}

Value mv_to_json_array(const Call& call) {
  Value values = call[0];
  if (values.is_null()) return {};
  bool infer = call.size() > 1 && call[1].is_true();
  JsonTree array;
  array.kind = JsonTree::Kind::array;
  for (const Value& value : values.each()) array.items.push_back(tree_of(value, infer));
  return keep_json(call, array);
}

// Changes the document by one path and value after another.
template <typename Change>
Value change_json(const Call& call, Change change) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  if (!tree) return {};
  for (std::size_t i = 1; i + 1 < call.size(); i += 2)
    change(*tree, call.text(i), argument_tree(call, i + 1));
  return keep_json(call, *tree);
}

Value json_set(const Call& call) {
  return change_json(call, set_in_json);
}

Value json_set_exact(const Call& call) {
  return change_json(call, [](JsonTree& tree, std::string_view key, JsonTree value) {
    if (!tree.is_object()) return;
    if (JsonTree* member = tree.member(key)) {
      *member = std::move(value);
    } else {
      tree.members.emplace_back(key, std::move(value));
    }
  });
}

// What is no array becomes one of that value; paths that lead nowhere are passed over.
void append_at(JsonTree& tree, std::string_view path, const JsonTree& value, bool flat) {
  std::vector<JsonTree*> found;
  find_in_json(tree, path, found);
  for (JsonTree* place : found) {
    if (!place->is_array()) {
      JsonTree array;
      array.kind = JsonTree::Kind::array;
      array.items.push_back(std::move(*place));
      *place = std::move(array);
    }
    if (flat && value.is_array()) {
      place->items.insert(place->items.end(), value.items.begin(), value.items.end());
    } else {
      place->items.push_back(value);
    }
  }
}

template <bool Flat>
Value json_append(const Call& call) {
  return change_json(call, [](JsonTree& tree, std::string_view path, const JsonTree& value) {
    append_at(tree, path, value, Flat);
  });
}

// The keys: texts, lists of them, or arrays of them.
Value json_delete(const Call& call) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  if (!tree || !tree->is_object()) return {};
  for (std::size_t i = 1; i < call.size(); ++i) {
    JsonTree keys = argument_tree(call, i);
    if (!keys.is_array()) remove_from_json(*tree, keys.scalar);
    for (const JsonTree& key : keys.items) remove_from_json(*tree, key.scalar);
  }
  return keep_json(call, *tree);
}

Value spath(const Call& call) {
  std::optional<JsonTree> tree = parse_argument(call, 0);
  if (!tree) return {};
  std::vector<JsonTree*> found;
  find_in_json(*tree, call.text(1), found);
  return as_list(call, found);
}

constexpr Function kFunctions[] = {
    {"json", 1, 1, "value", kGroup, "The value where it is JSON, else null.", json},
    {"json_append", 3, kAnyNumber, "json, path, value, …", kGroup,
     "The document with each value at the end of the array at its path.", json_append<false>, check_pairs},
    {"json_array", 0, kAnyNumber, "value, …", kGroup, "A JSON array.", json_array},
    {"json_array_to_mv", 1, 2, "json, quotes", kGroup,
     "The elements of a JSON array as a list; with true() texts keep their quotes.", json_array_to_mv},
    {"json_delete", 2, kAnyNumber, "json, key, …", kGroup,
     "The object without these keys (a.b is a nested one).", json_delete},
    {"json_entries", 1, 1, "json", kGroup,
     "An array of {\"key\":…,\"value\":…} for each member of an object.", json_entries},
    {"json_extend", 3, kAnyNumber, "json, path, array, …", kGroup,
     "The document with the elements of each array at the end of the array at its path.", json_append<true>,
     check_pairs},
    {"json_extract", 1, kAnyNumber, "json, path, …", kGroup,
     "What stands at the path (a.b, a{0}); an array of all for a{} and for several paths.",
     json_extract<find_in_json>},
    {"json_extract_exact", 1, kAnyNumber, "json, key, …", kGroup,
     "What an object has under the key, dots taken as they are.", json_extract<find_member>},
    {"json_has_key_exact", 2, 2, "json, key", kGroup,
     "Whether the object has the key, dots taken as they are.", json_has_key_exact},
    {"json_keys", 1, 1, "json", kGroup, "The names of an object's members, as a JSON array.", json_keys},
    {"json_object", 0, kAnyNumber, "key, value, …", kGroup, "A JSON object.", json_object, check_members},
    {"json_set", 3, kAnyNumber, "json, path, value, …", kGroup,
     "The document with each value at its path, members made where they are missing.", json_set, check_pairs},
    {"json_set_exact", 3, kAnyNumber, "json, key, value, …", kGroup,
     "The object with each value under its key, dots taken as they are.", json_set_exact, check_pairs},
    {"json_valid", 1, 1, "json", kGroup, "Whether the text is JSON.", json_valid},
    {"mv_to_json_array", 1, 2, "list, infer_types", kGroup,
     "A list as a JSON array; with true() numbers and booleans as such.", mv_to_json_array},
    {"spath", 2, 2, "json, path", kGroup, "What stands at the path (a.b, a{}.b, a{0}) of a JSON text.",
     spath},
};

}  // namespace

std::span<const Function> json_functions() {
  return kFunctions;
}

}  // namespace hecate::spl
