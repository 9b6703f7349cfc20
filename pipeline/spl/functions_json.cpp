#include "pipeline/spl/function_groups.h"
#include "pipeline/spl/json_path.h"

namespace hecate::spl {
namespace {

constexpr std::string_view kGroup = "JSON";

Value keep_texts(const Call& call, const std::vector<std::string>& texts) {
  std::vector<Value> values;
  for (const std::string& text : texts) values.push_back(call.keep(text));
  return call.keep(values);
}

bool makes_json(const Expression& expression) {
  return expression.kind == Expression::Kind::call &&
         (expression.function->name.starts_with("json_") || expression.function->name == "mv_to_json_array");
}

// A value as JSON; `nested` says that its text is JSON already.
void append_json(const Value& value, bool nested, std::string& out) {
  if (value.is_multi()) {
    out += '[';
    for (const Value& item : value.items()) {
      if (&item != value.items().data()) out += ',';
      append_json(item, nested, out);
    }
    out += ']';
  } else if (value.is_null()) {
    out += "null";
  } else if (value.is_text() && !(nested && is_json(value.text()))) {
    append_json_text(value.text(), out);
  } else {
    append_text(value, out);
  }
}

void append_argument(const Call& call, std::size_t i, std::string& out) {
  append_json(call[i], makes_json(call.expression.children[i]), out);
}

Value json_array(const Call& call) {
  std::string json = "[";
  for (std::size_t i = 0; i < call.size(); ++i) {
    if (i > 0) json += ',';
    append_argument(call, i, json);
  }
  json += ']';
  return call.keep(json);
}

Value json_object(const Call& call) {
  std::string json = "{";
  for (std::size_t i = 0; i + 1 < call.size(); i += 2) {
    if (i > 0) json += ',';
    append_json_text(call.text(i), json);
    json += ':';
    append_argument(call, i + 1, json);
  }
  json += '}';
  return call.keep(json);
}

std::string check_members(Expression& call, FieldNames&) {
  return call.children.size() % 2 == 0 ? "" : "each key needs its value: the number of arguments is odd";
}

Value json_extract(const Call& call) {
  Value json = call[0];
  if (json.is_null()) return {};
  if (call.size() == 1) return is_json(call.to_text_in_arena(json)) ? json : Value();
  std::vector<std::string> found;
  for (std::size_t i = 1; i < call.size(); ++i)
    find_in_json(call.to_text_in_arena(json), call.text(i), found);
  return keep_texts(call, found);
}

Value json_keys(const Call& call) {
  std::vector<std::string> keys;
  Value json = call[0];
  if (json.is_null() || !keys_of_json(call.to_text_in_arena(json), keys)) return {};
  std::string array = "[";
  for (const std::string& key : keys) {
    if (array.size() > 1) array += ',';
    append_json_text(key, array);
  }
  array += ']';
  return call.keep(array);
}

Value json_valid(const Call& call) {
  Value json = call[0];
  return json.is_null() ? Value() : Value::boolean(is_json(call.to_text_in_arena(json)));
}

Value json_array_to_mv(const Call& call) {
  std::vector<std::string> found;
  Value json = call[0];
  if (json.is_null() || !find_in_json(call.to_text_in_arena(json), "{}", found)) return {};
  return keep_texts(call, found);
}

Value mv_to_json_array(const Call& call) {
  Value values = call[0];
  if (values.is_null()) return {};
  bool infer = call.size() > 1 && call[1].is_true();
  std::string json = "[";
  for (const Value& value : values.each()) {
    if (json.size() > 1) json += ',';
    append_json(value, infer, json);
  }
  json += ']';
  return call.keep(json);
}

Value spath(const Call& call) {
  std::vector<std::string> found;
  Value json = call[0];
  if (json.is_null()) return {};
  find_in_json(call.to_text_in_arena(json), call.text(1), found);
  return keep_texts(call, found);
}

constexpr Function kFunctions[] = {
    {"json_array", 0, kAnyNumber, "value, …", kGroup, "A JSON array.", json_array},
    {"json_array_to_mv", 1, 1, "json", kGroup, "The elements of a JSON array as a list.", json_array_to_mv},
    {"json_extract", 1, kAnyNumber, "json, path, …", kGroup, "What stands at the paths (a.b, a{}.b, a{0}).",
     json_extract},
    {"json_keys", 1, 1, "json", kGroup, "The names of an object's members, as a JSON array.", json_keys},
    {"json_object", 0, kAnyNumber, "key, value, …", kGroup, "A JSON object.", json_object, check_members},
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
