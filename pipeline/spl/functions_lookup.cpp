// The eval function that looks up a table.
#include "pipeline/spl/functions_lookup.h"

#include "fmt/format.h"
#include "pipeline/spl/function_groups.h"
#include "pipeline/spl/json_tree.h"

#include <algorithm>

namespace hecate::spl {
namespace {

bool is_lookup(const Expression& expression) {
  return expression.kind == Expression::Kind::call && expression.function->name == "lookup";
}

bool is_call_of(const Expression& expression, std::string_view name) {
  return expression.kind == Expression::Kind::call && expression.function->name == name;
}

// The texts at every `step`-th place from the first; nothing where one is not written out.
std::vector<std::string> literal_texts(const Expression& call, std::size_t step) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < call.children.size(); i += step) {
    auto text = literal_text(call, i);
    if (!text) return {};
    texts.emplace_back(*text);
  }
  return texts;
}

std::string check_lookup(Expression& call, FieldNames&) {
  if (!literal_text(call, 0)) return "the first argument is the name of a lookup, in double quotes";
  if (!is_call_of(call.children[1], "json_object") || literal_texts(call.children[1], 2).empty())
    return "the second argument is json_object(\"field of the lookup\", value, …)";
  if (!is_call_of(call.children[2], "json_array") || literal_texts(call.children[2], 1).empty())
    return "the third argument is json_array(\"field of the lookup\", …)";
  return {};
}

// The values that are looked up; nothing where one is null.
std::vector<std::string_view> keys_of(const Call& call) {
  const Expression& object = call.expression.children[1];
  std::vector<std::string_view> keys;
  for (std::size_t i = 1; i < object.children.size(); i += 2) {
    Value value = evaluate(object.children[i], call.row, call.context);
    if (value.is_null()) return {};
    keys.push_back(call.to_text_in_arena(value));
  }
  return keys;
}

// The first row that matches, or what stands for it.
Value lookup(const Call& call) {
  const LookupCall& bound = *call.expression.lookup;
  auto index = bound.index ? bound.index : bound.lookup->index(bound.inputs);
  std::vector<std::string_view> keys = keys_of(call);
  if (!index || keys.empty()) return {};
  thread_local std::vector<std::uint32_t> rows;
  rows.clear();
  index->find(keys, 1, rows);
  const LookupRules& rules = bound.lookup->rules();
  if (rows.empty() && rules.min_matches == 0) return {};
  JsonTree object;
  object.kind = JsonTree::Kind::object;
  for (const std::string& name : bound.outputs) {
    auto column = index->table().column(name);
    std::string_view cell = rows.empty() ? std::string_view(rules.default_match)
                            : column     ? index->table().cell(rows[0], *column)
                                         : std::string_view();
    if (!cell.empty()) object.members.emplace_back(name, JsonTree::text(cell));
  }
  std::string text;
  object.write(text);
  return call.keep(text);
}

constexpr Function kFunctions[] = {
    {"lookup", 3, 3, "name, json_object(field, value, …), json_array(field, …)", "Comparison and conditions",
     "The fields of the first row of a lookup that matches, as a JSON object; null where none does. In eval "
     "and "
     "where.",
     lookup, check_lookup},
};

std::string missing_field(const LookupCall& call) {
  const LookupTable& table = *call.lookup->table();
  for (const auto* names : {&call.inputs, &call.outputs})
    for (const std::string& name : *names)
      if (!table.column(name)) return name;
  return {};
}

Parsed<void> bind(Expression& expression, const LookupSource& lookups) {
  auto call = std::make_shared<LookupCall>();
  std::string name(*literal_text(expression, 0));
  if (!lookups) return std::unexpected(Diagnostic{expression.position, "there are no lookups here"});
  Result<std::shared_ptr<const Lookup>> found = lookups(name);
  if (!found) return std::unexpected(Diagnostic{expression.position, found.error().message});
  call->lookup = std::move(*found);
  call->inputs = literal_texts(expression.children[1], 2);
  call->outputs = literal_texts(expression.children[2], 1);
  if (call->lookup->written() == nullptr) {
    if (std::string field = missing_field(*call); !field.empty())
      return std::unexpected(
          Diagnostic{expression.position, fmt::format("the lookup {} has no field {}", name, field)});
    call->index = call->lookup->index(call->inputs);
  }
  expression.lookup = std::move(call);
  return {};
}

const Expression* find_lookup_call(const Expression& expression) {
  if (is_lookup(expression)) return &expression;
  for (const Expression& child : expression.children)
    if (const Expression* found = find_lookup_call(child)) return found;
  return nullptr;
}

}  // namespace

std::span<const Function> lookup_functions() {
  return kFunctions;
}

Parsed<void> bind_lookups(Expression& expression, const LookupSource& lookups) {
  if (is_lookup(expression)) {
    if (Parsed<void> bound = bind(expression, lookups); !bound) return bound;
  }
  for (Expression& child : expression.children)
    if (Parsed<void> bound = bind_lookups(child, lookups); !bound) return bound;
  return {};
}

Parsed<Expression> without_lookup(Parsed<Expression> expression) {
  const Expression* call = expression ? find_lookup_call(*expression) : nullptr;
  if (call == nullptr) return expression;
  return std::unexpected(
      Diagnostic{call->position, "lookup() is for eval and where: set a field by it before this command"});
}

}  // namespace hecate::spl
