#include "pipeline/spl/explain.h"

#include "fmt/format.h"
#include "pipeline/spl/functions.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

using Outcome = Clause::Outcome;

// Between quotes, unless it is a plain word or number.
std::string quoted(std::string_view text) {
  auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.-*:").contains(c);
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return std::string(text);
  std::string out;
  append_quoted('"', text, out);
  return out;
}

template <typename Kind>
std::string operator_text(Kind kind) {
  std::string text(kind_text(kind));
  std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string joined(const std::vector<Expression>& children, std::size_t from, std::string_view between) {
  std::string text;
  for (std::size_t i = from; i < children.size(); ++i) {
    if (i > from) text += between;
    const Expression& child = children[i];
    bool nested = between != ", " && !child.children.empty() && child.kind != Expression::Kind::call;
    text += nested ? fmt::format("({})", written(child)) : written(child);
  }
  return text;
}

std::string literal_text(const Expression& expression) {
  std::string out;
  if (expression.literal.is_text())
    append_quoted('"', expression.literal.text(), out);
  else if (expression.literal.is_null())
    out = "null";
  else
    append_text(expression.literal, out);
  return out;
}

std::string field_text(std::string_view name) {
  auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  if (std::ranges::all_of(name, plain)) return std::string(name);
  std::string out;
  append_quoted('\'', name, out);
  return out;
}

FieldTexts texts_of(std::string_view name, const Value& value) {
  FieldTexts texts{std::string(name), {}};
  for (const Value& item : value.each()) append_text(item, texts.values.emplace_back());
  return texts;
}

bool is_combined(const Condition& condition) {
  return !condition.children.empty();
}

bool is_combined(const Expression& expression) {
  using Kind = Expression::Kind;
  return expression.kind == Kind::logical_and || expression.kind == Kind::logical_or ||
         expression.kind == Kind::logical_xor || expression.kind == Kind::logical_not;
}

template <typename Tree>
Clause with_places(const Tree& tree, const Row& row, EvalContext& context, const SourceText& source) {
  Clause clause;
  clause.text = written(tree);
  clause.position = tree.position;
  clause.macros = source.macros_of(tree.position);
  if (is_combined(tree)) {
    for (const Tree& child : tree.children) clause.children.push_back(explain(child, row, context, source));
    return clause;
  }
  std::vector<FieldRef> fields;
  collect_fields(tree, fields);
  for (const FieldRef& field : fields) clause.fields.push_back(texts_of(field.name, row.get(field)));
  return clause;
}

}  // namespace

std::string written(const Condition& condition) {
  using Kind = Condition::Kind;
  switch (condition.kind) {
    case Kind::always:
      return "*";
    case Kind::never:
      return "nothing";
    case Kind::all_of:
    case Kind::any_of:
    case Kind::none_of:
      return operator_text(condition.kind);
    case Kind::subsearch:
      return fmt::format("[{}]", condition.pattern.text());
    case Kind::cidr:
      return fmt::format("{}={}", condition.field.name, quoted(condition.pattern.text()));
    case Kind::term: {
      std::string_view text = condition.pattern.text();
      if (text.size() >= 2 && text.front() == '*' && text.back() == '*')
        text = text.substr(1, text.size() - 2);
      return quoted(text);
    }
    case Kind::in: {
      std::string list;
      for (const Pattern& pattern : condition.patterns)
        list += fmt::format("{}{}", list.empty() ? "" : ", ", quoted(pattern.text()));
      return fmt::format("{} IN ({})", condition.field.name, list);
    }
    default:
      return fmt::format("{}{}{}", condition.field.name, kind_text(condition.kind),
                         quoted(condition.pattern.text()));
  }
}

std::string written(const Expression& expression) {
  using Kind = Expression::Kind;
  const std::vector<Expression>& children = expression.children;
  switch (expression.kind) {
    case Kind::literal:
      return literal_text(expression);
    case Kind::field:
      return field_text(expression.field.name);
    case Kind::call:
      return fmt::format("{}({})", expression.function->name, joined(children, 0, ", "));
    case Kind::negate:
      return "-" + written(children[0]);
    case Kind::in:
      return fmt::format("{} IN ({})", written(children[0]), joined(children, 1, ", "));
    default:
      break;
  }
  if (is_combined(expression)) return operator_text(expression.kind);
  return joined(children, 0, fmt::format(" {} ", operator_text(expression.kind)));
}

double nearness(const Condition& condition, const Row& row, EvalContext& context) {
  if (matches(condition, row, context)) return 1;
  double sum = 0;
  double best = 0;
  for (const Condition& child : condition.children) {
    double one = nearness(child, row, context);
    sum += one;
    best = std::max(best, one);
  }
  if (condition.kind == Condition::Kind::all_of) return sum / static_cast<double>(condition.children.size());
  return condition.kind == Condition::Kind::any_of ? best : 0;
}

void outcomes(const Condition& condition, const Row& row, EvalContext& context, std::vector<bool>& holds) {
  holds.push_back(matches(condition, row, context));
  for (const Condition& child : condition.children) outcomes(child, row, context, holds);
}

Clause explain(const Condition& condition, const Row& row, EvalContext& context, const SourceText& source) {
  Clause clause = with_places(condition, row, context, source);
  clause.outcome = matches(condition, row, context) ? Outcome::yes : Outcome::no;
  return clause;
}

Clause explain(const Expression& expression, const Row& row, EvalContext& context, const SourceText& source) {
  Clause clause = with_places(expression, row, context, source);
  Value value = evaluate(expression, row, context);
  clause.outcome = value.is_null() ? Outcome::unknown : value.is_true() ? Outcome::yes : Outcome::no;
  return clause;
}

}  // namespace hecate::spl
