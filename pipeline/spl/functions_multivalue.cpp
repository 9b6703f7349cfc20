#include "absl/container/flat_hash_set.h"
#include "fmt/format.h"
#include "pipeline/spl/case_fold.h"
#include "pipeline/spl/function_groups.h"
#include "pipeline/spl/lexer.h"

#include <algorithm>
#include <cmath>

namespace hecate::spl {
namespace {

constexpr std::string_view kGroup = "Multivalue fields";
constexpr double kMostMade = 100'000;  // values that mvrange makes at most

Value commands(const Call& call) {
  Value search = call[0];
  if (search.is_null()) return {};
  SourceText source;
  source.append(call.to_text_in_arena(search), Position{}, false);
  Parsed<std::vector<CommandText>> pipeline = split_pipeline(source);
  if (!pipeline) return {};
  std::vector<Value> names;
  for (const CommandText& command : *pipeline) names.push_back(call.keep(command.name));
  return call.keep(names);
}

Value mvappend(const Call& call) {
  std::vector<Value> all;
  for (std::size_t i = 0; i < call.size(); ++i) {
    Value argument = call[i];
    for (const Value& value : argument.each()) all.push_back(value);
  }
  return call.keep(all);
}

Value mvcount(const Call& call) {
  Value values = call[0];
  return values.is_null() ? Value() : Value(static_cast<double>(values.each().size()));
}

Value mvdedup(const Call& call) {
  Value values = call[0];
  if (!values.is_multi()) return values;
  absl::flat_hash_set<std::string_view> seen;
  std::vector<Value> distinct;
  for (const Value& value : values.items()) {
    if (seen.insert(call.to_text_in_arena(value)).second) distinct.push_back(value);
  }
  return call.keep(distinct);
}

// Evaluates `body` for each value of a list, with `field` standing for that value alone.
template <typename Take>
void with_each(const Call& call, const FieldRef& field, const Expression& body, const Value& values,
               Take take) {
  Row row = call.row;
  for (const Value& value : values.each()) {
    row.set(field.name, value);
    take(value, evaluate(body, row, call.context));
  }
}

// The only field that the expression names.
FieldRef only_field(const Expression& condition) {
  std::vector<FieldRef> fields;
  collect_fields(condition, fields);
  return fields[0];
}

Value mvfilter(const Call& call) {
  const Expression& condition = call.expression.children[0];
  FieldRef field = only_field(condition);
  std::vector<Value> kept;
  with_each(call, field, condition, call.row.get(field), [&](const Value& value, const Value& result) {
    if (result.is_true()) kept.push_back(value);
  });
  return call.keep(kept);
}

std::string check_filter(Expression& call, FieldNames&) {
  std::vector<FieldRef> fields;
  collect_fields(call.children[0], fields);
  if (fields.size() == 1) return {};
  return fmt::format("the condition must name one field, the one that is filtered; this one names {}",
                     fields.size());
}

// The list is a field, or made of one field; that field stands for each value in turn.
Value mvmap(const Call& call) {
  std::vector<Value> mapped;
  with_each(call, only_field(call.expression.children[0]), call.expression.children[1], call[0],
            [&](const Value&, const Value& result) {
              for (const Value& one : result.each()) mapped.push_back(one);
            });
  return call.keep(mapped);
}

std::string check_map(Expression& call, FieldNames&) {
  std::vector<FieldRef> fields;
  collect_fields(call.children[0], fields);
  if (fields.size() == 1) return {};
  return "the list must be a field, or made of one field; put it in a field with eval first";
}

Value mvfind(const Call& call) {
  Value values = call[0];
  std::shared_ptr<const Regex> regex = regex_argument(call, 1);
  if (!regex) return {};
  for (std::size_t i = 0; i < values.each().size(); ++i) {
    if (regex->matches(call.to_text_in_arena(values.each()[i]))) return static_cast<double>(i);
  }
  return {};
}

Value mvindex(const Call& call) {
  Value values = call[0];
  std::optional<double> first = number(call, 1);
  std::optional<double> last = call.size() > 2 ? number(call, 2) : first;
  if (!first || !last) return {};
  auto size = static_cast<double>(values.each().size());
  double begin = std::trunc(*first < 0 ? *first + size : *first);
  double end = std::trunc(*last < 0 ? *last + size : *last);
  if (begin < 0 || begin > end || begin >= size) return {};
  end = std::min(end, size - 1);
  return call.keep(
      values.each().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin) + 1));
}

Value mvjoin(const Call& call) {
  Value values = call[0];
  Value delimiter = call[1];
  if (values.is_null() || delimiter.is_null()) return {};
  std::string joined;
  std::string_view between = call.to_text_in_arena(delimiter);
  for (const Value& value : values.each()) {
    if (&value != values.each().data()) joined += between;
    append_text(value, joined);
  }
  return call.keep(joined);
}

