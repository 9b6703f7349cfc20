#include "fmt/format.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/function_groups.h"
#include "pipeline/spl/subsearch.h"

namespace hecate::spl {
namespace {

constexpr std::string_view kGroup = "Comparison and conditions";

Value case_of(const Call& call) {
  for (std::size_t i = 0; i + 1 < call.size(); i += 2) {
    if (call[i].is_true()) return call[i + 1];
  }
  return {};
}

std::string check_pairs(Expression& call, FieldNames&) {
  if (call.children.size() % 2 == 0) return {};
  return "each condition needs its value: the number of arguments is odd";
}

Value cidrmatch(const Call& call) {
  Value network_text = call[0];
  Value addresses = call[1];
  if (network_text.is_null() || addresses.is_null()) return {};
  std::optional<Network> network = Network::parse(call.to_text_in_arena(network_text));
  if (!network) return {};
  for (const Value& address : addresses.each()) {
    if (network->contains(call.to_text_in_arena(address))) return Value::boolean(true);
  }
  return Value::boolean(false);
}

std::string check_network(Expression& call, FieldNames&) {
  std::optional<std::string_view> network = literal_text(call, 0);
  if (!network || Network::parse(*network)) return {};
  return fmt::format("\"{}\" is not a range of addresses such as 10.0.0.0/8", *network);
}

Value coalesce(const Call& call) {
  for (std::size_t i = 0; i < call.size(); ++i) {
    if (Value value = call[i]; !value.is_null()) return value;
  }
  return {};
}

Value if_else(const Call& call) {
  return call[0].is_true() ? call[1] : call[2];
}

Value in(const Call& call) {
  Value value = call[0];
  if (value.is_null()) return {};
  for (std::size_t i = 1; i < call.size(); ++i) {
    Value item = call[i];
    for (const Value& one : value.each()) {
      for (const Value& other : item.each()) {
        if (equal_values(one, other, call.context.arena)) return Value::boolean(true);
      }
    }
  }
  return Value::boolean(false);
}

Value like(const Call& call) {
  Value texts = call[0];
  Value pattern = call[1];
  if (texts.is_null() || pattern.is_null()) return {};
  std::string_view wanted = call.to_text_in_arena(pattern);
  for (const Value& text : texts.each()) {
    if (like_matches(call.to_text_in_arena(text), wanted)) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value match(const Call& call) {
  Value texts = call[0];
  if (texts.is_null()) return {};
  std::shared_ptr<const Regex> made;
  const Regex* regex = call.expression.regex.get();
  if (regex == nullptr) {
    made = regex_argument(call, 1);
    regex = made.get();
  }
  if (regex == nullptr) return {};
  for (const Value& text : texts.each()) {
    if (regex->matches(call.to_text_in_arena(text))) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value nullif(const Call& call) {
  Value value = call[0];
  return equal_values(value, call[1], call.context.arena) ? Value() : value;
}

Value searchmatch(const Call& call) {
  return Value::boolean(matches(*call.expression.condition, call.row, call.context));
}

std::string check_search(Expression& call, FieldNames& names) {
  std::optional<std::string_view> search = literal_text(call, 0);
  if (!search) return "the search must be a text in double quotes";
  SourceText source;
  source.append(*search, call.position, true);
  Parsed<Condition> condition = parse_condition(source, 0, search->size(), names);
  if (!condition) return condition.error().message;
  if (has_subsearch(*condition)) return "a subsearch is not supported here";
  call.condition = std::make_shared<const Condition>(std::move(*condition));
  return {};
}

Value validate(const Call& call) {
  for (std::size_t i = 0; i + 1 < call.size(); i += 2) {
    if (!call[i].is_true()) return call[i + 1];
  }
  return {};
}

constexpr Function kFunctions[] = {
    {"case", 2, kAnyNumber, "condition, value, …", kGroup,
     "The value of the first condition that is true; else null.", case_of, check_pairs},
    {"cidrmatch", 2, 2, "network, address", kGroup,
     "Whether the address lies in the network (10.0.0.0/8, fe80::/10).", cidrmatch, check_network},
    {"coalesce", 1, kAnyNumber, "value, …", kGroup, "The first value that is not null.", coalesce},
    {"false", 0, 0, "", kGroup, "False.", [](const Call&) { return Value::boolean(false); }},
    {"if", 3, 3, "condition, then, else", kGroup,
     "One value where the condition is true, the other where it is not.", if_else},
    {"in", 2, kAnyNumber, "value, item, …", kGroup, "Whether the value equals one of the items.", in},
    {"like", 2, 2, "text, pattern", kGroup,
     "Whether the text is like the pattern: % any run, _ one character.", like},
    {"match", 2, 2, "text, regex", kGroup, "Whether the regular expression matches somewhere in the text.",
     match, check_regex<1>},
    {"null", 0, 0, "", kGroup, "Null: setting a field to it removes the field.",
     [](const Call&) { return Value(); }},
    {"nullif", 2, 2, "value, other", kGroup, "Null where both are equal, else the first.", nullif},
    {"searchmatch", 1, 1, "search", kGroup, "Whether the event matches an expression of the search command.",
     searchmatch, check_search},
    {"true", 0, 0, "", kGroup, "True.", [](const Call&) { return Value::boolean(true); }},
    {"validate", 2, kAnyNumber, "condition, value, …", kGroup,
     "The value of the first condition that is not true; else null.", validate, check_pairs},
};

}  // namespace

std::span<const Function> comparison_functions() {
  return kFunctions;
}

}  // namespace hecate::spl
