#pragma once

#include "pipeline/spl/regex.h"
#include "pipeline/spl/row.h"
#include "pipeline/spl/source.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

struct LookupCall;  // see functions_lookup.h
struct Condition;   // an expression of the search command; see condition.h
struct Function;    // an eval function: name, number of arguments, body; see functions.h

// An eval expression (eval, where, count(eval(…)), calculated fields): a tree that evaluation, the
// fingerprint, the prefilter and `explain` all walk.
struct Expression {
  enum class Kind {
    literal,  // text, number, true, false, null
    field,    // x, 'odd name'
    call,     // f(a, b): arguments in children
    negate,   // -x
    add,
    subtract,
    multiply,
    divide,
    modulo,
    concat,  // a . b
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    in,    // children[0] IN (children[1…])
    like,  // a LIKE b
    logical_and,
    logical_or,  // of two children or more
    logical_xor,
    logical_not,
  };

  Kind kind = Kind::literal;
  Value literal;                      // its text lives in `text`
  std::shared_ptr<std::string> text;  // owns the text of a literal; a number's as it was written
  FieldRef field;
  const Function* function = nullptr;
  std::shared_ptr<const Regex> regex;          // of a call; compiled at load where the pattern is a literal
  std::shared_ptr<const Condition> condition;  // of searchmatch
  std::shared_ptr<const LookupCall> lookup;    // of lookup(), once its search is bound
  std::vector<Expression> children;
  Position position;
};

// Parses the whole of source[begin, end) as one expression. Field names go into `names`.
[[nodiscard]] Parsed<Expression> parse_expression(const SourceText& source, std::size_t begin,
                                                  std::size_t end, FieldNames& names);
// The same for a text that stands alone, as the rules of calculated fields do.
[[nodiscard]] Parsed<Expression> parse_expression(std::string_view text, FieldNames& names);

// The value for `row`. Never fails: what cannot be computed is null. Booleans come out as Kind::boolean.
// Comparing with null gives null, NOT null is null, and null is not true. A comparison with a list holds when
// it does for one of its items.
[[nodiscard]] Value evaluate(const Expression& expression, const Row& row, EvalContext& context);

// The fields that the expression reads, each once, added to `fields`.
void collect_fields(const Expression& expression, std::vector<FieldRef>& fields);

// True when the value depends on the moment the search runs (now(), time(), relative_time(now(), …),
// random()): such an expression cannot be evaluated as the event arrives.
[[nodiscard]] bool depends_on_search_time(const Expression& expression);

// Its operator in lower case: `and`, `=`, `like`.
[[nodiscard]] std::string_view kind_text(Expression::Kind kind);

// One text for all expressions of the same meaning but for white space: part of a scan's fingerprint.
[[nodiscard]] std::string canonical(const Expression& expression);

// Whether `a` and `b` are equal as `=` compares them: as numbers when both are, else as texts, with case.
[[nodiscard]] bool equal_values(const Value& a, const Value& b, Arena& arena);
// LIKE: `%` stands for any run of characters, `_` for one; with case.
[[nodiscard]] bool like_matches(std::string_view text, std::string_view pattern);

}  // namespace hecate::spl