// A number, or a span of time in seconds (`7d`).
std::optional<double> step_of(const Value& value) {
  if (std::optional<double> number = to_number(value)) return number;
  if (!value.is_text() || value.text().size() < 2) return std::nullopt;
  std::string_view text = value.text();
  constexpr std::pair<char, double> kUnits[] = {
      {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
  for (auto [unit, seconds] : kUnits) {
    if (text.back() != unit) continue;
    std::optional<double> count = to_number(text.substr(0, text.size() - 1));
    return count ? std::optional(*count * seconds) : std::nullopt;
  }
  return std::nullopt;
}

Value mvrange(const Call& call) {
  std::optional<double> begin = number(call, 0);
  std::optional<double> end = number(call, 1);
  std::optional<double> step = call.size() > 2 ? step_of(call[2]) : std::optional<double>(1.0);
  if (!begin || !end || !step || *step == 0 || !(std::abs((*end - *begin) / *step) <= kMostMade)) return {};
  // By number: adding a small step to a large number would never arrive.
  auto count = static_cast<std::size_t>(std::max(0.0, std::ceil((*end - *begin) / *step)));
  std::vector<Value> made;
  for (std::size_t i = 0; i < count; ++i) made.emplace_back(*begin + static_cast<double>(i) * *step);
  return call.keep(made);
}

Value mvreverse(const Call& call) {
  Value values = call[0];
  if (!values.is_multi()) return values;
  std::vector<Value> reversed(values.items().rbegin(), values.items().rend());
  return call.keep(reversed);
}

Value mvsort(const Call& call) {
  Value values = call[0];
  if (!values.is_multi()) return values;
  std::vector<Value> sorted(values.items().begin(), values.items().end());
  std::ranges::stable_sort(sorted, {}, [&](const Value& value) { return call.to_text_in_arena(value); });
  return call.keep(sorted);
}

Value mvzip(const Call& call) {
  Value left = call[0];
  Value right = call[1];
  std::string_view delimiter = call.size() > 2 ? call.text(2) : std::string_view(",");
  std::vector<Value> zipped;
  for (std::size_t i = 0; i < std::min(left.each().size(), right.each().size()); ++i) {
    std::string pair;
    append_text(left.each()[i], pair);
    pair += delimiter;
    append_text(right.each()[i], pair);
    zipped.push_back(call.keep(pair));
  }
  return call.keep(zipped);
}

Value split(const Call& call) {
  Value value = call[0];
  Value by = call[1];
  if (value.is_null() || by.is_null()) return {};
  std::string_view text = call.to_text_in_arena(value);
  std::string_view delimiter = call.to_text_in_arena(by);
  std::vector<Value> parts;
  while (delimiter.empty() && !text.empty()) {
    std::size_t size = character_at(text, 0).size;
    parts.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  if (delimiter.empty()) return call.keep(parts);
  for (std::size_t at = text.find(delimiter); at != std::string_view::npos; at = text.find(delimiter)) {
    parts.emplace_back(text.substr(0, at));
    text.remove_prefix(at + delimiter.size());
  }
  parts.emplace_back(text);
  return call.keep(parts);
}

constexpr Function kFunctions[] = {
    {"commands", 1, 1, "search", kGroup, "The names of the commands in a search.", commands},
    {"mvappend", 1, kAnyNumber, "value, …", kGroup, "All values in one list.", mvappend},
    {"mvcount", 1, 1, "list", kGroup, "How many values there are; null for none.", mvcount},
    {"mvdedup", 1, 1, "list", kGroup, "Each value once, in the order of their first places.", mvdedup},
    {"mvfilter", 1, 1, "condition", kGroup,
     "The values of the one field in the condition for which it holds.", mvfilter, check_filter},
    {"mvfind", 2, 2, "list, regex", kGroup, "The place, from 0, of the first value that matches.", mvfind,
     check_regex<1>},
    {"mvindex", 2, 3, "list, first, last", kGroup, "Values by place: from 0, negative from the end.",
     mvindex},
    {"mvjoin", 2, 2, "list, delimiter", kGroup, "The values as one text.", mvjoin},
    {"mvmap", 2, 2, "list, expression", kGroup,
     "The expression for each value of a list that is a field or made of one.", mvmap, check_map},
    {"mvrange", 2, 3, "begin, end, step", kGroup,
     "Numbers from begin until before end; a step may be a time (7d).", mvrange},
    {"mvreverse", 1, 1, "list", kGroup, "The values in the opposite order.", mvreverse},
    {"mvsort", 1, 1, "list", kGroup, "The values in the order of their texts.", mvsort},
    {"mvzip", 2, 3, "list, list, delimiter", kGroup,
     "Pairs of two lists' values, joined by a comma unless given.", mvzip},
    {"split", 2, 2, "text, delimiter", kGroup, "The parts of a text; each character with an empty delimiter.",
     split},
};

}  // namespace

std::span<const Function> multivalue_functions() {
  return kFunctions;
}

}  // namespace hecate::spl
