#include "pipeline/spl/functions.h"

#include "absl/container/flat_hash_map.h"
#include "pipeline/spl/function_groups.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace hecate::spl {
namespace {

struct Missing {
  std::string_view name;
  std::string_view reason;
};
constexpr auto kMissing = std::to_array<Missing>({
    {"all", "functions of functions are SPL2; use mvfilter()"},
    {"any", "functions of functions are SPL2; use mvfilter()"},
    {"filter", "functions of functions are SPL2; use mvfilter()"},
    {"map", "functions of functions are SPL2; use mvmap()"},
    {"reduce", "functions of functions are SPL2"},
});

constexpr std::size_t kMostCachedPatterns = 64;

const std::vector<const Function*>& table() {
  static const std::vector<const Function*> functions = [] {
    std::vector<const Function*> all;
    for (auto group : {comparison_functions(), lookup_functions(), conversion_functions(),
                       information_functions(), number_functions(), multivalue_functions(), text_functions(),
                       time_functions(), hash_functions(), json_functions()}) {
      for (const Function& function : group) all.push_back(&function);
    }
    return all;
  }();
  return functions;
}

}  // namespace

std::span<const Function* const> all_functions() {
  return table();
}

const Function* find_function(std::string_view name) {
  static const absl::flat_hash_map<std::string_view, const Function*> by_name = [] {
    absl::flat_hash_map<std::string_view, const Function*> map;
    for (const Function* function : table()) map.emplace(function->name, function);
    return map;
  }();
  auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

std::string_view why_not_supported(std::string_view name) {
  const auto* found = std::ranges::find(kMissing, name, &Missing::name);
  return found == kMissing.end() ? std::string_view() : found->reason;
}

std::string_view Call::to_text_in_arena(const Value& value) const {
  return to_text(value, context.arena);
}

Value Call::keep(std::span<const Value> made) const {
  Value* items = context.arena.array<Value>(made.size());
  std::ranges::copy(made, items);
  return Value::multi({items, made.size()});
}

Value finite(double number) {
  return std::isfinite(number) ? Value(number) : Value();
}

std::optional<std::string_view> literal_text(const Expression& call, std::size_t i) {
  if (i >= call.children.size()) return std::nullopt;
  const Expression& argument = call.children[i];
  if (argument.kind != Expression::Kind::literal || !argument.literal.is_text()) return std::nullopt;
  return argument.literal.text();
}

std::string prepare_regex(Expression& call, std::size_t i) {
  std::optional<std::string_view> pattern = literal_text(call, i);
  if (!pattern) return {};
  Result<std::shared_ptr<const Regex>> regex = Regex::compile(*pattern);
  if (!regex) return regex.error().message;
  call.regex = std::move(*regex);
  return {};
}

std::shared_ptr<const Regex> regex_argument(const Call& call, std::size_t i) {
  if (call.expression.regex) return call.expression.regex;
  thread_local std::map<std::string, std::shared_ptr<const Regex>, std::less<>> cache;
  std::string_view pattern = call.text(i);
  auto found = cache.find(pattern);
  if (found != cache.end()) return found->second;
  if (cache.size() >= kMostCachedPatterns) cache.clear();
  Result<std::shared_ptr<const Regex>> regex = Regex::compile(pattern);
  std::shared_ptr<const Regex> compiled = regex ? std::move(*regex) : nullptr;
  cache.emplace(pattern, compiled);
  return compiled;
}

}  // namespace hecate::spl
