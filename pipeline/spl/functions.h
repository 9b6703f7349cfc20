#pragma once

#include "pipeline/spl/expression.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hecate::spl {

// A call of an eval function while it is evaluated. Arguments are worked out when they are asked for, so that
// if() and case() look only at what they need.
class Call {
 public:
  Call(const Expression& expression, const Row& row, EvalContext& context)
      : context(context), row(row), expression(expression) {}

  [[nodiscard]] std::size_t size() const { return expression.children.size(); }
  [[nodiscard]] Value operator[](std::size_t i) const {
    return evaluate(expression.children[i], row, context);
  }
  [[nodiscard]] std::string_view text(std::size_t i) const { return to_text_in_arena((*this)[i]); }
  [[nodiscard]] std::string_view to_text_in_arena(const Value& value) const;
  // A text or list for the result, kept in the arena.
  [[nodiscard]] Value keep(std::string_view made) const { return {context.arena.copy(made)}; }
  [[nodiscard]] Value keep(std::span<const Value> made) const;

  EvalContext& context;
  const Row& row;
  const Expression& expression;
};

inline constexpr int kAnyNumber = -1;

// An eval function. The table of them all is what the parser looks names up in and what the reference page is
// made of; a new function is one more entry.
struct Function {
  std::string_view name;       // lower case
  int least;                   // arguments
  int most;                    // or kAnyNumber
  std::string_view arguments;  // as the reference page and messages show them: `text, from, length`
  std::string_view group;      // of the reference page
  std::string_view help;       // one line
  Value (*body)(const Call& call);
  // Looks at the call when it is loaded, and may prepare it (compile its pattern); what is wrong, or nothing.
  std::string (*check)(Expression& call, FieldNames& names) = nullptr;
};

// All functions, by group.
[[nodiscard]] std::span<const Function* const> all_functions();
// By name, in lower case; nullptr when there is none.
[[nodiscard]] const Function* find_function(std::string_view name);
// Why a function that Splunk documents is not there; empty where `name` is none of those.
[[nodiscard]] std::string_view why_not_supported(std::string_view name);

}  // namespace hecate::spl
