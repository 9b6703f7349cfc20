// Whether the values of a field stand in the event, told from the expression that makes them.
#include "pipeline/fields/rules.h"
#include "pipeline/spl/functions.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace hecate::fields {
namespace {

using spl::Expression;
using Origin = FieldRules::Origin;
using Text = Origin::Text;

// What file_path and file_name are without: the name of a stream.
constexpr std::string_view kUncutClass = "[A-Za-z0-9_. ]+";

void add(Origin& all, Origin one) {
  all.text = std::max(all.text, one.text);
  std::ranges::move(one.constants, std::back_inserter(all.constants));
}

const std::string* literal_of(const Expression& expression) {
  return expression.kind == Expression::Kind::literal && expression.literal.is_text() ? expression.text.get()
                                                                                      : nullptr;
}

// Whether the pattern is one alternative, outside of its parentheses, and all that it matches is replaced.
bool is_one_alternative(std::string_view pattern) {
  if (pattern.find("\\Q") != pattern.npos || pattern.find("\\K") != pattern.npos) return false;
  int depth = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (c == '[') {
      // A `]` at the front of a class stands for itself.
      i += pattern.substr(i).starts_with("[^") ? 2 : 1;
      if (i < pattern.size() && pattern[i] == ']') ++i;
      for (; i < pattern.size() && pattern[i] != ']'; ++i)
        if (pattern[i] == '\\') ++i;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '|' && depth == 0) {
      return false;
    }
  }
  return true;
}

bool is_escaped(std::string_view text, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && text[before - 1] == '\\') --before;
  return (at - before) % 2 == 1;
}

// What is left of a piece when each match of `pattern` is replaced.
Text text_of_replace(std::string_view pattern, std::string_view replacement) {
  if (replacement.empty() && pattern.size() == kUncutClass.size() + 1 && pattern.ends_with(kUncutClass)) {
    // All of the class behind that character goes, so what follows a cut is not of the class.
    constexpr std::string_view kMeaning = "\\^$.|?*+()[]{}";
    if (!Origin::is_uncut(pattern[0]) && kMeaning.find(pattern[0]) == kMeaning.npos) return Text::cut;
  }
  if (pattern.starts_with("(?s)")) pattern.remove_prefix(4);
  if (!is_one_alternative(pattern)) return Text::computed;
  bool front = pattern.starts_with('^');
  bool back = pattern.ends_with('$') && !is_escaped(pattern, pattern.size() - 1);
  // A prefix or a suffix goes …
  if (replacement.empty() && (front || back)) return Text::piece;
  // … or all but a group.
  bool group =
      replacement.size() == 2 && replacement[0] == '\\' && replacement[1] >= '1' && replacement[1] <= '9';
  return group && front && back ? Text::piece : Text::computed;
}

class Finder {
 public:
  explicit Finder(const CompiledRules& rules) : rules_(rules) {}

  Origin of_field(spl::FieldId field) {
    if (field >= rules_.slots.size()) return {Text::computed};
    const Slot& slot = rules_.slots[field];
    if (slot.kind == Slot::Kind::model_field) return of_model_field(slot);
    if (slot.kind != Slot::Kind::event || slot.metadata != Metadata::none) return {Text::computed};
    Origin all;  // extracted, where no rule gives anything
    for (const auto& of_product : slot.rules)
      for (std::uint16_t rule : of_product) add(all, of_rule(rules_.rules[rule]));
    return all;
  }

 private:
  Origin of_model_field(const Slot& slot) {
    if (++depth_ > kDeepest) return {Text::computed};  // a field that reads itself
    Origin origin = slot.expression ? of(*slot.expression, Reads::fields) : of_field(slot.base);
    --depth_;
    if (slot.unknown) origin.constants.emplace_back("unknown");
    return origin;
  }

  Origin of_rule(const Rule& rule) {
    if (rule.expression) return of(*rule.expression, Reads::extracted);
    Origin all;
    for (const Value& value : rule.by_code)
      for (const Value& one : value.each()) add(all, of_constant(one));
    return all;
  }

  static Origin of_constant(const Value& value) {
    if (value.is_null()) return {};
    if (!value.is_text()) return {Text::computed};
    return {Text::piece, {std::string(value.text())}};
  }

  // Models read fields, rules only what was extracted.
  enum class Reads { fields, extracted };

  Origin of(const Expression& expression, Reads reads) {
    if (expression.kind == Expression::Kind::literal) return of_constant(expression.literal);
    if (expression.kind == Expression::Kind::field) {
      if (reads == Reads::fields) return of_field(expression.field.id);
      return {find_metadata(expression.field.name) == Metadata::none ? Text::piece : Text::computed};
    }
    return expression.kind == Expression::Kind::call ? of_call(expression, reads) : Origin{Text::computed};
  }

  Origin of_call(const Expression& call, Reads reads) {
    std::string_view name = call.function->name;
    const auto& arguments = call.children;
    Origin all;
    if (name == "null") return all;
    if (name == "coalesce") {
      for (const Expression& argument : arguments) add(all, of(argument, reads));
    } else if (name == "if" && arguments.size() == 3) {
      add(all, of(arguments[1], reads));
      add(all, of(arguments[2], reads));
    } else if (name == "case") {
      for (std::size_t i = 1; i < arguments.size(); i += 2) add(all, of(arguments[i], reads));
    } else if (name == "nullif" || name == "lower" || name == "upper" || name == "mvindex") {
      return of(arguments[0], reads);
    } else if (name == "split" || name == "substr" || name == "trim" || name == "ltrim" || name == "rtrim") {
      return without_constants(of(arguments[0], reads));
    } else if (name == "replace") {
      return of_replace(arguments, reads);
    } else {
      all.text = Text::computed;
    }
    return all;
  }

  // Of what is changed: a constant would be another one then.
  static Origin without_constants(Origin origin) {
    return origin.constants.empty() ? std::move(origin) : Origin{Text::computed};
  }

  Origin of_replace(const std::vector<Expression>& arguments, Reads reads) {
    const std::string* pattern = literal_of(arguments[1]);
    const std::string* replacement = literal_of(arguments[2]);
    if (pattern == nullptr || replacement == nullptr) return {Text::computed};
    Origin origin = without_constants(of(arguments[0], reads));
    origin.text = std::max(origin.text, text_of_replace(*pattern, *replacement));
    return origin;
  }

  static constexpr int kDeepest = 8;
  const CompiledRules& rules_;
  int depth_ = 0;
};

}  // namespace

bool FieldRules::Origin::is_uncut(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == ' ';
}

FieldRules::Origin BuiltRules::origin(spl::FieldId field) const {
  return Finder(plan).of_field(field);
}

}  // namespace hecate::fields
