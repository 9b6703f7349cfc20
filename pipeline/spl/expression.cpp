#include "pipeline/spl/expression.h"

#include "fmt/format.h"
#include "pipeline/spl/case_fold.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/functions.h"
#include "pipeline/spl/functions_lookup.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <cmath>

namespace hecate::spl {
namespace {

using Kind = Expression::Kind;

Value finite(double number) {
  return std::isfinite(number) ? Value(number) : Value();
}

// Less than 0, 0 or more than 0; numbers as numbers, else texts by their bytes.
int compare(const Value& a, const Value& b, Arena& arena) {
  if (std::optional<double> left = to_number(a)) {
    if (std::optional<double> right = to_number(b)) return *left < *right ? -1 : *left > *right ? 1 : 0;
  }
  return to_text(a, arena).compare(to_text(b, arena));
}

bool holds(Kind kind, int order) {
  switch (kind) {
    case Kind::equal:
      return order == 0;
    case Kind::not_equal:
      return order != 0;
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

// Whether `test` holds for one value of `a` with one of `b`; null where there is none to compare.
template <typename Test>
Value any_pair(const Value& a, const Value& b, Test test) {
  if (a.is_null() || b.is_null()) return {};
  for (const Value& left : a.each()) {
    for (const Value& right : b.each()) {
      if (test(left, right)) return Value::boolean(true);
    }
  }
  return Value::boolean(false);
}

bool is_quoted(const Expression& expression) {
  return expression.kind == Kind::literal && expression.literal.is_text();
}

Value join(const Value& a, const Value& b, Arena& arena) {
  if (a.is_null() || b.is_null()) return {};
  std::string_view left = to_text(a, arena);
  std::string_view right = to_text(b, arena);
  char* both = arena.allocate(left.size() + right.size());
  std::ranges::copy(left, both);
  std::ranges::copy(right, both + left.size());
  return std::string_view(both, left.size() + right.size());
}

Value arithmetic(Kind kind, const Value& a, const Value& b) {
  std::optional<double> left = to_number(a);
  std::optional<double> right = to_number(b);
  if (!left || !right) return {};
  switch (kind) {
    case Kind::add:
      return finite(*left + *right);
    case Kind::subtract:
      return finite(*left - *right);
    case Kind::multiply:
      return finite(*left * *right);
    case Kind::divide:
      return finite(*left / *right);
    default:
      return finite(std::fmod(*left, *right));
  }
}

// `+` adds numbers and joins texts; a text in quotes is a text though it may spell a number.
Value add(const Expression& expression, const Value& a, const Value& b, Arena& arena) {
  bool quoted = is_quoted(expression.children[0]) || is_quoted(expression.children[1]);
  if (!quoted && to_number(a) && to_number(b)) return arithmetic(Kind::add, a, b);
  bool texts = (a.is_text() || a.is_number()) && (b.is_text() || b.is_number());
  return texts ? join(a, b, arena) : Value();
}

Value in_list(const Expression& expression, const Row& row, EvalContext& context) {
  Value value = evaluate(expression.children[0], row, context);
  if (value.is_null()) return {};
  for (std::size_t i = 1; i < expression.children.size(); ++i) {
    Value item = evaluate(expression.children[i], row, context);
    Value found = any_pair(value, item,
                           [&](const Value& a, const Value& b) { return equal_values(a, b, context.arena); });
    if (found.is_true()) return found;
  }
  return Value::boolean(false);
}

// AND looks for a false child, OR for a true one; a null leaves it open.
Value all_or_any(const Expression& expression, const Row& row, EvalContext& context) {
  bool decisive = expression.kind == Kind::logical_or;
  bool open = false;
  for (const Expression& child : expression.children) {
    Value value = evaluate(child, row, context);
    if (value.kind() != Value::Kind::boolean) {
      open = true;
    } else if (value.is_true() == decisive) {
      return value;
    }
  }
  return open ? Value() : Value::boolean(!decisive);
}

Value evaluate_unary(Kind kind, const Value& value) {
  if (kind == Kind::logical_not) {
    return value.kind() == Value::Kind::boolean ? Value::boolean(!value.is_true()) : Value();
  }
  std::optional<double> number = to_number(value);
  return number ? Value(-*number) : Value();
}

Value evaluate_binary(const Expression& expression, const Value& a, const Value& b, Arena& arena) {
  switch (expression.kind) {
    case Kind::add:
      return add(expression, a, b, arena);
    case Kind::concat:
      return join(a, b, arena);
    case Kind::like:
      return any_pair(a, b, [&](const Value& text, const Value& pattern) {
        return like_matches(to_text(text, arena), to_text(pattern, arena));
      });
    case Kind::logical_xor:
      if (a.kind() != Value::Kind::boolean || b.kind() != Value::Kind::boolean) return {};
      return Value::boolean(a.is_true() != b.is_true());
    case Kind::subtract:
    case Kind::multiply:
    case Kind::divide:
    case Kind::modulo:
      return arithmetic(expression.kind, a, b);
    default:
      return any_pair(a, b, [&](const Value& left, const Value& right) {
        return holds(expression.kind, compare(left, right, arena));
      });
  }
}

void append_canonical(const Expression& expression, std::string& out) {
  if (expression.kind == Kind::field) return append_quoted('\'', expression.field.name, out);
  if (expression.kind == Kind::literal) {
    if (expression.literal.is_text()) return append_quoted('"', expression.literal.text(), out);
    if (expression.literal.is_null()) out += "null";
    return append_text(expression.literal, out);
  }
  out += '(';
  out += expression.kind == Kind::call ? expression.function->name : kind_text(expression.kind);
  if (expression.lookup && expression.lookup->index)
    out += fmt::format(" {:016x} {}", expression.lookup->index->table().hash(),
                       expression.lookup->lookup->rules().canonical());
  for (const Expression& child : expression.children) {
    out += ' ';
    append_canonical(child, out);
  }
  out += ')';
}

}  // namespace

std::string_view kind_text(Expression::Kind kind) {
  switch (kind) {
    case Kind::literal:
      return "literal";
    case Kind::field:
      return "field";
    case Kind::call:
      return "call";
    case Kind::negate:
      return "-";
    case Kind::add:
      return "+";
    case Kind::subtract:
      return "-";
    case Kind::multiply:
      return "*";
    case Kind::divide:
      return "/";
    case Kind::modulo:
      return "%";
    case Kind::concat:
      return ".";
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
    case Kind::in:
      return "in";
    case Kind::like:
      return "like";
    case Kind::logical_and:
      return "and";
    case Kind::logical_or:
      return "or";
    case Kind::logical_xor:
      return "xor";
    case Kind::logical_not:
      return "not";
  }
  return "";
}

bool equal_values(const Value& a, const Value& b, Arena& arena) {
  if (a.is_null() || b.is_null()) return false;
  return compare(a, b, arena) == 0;
}

bool like_matches(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t next = 0;
  // Where to go on when what follows the last % does not fit: one character further.
  std::size_t percent = std::string_view::npos;
  std::size_t retry = 0;
  while (at < text.size()) {
    if (next < pattern.size() && pattern[next] == '%') {
      percent = ++next;
      retry = at;
    } else if (next < pattern.size() && pattern[next] == '_') {
      at += character_at(text, at).size;
      ++next;
    } else if (next < pattern.size() && pattern[next] == text[at]) {
      ++at;
      ++next;
    } else if (percent != std::string_view::npos) {
      retry += character_at(text, retry).size;
      at = retry;
      next = percent;
    } else {
      return false;
    }
  }
  while (next < pattern.size() && pattern[next] == '%') ++next;
  return next == pattern.size();
}

Value evaluate(const Expression& expression, const Row& row, EvalContext& context) {
  switch (expression.kind) {
    case Kind::literal:
      return expression.literal;
    case Kind::field:
      return row.get(expression.field);
    case Kind::call:
      return expression.function->body(Call(expression, row, context));
    case Kind::in:
      return in_list(expression, row, context);
    case Kind::logical_and:
    case Kind::logical_or:
      return all_or_any(expression, row, context);
    case Kind::negate:
    case Kind::logical_not:
      return evaluate_unary(expression.kind, evaluate(expression.children[0], row, context));
    default:
      break;
  }
  Value left = evaluate(expression.children[0], row, context);
  Value right = evaluate(expression.children[1], row, context);
  return evaluate_binary(expression, left, right, context.arena);
}

void collect_fields(const Expression& expression, std::vector<FieldRef>& fields) {
  if (expression.kind == Kind::field &&
      std::ranges::find(fields, expression.field.id, &FieldRef::id) == fields.end()) {
    fields.push_back(expression.field);
  }
  if (expression.condition) collect_fields(*expression.condition, fields);
  for (const Expression& child : expression.children) collect_fields(child, fields);
}

bool depends_on_search_time(const Expression& expression) {
  if (expression.kind == Kind::call) {
    std::string_view name = expression.function->name;
    if (name == "now" || name == "time" || name == "random") return true;
    if (expression.lookup && !expression.lookup->index) return true;
  }
  return std::ranges::any_of(expression.children, depends_on_search_time);
}

std::string canonical(const Expression& expression) {
  std::string out;
  append_canonical(expression, out);
  return out;
}

}  // namespace hecate::spl
