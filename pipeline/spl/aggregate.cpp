#include "pipeline/spl/aggregate.h"

#include "fmt/format.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/span.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace hecate::spl {
namespace {

using Known = AggregateFunction;
using Pick = AggregateFunction::Pick;
using Kind = AggregateFunction::Result;

// The numbers of the accumulators, by name.
enum : std::size_t { kCount, kSum, kMoments, kBounds, kDistinct, kValues, kList, kPick, kQuantiles };

constexpr Known plain(std::string_view name, std::size_t kind, Kind result, std::string_view help) {
  return {name, kind, result, Pick::none, false, false, help};
}
constexpr Known pick(std::string_view name, Pick which, bool of_time, std::string_view help) {
  return {name, kPick, Kind::pick, which, of_time, false, help};
}
constexpr Known percentile(std::string_view name, bool numbered, std::string_view help) {
  return {name, kQuantiles, Kind::percentile, Pick::none, false, numbered, help};
}

constexpr auto kFunctions = std::to_array<Known>({
    plain("count", kCount, Kind::count, "rows, or values of a field, or rows for which eval(…) is true"),
    plain("c", kCount, Kind::count, "count"),
    plain("dc", kDistinct, Kind::distinct, "different values; exact up to 10,000, then within about 1 %"),
    plain("distinct_count", kDistinct, Kind::distinct, "dc"),
    plain("estdc", kDistinct, Kind::distinct, "dc"),
    plain("values", kValues, Kind::values, "the different values, sorted; at most 10,000 or 1 MiB"),
    plain("list", kList, Kind::list, "the first 100 values in the order of the rows"),
    plain("min", kBounds, Kind::least, "the least value: as a number when all are, else in text order"),
    plain("max", kBounds, Kind::greatest, "the greatest value, likewise"),
    plain("range", kBounds, Kind::range, "max - min of the numbers"),
    plain("sum", kSum, Kind::sum, "the sum of the numbers"),
    plain("avg", kSum, Kind::average, "their mean"),
    plain("mean", kSum, Kind::average, "avg"),
    plain("sumsq", kMoments, Kind::sum_of_squares, "the sum of their squares"),
    plain("stdev", kMoments, Kind::deviation, "their standard deviation, divisor n - 1"),
    plain("stdevp", kMoments, Kind::population_deviation, "their standard deviation, divisor n"),
    plain("var", kMoments, Kind::variance, "their variance, divisor n - 1"),
    plain("varp", kMoments, Kind::population_variance, "their variance, divisor n"),
    pick("first", Pick::first, false, "the value of the first row"),
    pick("last", Pick::last, false, "the value of the last row"),
    pick("earliest", Pick::earliest, false, "the value of the row with the smallest _time"),
    pick("latest", Pick::latest, false, "the value of the row with the greatest _time"),
    pick("earliest_time", Pick::earliest, true, "the _time of the earliest row that has the field"),
    pick("latest_time", Pick::latest, true, "the _time of the latest row that has the field"),
    plain("mode", kValues, Kind::mode, "the most frequent value; of several, the first in text order"),
    percentile("median", false, "perc50"),
    percentile("perc", true, "percN: the value at that place; exact up to 4,096 different ones"),
    percentile("p", true, "percN"),
    percentile("exactperc", true, "percN"),
    percentile("upperperc", true, "percN"),
});

// The function that `word` names; `percent` gets the number behind its name.
const Known* find_function(std::string_view word, double& percent) {
  std::string lower;
  fold_case(word, lower);
  percent = 50;
  for (const Known& function : kFunctions) {
    if (!function.numbered && lower == function.name) return &function;
    if (!function.numbered || !lower.starts_with(function.name)) continue;
    std::optional<double> number = to_number(std::string_view(lower).substr(function.name.size()));
    if (!number || *number < 0 || *number > 100) continue;
    percent = *number;
    return &function;
  }
  return nullptr;
}

std::string_view pick_name(Pick which) {
  constexpr std::array<std::string_view, 5> kNames = {"", "first", "last", "earliest", "latest"};
  return kNames[static_cast<std::size_t>(which)];
}

Value number_or_null(std::optional<double> number) {
  return number ? Value(*number) : Value();
}

Value text_in(std::string_view text, EvalContext& context) {
  return {context.arena.copy(text)};
}

// Of one number there is no spread: 0, and not nothing, so that `avg + 3 * stdev` stays a number.
std::optional<double> spread(const MomentsOf& moments, int less) {
  if (less == 1 && moments.first.n == 1) return 0;
  return moments.variance(less);
}

std::optional<double> root(std::optional<double> x) {
  return x ? std::optional<double>(std::sqrt(*x)) : std::nullopt;
}

Value moments_result(Kind kind, const MomentsOf& moments) {
  if (moments.first.n == 0) return {};
  switch (kind) {
    case Kind::sum_of_squares:
      return moments.squares.total();
    case Kind::deviation:
      return number_or_null(root(spread(moments, 1)));
    case Kind::population_deviation:
      return number_or_null(root(spread(moments, 0)));
    case Kind::variance:
      return number_or_null(spread(moments, 1));
    default:
      return number_or_null(spread(moments, 0));
  }
}

Value bounds_result(Kind kind, const BoundsOf& bounds, EvalContext& context) {
  if (!bounds.any) return {};
  if (kind == Kind::range) return bounds.any_number ? Value(bounds.greatest - bounds.least) : Value();
  if (bounds.all_numbers) return kind == Kind::least ? bounds.least : bounds.greatest;
  return text_in(kind == Kind::least ? bounds.first : bounds.last, context);
}

template <typename Items, typename Text>
Value list_of(const Items& items, Text text, EvalContext& context) {
  Value* values = context.arena.array<Value>(items.size());
  std::size_t n = 0;
  for (const auto& item : items) values[n++] = text_in(text(item), context);
  return Value::multi({values, n});
}

Value mode_of(const ValuesOf& values, EvalContext& context) {
  auto most = std::ranges::max_element(values.counts, {}, [](const auto& entry) { return entry.second; });
  return most == values.counts.end() ? Value() : text_in(most->first, context);
}

Value pick_result(const PickOf& picked, bool of_time, EvalContext& context) {
  if (!picked.any) return {};
  if (of_time) return number_or_null(to_number(picked.text));
  return text_in(picked.text, context);
}

}  // namespace

