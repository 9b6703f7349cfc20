#pragma once

#include "pipeline/spl/functions.h"
#include "pipeline/spl/values.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What the files of eval functions share; not for others.
namespace hecate::spl {

[[nodiscard]] std::span<const Function> comparison_functions();
[[nodiscard]] std::span<const Function> conversion_functions();
[[nodiscard]] std::span<const Function> information_functions();
[[nodiscard]] std::span<const Function> number_functions();
[[nodiscard]] std::span<const Function> multivalue_functions();
[[nodiscard]] std::span<const Function> text_functions();
[[nodiscard]] std::span<const Function> time_functions();
[[nodiscard]] std::span<const Function> hash_functions();
[[nodiscard]] std::span<const Function> json_functions();
[[nodiscard]] std::span<const Function> lookup_functions();

[[nodiscard]] inline std::optional<double> number(const Call& call, std::size_t i) {
  return to_number(call[i]);
}
// A number that cannot be printed (infinite, none) is null.
[[nodiscard]] Value finite(double number);
// The text of an argument that is written out in the search; nullopt where it is worked out for each row.
[[nodiscard]] std::optional<std::string_view> literal_text(const Expression& call, std::size_t i);

// The regular expression in argument `i`: compiled at load where it is written out (check_regex), else now,
// with a small cache for each thread. Null for a pattern that is wrong.
[[nodiscard]] std::shared_ptr<const Regex> regex_argument(const Call& call, std::size_t i);
[[nodiscard]] std::string prepare_regex(Expression& call, std::size_t i);
template <std::size_t I>
std::string check_regex(Expression& call, FieldNames&) {
  return prepare_regex(call, I);
}

// `map` of each value in turn, in a list of the same form; null values are left out.
template <typename Map>
[[nodiscard]] Value map_values(const Call& call, const Value& value, Map map) {
  if (value.is_null()) return {};
  if (!value.is_multi()) return map(value);
  std::vector<Value> mapped;
  mapped.reserve(value.items().size());
  for (const Value& item : value.items()) {
    if (Value one = map(item); !one.is_null()) mapped.push_back(one);
  }
  return call.keep(mapped);
}

// The same for a function of the text of argument `i`.
template <typename Map>
[[nodiscard]] Value map_text(const Call& call, std::size_t i, Map map) {
  return map_values(call, call[i],
                    [&](const Value& value) -> Value { return map(call.to_text_in_arena(value)); });
}

}  // namespace hecate::spl
