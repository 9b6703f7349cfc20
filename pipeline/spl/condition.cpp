#include "pipeline/spl/condition.h"

#include "pipeline/spl/subsearch.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

using Kind = Condition::Kind;

bool value_matches(const Pattern& pattern, const Value& value, Arena& arena) {
  if (value.is_text()) return pattern.matches(value.text());
  if (value.is_number() && pattern.number()) return value.number() == *pattern.number();
  return pattern.matches(to_text(value, arena));
}

bool in_order(Kind kind, int order) {
  switch (kind) {
    case Kind::less:
      return order < 0;
    case Kind::less_equal:
      return order <= 0;
    case Kind::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

bool compares(const Condition& condition, const Value& value, Arena& arena) {
  if (condition.pattern.number()) {
    if (std::optional<double> number = to_number(value)) {
      double right = *condition.pattern.number();
      return in_order(condition.kind, *number < right ? -1 : *number > right ? 1 : 0);
    }
  }
  return in_order(condition.kind, to_text(value, arena).compare(condition.pattern.text()));
}

// Whether one value of a field satisfies a condition on that field.
bool value_satisfies(const Condition& condition, const Value& value, Arena& arena) {
  switch (condition.kind) {
    case Kind::equal:
    case Kind::term:
      return value_matches(condition.pattern, value, arena);
    case Kind::not_equal:
      return !value_matches(condition.pattern, value, arena);
    case Kind::cidr:
      return value.is_text() && condition.network->contains(value.text());
    case Kind::in:
      return std::ranges::any_of(
          condition.patterns, [&](const Pattern& pattern) { return value_matches(pattern, value, arena); });
    default:
      return compares(condition, value, arena);
  }
}

bool has_field(const Condition& condition) {
  switch (condition.kind) {
    case Kind::always:
    case Kind::never:
    case Kind::all_of:
    case Kind::any_of:
    case Kind::none_of:
    case Kind::subsearch:
      return false;
    default:
      return true;
  }
}

void append_canonical(const Condition& condition, std::string& out) {
  out += '(';
  out += kind_text(condition.kind);
  if (has_field(condition)) {
    out += ' ';
    append_quoted('"', condition.field.name, out);
  }
  if (condition.kind == Kind::subsearch || (has_field(condition) && condition.kind != Kind::in)) {
    out += ' ';
    append_quoted('"', condition.pattern.text(), out);
  }
  for (const Pattern& pattern : condition.patterns) {
    out += ' ';
    append_quoted('"', pattern.text(), out);
  }
  for (const Condition& child : condition.children) {
    out += ' ';
    append_canonical(child, out);
  }
  out += ')';
}

}  // namespace

std::string_view kind_text(Condition::Kind kind) {
  switch (kind) {
    case Kind::always:
      return "always";
    case Kind::never:
      return "never";
    case Kind::all_of:
      return "and";
    case Kind::any_of:
      return "or";
    case Kind::none_of:
      return "not";
    case Kind::equal:
      return "=";
    case Kind::not_equal:
      return "!=";
    case Kind::less:
      return "<";
    case Kind::less_equal:
      return "<=";
    case Kind::greater:
      return ">";
    case Kind::greater_equal:
      return ">=";
    case Kind::cidr:
      return "cidr";
    case Kind::term:
      return "term";
    case Kind::in:
      return "in";
    case Kind::subsearch:
      return "subsearch";
  }
  return "";
}

bool matches(const Condition& condition, const Row& row, EvalContext& context) {
  auto child_matches = [&](const Condition& child) { return matches(child, row, context); };
  switch (condition.kind) {
    case Kind::always:
      return true;
    case Kind::never:
      return false;
    case Kind::all_of:
      return std::ranges::all_of(condition.children, child_matches);
    case Kind::any_of:
      return std::ranges::any_of(condition.children, child_matches);
    case Kind::subsearch: {
      const SubsearchRows* rows = condition.subsearch->rows(context);
      return rows != nullptr && matches(rows->condition, row, context);
    }
    case Kind::none_of:
      return std::ranges::none_of(condition.children, child_matches);
    default:
      break;
  }
  Value value = row.get(condition.field);
  if (condition.kind == Kind::equal && condition.pattern.matches_all()) return !value.is_null();
  return std::ranges::any_of(
      value.each(), [&](const Value& one) { return value_satisfies(condition, one, context.arena); });
}

void collect_fields(const Condition& condition, std::vector<FieldRef>& fields) {
  if (has_field(condition) && std::ranges::find(fields, condition.field.id, &FieldRef::id) == fields.end()) {
    fields.push_back(condition.field);
  }
  for (const Condition& child : condition.children) collect_fields(child, fields);
}

std::string canonical(const Condition& condition) {
  std::string out;
  append_canonical(condition, out);
  return out;
}

}  // namespace hecate::spl