std::span<const AggregateFunction> aggregate_functions() {
  return kFunctions;
}

Parsed<void> Aggregation::parse_functions(Cursor& cursor, FieldNames& names) {
  time_ = names.intern("_time");
  auto ends = [&] {
    return cursor.at_end() || cursor.looking_at_keyword("by") || cursor.looking_at_keyword("from") ||
           cursor.looking_at_keyword("where");
  };
  while (!ends()) {
    if (cursor.try_char(',')) continue;
    if (Parsed<void> parsed = parse_function(cursor, names); !parsed) return parsed;
  }
  if (outputs_.empty()) return cursor.error("a function is missing: count, dc(field), values(field) …");
  return {};
}

Parsed<void> Aggregation::parse_function(Cursor& cursor, FieldNames& names) {
  Position place = cursor.position();
  std::size_t begin = cursor.offset();
  std::string_view word = cursor.word();
  Output output{};
  output.function = find_function(word, output.percent);
  if (output.function == nullptr) {
    std::vector<std::string_view> known;
    for (const Known& function : kFunctions) known.push_back(function.name);
    std::string_view near = nearest(word, known);
    return std::unexpected(
        Diagnostic{place, fmt::format("\"{}\" is not a stats function that is supported{}", word,
                                      near.empty() ? "" : fmt::format("; did you mean {}?", near))});
  }
  Parsed<Input> input = parse_argument(cursor, *output.function, names);
  if (!input) return std::unexpected(input.error());
  if (input->rows) {
    output.name = word;
  } else if (input->expression) {
    output.name = cursor.text({begin, cursor.offset()});
  } else {
    output.name = fmt::format("{}({})", word, input->field.name);
  }
  output.input = share(std::move(*input));
  if (cursor.try_keyword("as")) {
    Parsed<std::string> name = cursor.field();
    if (!name) return std::unexpected(name.error());
    output.name = std::move(*name);
  }
  std::erase_if(outputs_, [&](const Output& other) { return other.name == output.name; });
  outputs_.push_back(std::move(output));
  return {};
}

Parsed<Aggregation::Input> Aggregation::parse_argument(Cursor& cursor, const AggregateFunction& function,
                                                       FieldNames& names) {
  Input input;
  input.kind = function.kind;
  input.pick = function.pick;
  input.of_time = function.of_time;
  std::string what;
  if (!cursor.looking_at("(")) {
    if (function.result != Kind::count) {
      return cursor.error(fmt::format("{} needs a field in parentheses", function.name));
    }
    input.rows = true;
  } else {
    Parsed<Range> range = cursor.parenthesized();
    if (!range) return std::unexpected(range.error());
    Cursor inside(cursor.source(), *range);
    Cursor ahead = inside;
    if (inside.at_end() && function.result == Kind::count) {
      input.rows = true;
    } else if (ahead.try_keyword("eval") && ahead.looking_at("(")) {
      Parsed<Range> body = ahead.parenthesized();
      if (!body) return std::unexpected(body.error());
      if (Parsed<void> end = ahead.expect_end("eval(…)"); !end) return std::unexpected(end.error());
      Parsed<Expression> expression = parse_expression(cursor.source(), body->begin, body->end, names);
      if (!expression) return std::unexpected(expression.error());
      what = "eval:" + spl::canonical(*expression);
      input.expression = std::move(*expression);
    } else {
      Parsed<std::string> field = inside.field();
      if (!field) return std::unexpected(field.error());
      if (field->contains('*')) {
        return cursor.error_at(range->begin,
                               "a wildcard as the field of a stats function is not supported: name "
                               "each field");
      }
      if (Parsed<void> end = inside.expect_end("the field"); !end) return std::unexpected(end.error());
      input.field = names.intern(*field);
      what = "field:" + *field;
    }
  }
  input.canonical =
      fmt::format("{}{}{}({})", input.kind, pick_name(input.pick), input.of_time ? "_time" : "", what);
  return input;
}

std::size_t Aggregation::share(Input input) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].canonical == input.canonical) return i;
  }
  inputs_.push_back(std::move(input));
  return inputs_.size() - 1;
}

void Aggregation::add_count(std::string_view name, FieldNames& names) {
  time_ = names.intern("_time");
  Input input;
  input.kind = kCount;
  input.rows = true;
  input.canonical = fmt::format("{}()", kCount);
  double percent = 0;
  const Known* function = find_function("count", percent);
  outputs_.push_back({function, share(std::move(input)), 0, std::string(name)});
}

Parsed<void> Aggregation::parse_by(Cursor& cursor, FieldNames& names, bool with_span) {
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    Position place = cursor.position();
    if (with_span && cursor.try_option("span")) {
      if (Parsed<void> parsed = parse_by_span(cursor, place); !parsed) return parsed;
      continue;
    }
    Parsed<std::string> name = cursor.field();
    if (!name) return std::unexpected(name.error());
    if (name->contains('*')) {
      return std::unexpected(Diagnostic{place, "a wildcard behind BY is not supported: name each field"});
    }
    if (std::ranges::any_of(by_, [&](const ByField& by) { return by.field.name == *name; })) continue;
    bool in_spans = with_span && *name == "_time";
    by_.push_back({names.intern(*name), in_spans ? kMinute : 0, in_spans});
  }
  if (by_.empty()) return cursor.error("a field is missing behind BY");
  return {};
}

Parsed<void> Aggregation::parse_by_span(Cursor& cursor, Position place) {
  auto time = std::ranges::find(by_, "_time", [](const ByField& by) { return by.field.name; });
  if (time == by_.end())
    return std::unexpected(Diagnostic{place, "span= stands behind _time, which is missing here"});
  Parsed<std::string> text = cursor.value();
  if (!text) return std::unexpected(text.error());
  std::optional<Time> span = parse_span(*text);
  if (!span) {
    return std::unexpected(Diagnostic{
        place,
        fmt::format("span={} is not supported: a number of seconds, minutes, hours, days or weeks, as 1h",
                    *text)});
  }
  time->span = *span;
  time->automatic = false;
  return {};
}

void Aggregation::each_key(const Row& row, EvalContext& context, KeyVisitor visit) const {
  if (by_.empty()) {
    visit(kWholeKey);
    return;
  }
  std::array<Value, 32> few;
  std::vector<Value> many;
  std::span<Value> values(few.data(), std::min(by_.size(), few.size()));
  if (by_.size() > few.size()) {
    many.resize(by_.size());
    values = many;
  }
  for (std::size_t i = 0; i < by_.size(); ++i) {
    values[i] = row.get(by_[i].field);
    if (values[i].is_null() && null_by_) values[i] = Value(std::string_view(*null_by_));
    if (values[i].is_null()) return;
  }
  std::string key;
  std::size_t room = kMostKeys;
  if (!keys_from(0, values, key, context, room, visit)) ++context.rows_cut;
}

std::vector<std::string> Aggregation::growing_results() const {
  std::vector<std::string> names;
  for (const Output& output : outputs_) {
    using Result = AggregateFunction::Result;
    if (output.function->result == Result::count || output.function->result == Result::distinct)
      names.push_back(output.name);
  }
  return names;
}

bool Aggregation::keys_from(std::size_t field, std::span<const Value> values, std::string& key,
                            EvalContext& context, std::size_t& room, KeyVisitor visit) const {
  if (field == by_.size()) {
    if (room == 0) return false;
    --room;
    visit(key);
    return true;
  }
  for (const Value& item : values[field].each()) {
    std::size_t size = key.size();
    std::optional<double> number = by_[field].span > 0 ? to_number(item) : std::nullopt;
    if (number) {
      auto time = static_cast<Time>(std::llround(*number * kSecond));
      append_key_value(format_epoch(floor_to(time, by_[field].span)), key);
    } else {
      append_key_value(item.is_text() ? item.text() : to_text(item, context.arena), key);
    }
    if (!keys_from(field + 1, values, key, context, room, visit)) return false;
    key.resize(size);
  }
  return true;
}

void Aggregation::add(const Row& row, EvalContext& context, const RowOrder& order,
                      GroupState::Parts& parts) const {
  if (parts.accumulators.empty()) {
    for (const Input& input : inputs_) parts.accumulators.push_back(make_accumulator(input.kind));
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = inputs_[i];
    if (input.rows) {
      ++std::get<CountOf>(parts.accumulators[i]).n;
      continue;
    }
    Value value = input.expression ? evaluate(*input.expression, row, context) : row.get(input.field);
    // A condition counts where it holds.
    if (value.kind() == Value::Kind::boolean) value = value.is_true() ? Value(1.0) : Value();
    if (!value.is_null()) add_value(input, value, row, context, order, parts.accumulators[i]);
  }
}

// Several values of one row rank as they stand: for `last` the last of them, else the first.
void Aggregation::add_value(const Input& input, const Value& value, const Row& row, EvalContext& context,
                            const RowOrder& order, Accumulator& accumulator) const {
  if (auto* picked = std::get_if<PickOf>(&accumulator)) {
    std::optional<Rank> place = rank(input, row, order);
    if (!place) return;
    const Value& item = input.pick == Pick::last ? value.each().back() : value.each().front();
    picked->add(*place, to_text(input.of_time ? row.get(time_) : item, context.arena));
    return;
  }
  std::uint32_t index = 0;
  for (const Value& item : value.each()) {
    std::optional<double> number = to_number(item);
    switch (input.kind) {
      case kCount:
        ++std::get<CountOf>(accumulator).n;
        break;
      case kSum:
        if (number) std::get<SumOf>(accumulator).add(*number);
        break;
      case kMoments:
        if (number) std::get<MomentsOf>(accumulator).add(*number);
        break;
      case kQuantiles:
        if (number) std::get<QuantilesOf>(accumulator).add(*number);
        break;
      case kBounds:
        std::get<BoundsOf>(accumulator).add(to_text(item, context.arena), number);
        break;
      case kDistinct:
        std::get<DistinctOf>(accumulator).add(to_text(item, context.arena));
        break;
      case kValues:
        std::get<ValuesOf>(accumulator).add(to_text(item, context.arena));
        break;
      default:
        std::get<ListOf>(accumulator)
            .add({~(static_cast<std::uint64_t>(order.time) ^ (std::uint64_t{1} << 63)), ~order.arrival,
                  order.row},
                 index++, to_text(item, context.arena));
    }
  }
}

// The smallest rank is the one looked for. A row without _time is neither earliest nor latest.
std::optional<Rank> Aggregation::rank(const Input& input, const Row& row, const RowOrder& order) const {
  Time time = order.time;
  if (input.pick == Pick::earliest || input.pick == Pick::latest) {
    std::optional<double> seconds = to_number(row.get(time_));
    if (!seconds) return std::nullopt;
    time = static_cast<Time>(std::llround(*seconds * kSecond));
  }
  std::uint64_t forward = static_cast<std::uint64_t>(time) ^ (std::uint64_t{1} << 63);
  if (input.pick == Pick::first || input.pick == Pick::latest)
    return Rank{~forward, ~order.arrival, order.row};
  return Rank{forward, order.arrival, ~order.row};
}

Value Aggregation::result(const Output& output, const Accumulator& accumulator, EvalContext& context) {
  switch (output.function->result) {
    case Kind::count:
      return static_cast<double>(std::get<CountOf>(accumulator).n);
    case Kind::sum:
    case Kind::average: {
      const auto& sum = std::get<SumOf>(accumulator);
      if (sum.n == 0) return {};
      return output.function->result == Kind::sum ? sum.sum.total()
                                                  : sum.sum.total() / static_cast<double>(sum.n);
    }
    case Kind::least:
    case Kind::greatest:
    case Kind::range:
      return bounds_result(output.function->result, std::get<BoundsOf>(accumulator), context);
    case Kind::distinct:
      return std::get<DistinctOf>(accumulator).count();
    case Kind::values:
      return list_of(
          std::get<ValuesOf>(accumulator).counts,
          [](const auto& entry) { return std::string_view(entry.first); }, context);
    case Kind::list:
      return list_of(
          std::get<ListOf>(accumulator).items, [](const auto& item) { return std::string_view(item.text); },
          context);
    case Kind::pick:
      return pick_result(std::get<PickOf>(accumulator), output.function->of_time, context);
    case Kind::mode:
      return mode_of(std::get<ValuesOf>(accumulator), context);
    case Kind::percentile:
      return number_or_null(std::get<QuantilesOf>(accumulator).at(output.percent));
    default:
      return moments_result(output.function->result, std::get<MomentsOf>(accumulator));
  }
}

// A state whose accumulators are not those of this search (a damaged database) shows as if nothing was
// counted.
void Aggregation::set_results(const GroupState::Parts& parts, Row& row, EvalContext& context) const {
  Value* bounded = nullptr;
  std::size_t count = 0;
  for (const Output& output : outputs_) {
    std::size_t kind = inputs_[output.input].kind;
    bool present =
        output.input < parts.accumulators.size() && parts.accumulators[output.input].index() == kind;
    row.set(output.name,
            result(output, present ? parts.accumulators[output.input] : make_accumulator(kind), context));
    if (!present || !is_bounded(parts.accumulators[output.input])) continue;
    if (bounded == nullptr) bounded = context.arena.array<Value>(outputs_.size());
    bounded[count++] = Value(std::string_view(output.name));
  }
  if (count > 0) row.set(kBoundedField, Value::multi({bounded, count}));
}

bool Aggregation::set_by(std::string_view key, Row& row, EvalContext& context) const {
  if (by_.empty()) return key == kWholeKey;
  std::vector<std::string> values;
  if (!decode_key(key, by_.size(), values)) return false;
  for (std::size_t i = 0; i < by_.size(); ++i) row.set(by_[i].field.name, text_in(values[i], context));
  return true;
}

void Aggregation::collect_fields(std::vector<FieldRef>& fields) const {
  for (const ByField& by : by_) fields.push_back(by.field);
  for (const Input& input : inputs_) {
    if (input.expression) {
      spl::collect_fields(*input.expression, fields);
    } else if (!input.rows) {
      fields.push_back(input.field);
    }
    if (input.pick == Pick::earliest || input.pick == Pick::latest) fields.push_back(time_);
  }
}

void Aggregation::collect_results(std::vector<std::string_view>& names) const {
  for (const Output& output : outputs_) names.push_back(output.name);
}

bool Aggregation::depends_on_search_time() const {
  return std::ranges::any_of(inputs_, [](const Input& input) {
    return input.expression && spl::depends_on_search_time(*input.expression);
  });
}

std::string Aggregation::canonical() const {
  std::string text;
  for (const Input& input : inputs_) text += input.canonical + " ";
  text += "by";
  for (const ByField& by : by_)
    text += fmt::format(" {:?}/{}{}", by.field.name, by.span, by.automatic ? "+" : "");
  if (null_by_) text += fmt::format(" null {:?}", *null_by_);
  return text;
}

std::string Aggregation::canonical_with_names() const {
  std::string text;
  for (const Output& output : outputs_) {
    text += fmt::format("{} {} {} {:?} ", output.function->name, output.percent,
                        inputs_[output.input].canonical, output.name);
  }
  return text + canonical();
}

}  // namespace hecate::spl
