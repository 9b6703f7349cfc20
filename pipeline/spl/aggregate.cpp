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

using Pick = AggregateFunction::Pick;

Value text_in(std::string_view text, EvalContext& context) {
  return {context.arena.copy(text)};
}

std::optional<Time> time_of(const Value& value) {
  std::optional<double> seconds = to_number(value);
  return seconds ? std::optional(static_cast<Time>(std::llround(*seconds * kSecond))) : std::nullopt;
}

}  // namespace

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
    const std::optional<std::string>& null_text = null_by_ ? null_by_ : by_[i].null_text;
    if (values[i].is_null() && null_text) values[i] = Value(std::string_view(*null_text));
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
  std::optional<Row> flat;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = inputs_[i];
    Accumulator& accumulator = parts.accumulators[i];
    if (input.pattern) {
      if (!flat) flat = flattened(row, context);
      add_matching(input, *flat, context, order, std::get<PartsOf>(accumulator));
    } else if (input.step > 0) {
      add_to_step(input, row, context, order, std::get<PartsOf>(accumulator));
    } else if (input.rows) {
      ++std::get<CountOf>(accumulator).n;
    } else if (Value value = argument(input, row, context); !value.is_null()) {
      add_value(input, value, row, context, order, accumulator);
    }
  }
}

Value Aggregation::argument(const Input& input, const Row& row, EvalContext& context) const {
  Value value = input.expression ? evaluate(*input.expression, row, context) : row.get(input.field);
  // A condition counts where it holds.
  if (value.kind() == Value::Kind::boolean) return value.is_true() ? Value(1.0) : Value();
  return value;
}

// The row with all fields that a wildcard may stand for.
Row Aggregation::flattened(const Row& row, EvalContext& context) const {
  Row flat = row;
  std::vector<Value> values;
  for (const FieldRef& field : metadata_) values.push_back(row.get(field));
  flat.flatten(context.arena);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].is_null()) flat.set(metadata_[i].name, values[i]);
  }
  return flat;
}

// BY fields are left out, and those whose names begin with `_` unless the pattern's does.
void Aggregation::add_matching(const Input& input, const Row& flat, EvalContext& context,
                               const RowOrder& order, PartsOf& parts) const {
  for (const Row::Entry& entry : flat.entries()) {
    bool hidden = entry.name.starts_with('_') && !input.pattern->text().starts_with('_');
    if (hidden || entry.value.is_null() || !input.pattern->matches(entry.name)) continue;
    if (std::ranges::any_of(by_, [&](const ByField& by) { return by.field.name == entry.name; })) continue;
    if (Accumulator* accumulator = NamedPart::find_or_make(parts, entry.name, input.inner_kind))
      add_value(input, entry.value, flat, context, order, *accumulator);
  }
}

// A row without _time is in no step.
void Aggregation::add_to_step(const Input& input, const Row& row, EvalContext& context, const RowOrder& order,
                              PartsOf& parts) const {
  std::optional<Time> time = time_of(row.get(time_));
  Value value = input.rows ? Value(1.0) : argument(input, row, context);
  if (!time || *time < 0 || value.is_null()) return;
  Accumulator* step = NamedPart::find_or_make(
      parts, fmt::format("{:012}", floor_to(*time, input.step) / kSecond), input.inner_kind);
  if (step != nullptr) add_value(input, value, row, context, order, *step);
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
  if (auto* rate = std::get_if<RateOf>(&accumulator)) {
    std::optional<Time> time = time_of(row.get(time_));
    if (!time) return;
    std::string_view text = to_text(value.each().front(), context.arena);
    rate->earliest.add({time_place(*time), order.arrival, ~order.row}, text);
    rate->latest.add({~time_place(*time), ~order.arrival, order.row}, text);
    return;
  }
  std::uint32_t index = 0;
  for (const Value& item : value.each()) {
    std::optional<double> number = to_number(item);
    switch (accumulator.index()) {
      case AccumulatorKind::count:
        ++std::get<CountOf>(accumulator).n;
        break;
      case AccumulatorKind::sum:
        if (number) std::get<SumOf>(accumulator).add(*number);
        break;
      case AccumulatorKind::moments:
        if (number) std::get<MomentsOf>(accumulator).add(*number);
        break;
      case AccumulatorKind::quantiles:
        if (number) std::get<QuantilesOf>(accumulator).add(*number);
        break;
      case AccumulatorKind::bounds:
        std::get<BoundsOf>(accumulator).add(to_text(item, context.arena), number);
        break;
      case AccumulatorKind::distinct:
        std::get<DistinctOf>(accumulator).add(to_text(item, context.arena));
        break;
      case AccumulatorKind::values:
        std::get<ValuesOf>(accumulator).add(to_text(item, context.arena));
        break;
      default:
        std::get<ListOf>(accumulator)
            .add({~time_place(order.time), ~order.arrival, order.row}, index++, to_text(item, context.arena));
    }
  }
}

// The smallest rank is the one looked for. A row without _time is neither earliest nor latest.
std::optional<Rank> Aggregation::rank(const Input& input, const Row& row, const RowOrder& order) const {
  Time time = order.time;
  if (input.pick == Pick::earliest || input.pick == Pick::latest) {
    std::optional<Time> own = time_of(row.get(time_));
    if (!own) return std::nullopt;
    time = *own;
  }
  std::uint64_t forward = time_place(time);
  if (input.pick == Pick::first || input.pick == Pick::latest)
    return Rank{~forward, ~order.arrival, order.row};
  return Rank{forward, order.arrival, ~order.row};
}

// A state whose accumulators are not those of this search (a damaged database) shows as if nothing was
// counted.
Value Aggregation::result(std::size_t i, const GroupState::Parts& parts, EvalContext& context,
                          Time step) const {
  const Output& output = outputs_[i];
  std::size_t kind = inputs_[output.input].kind;
  bool present = output.input < parts.accumulators.size() && parts.accumulators[output.input].index() == kind;
  if (output.inner != nullptr)
    return sparkline(output, present ? std::get<PartsOf>(parts.accumulators[output.input]) : PartsOf(),
                     context);
  if (present)
    return aggregate_value(*output.function, output.percent, parts.accumulators[output.input], context, step);
  return aggregate_value(*output.function, output.percent, make_accumulator(kind), context, step);
}

void Aggregation::set_results(const GroupState::Parts& parts, Row& row, EvalContext& context) const {
  Value* bounded = nullptr;
  std::size_t count = 0;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Output& output = outputs_[i];
    bool present = output.input < parts.accumulators.size() &&
                   parts.accumulators[output.input].index() == inputs_[output.input].kind;
    if (!inputs_[output.input].pattern) {
      row.set(output.name, result(i, parts, context, 0));
    } else if (present) {
      set_matching(output, std::get<PartsOf>(parts.accumulators[output.input]), row, context);
    }
    if (!present || !is_bounded(parts.accumulators[output.input])) continue;
    if (bounded == nullptr) bounded = context.arena.array<Value>(outputs_.size());
    bounded[count++] = Value(std::string_view(output.name));
  }
  if (count > 0) row.set(kBoundedField, Value::multi({bounded, count}));
}

void Aggregation::set_matching(const Output& output, const PartsOf& parts, Row& row,
                               EvalContext& context) const {
  NamePattern name(output.name);
  const NamePattern& pattern = *inputs_[output.input].pattern;
  std::vector<std::string_view> stands_for;
  for (const NamedPart& part : parts.parts) {
    if (!pattern.match(part.name, stands_for)) continue;
    row.set(context.arena.copy(name.fill(stands_for)),
            aggregate_value(*output.function, output.percent, part.accumulator, context));
  }
}

// A step without a value counts as 0, as in Splunk.
Value Aggregation::sparkline(const Output& output, const PartsOf& parts, EvalContext& context) {
  constexpr std::size_t kUsual = 100;
  constexpr std::size_t kMost = 1000;
  auto time_of = [](const NamedPart& part) {
    return static_cast<Time>(to_number(std::string_view(part.name)).value_or(0)) * kSecond;
  };
  Time earliest = context.earliest;
  Time latest = context.latest;
  if (latest - earliest > kLongestWindow && !parts.parts.empty()) {
    earliest = time_of(parts.parts.front());
    latest = time_of(parts.parts.back()) + kMinute;
  }
  Time span = output.span > 0 ? output.span : step_for(latest - earliest, kUsual, kMinute);
  while ((latest - earliest) / span >= static_cast<Time>(kMost)) span *= 2;
  Time begin = floor_to(earliest, span);
  auto steps = static_cast<std::size_t>(std::max<Time>(0, (latest - begin + span - 1) / span));
  std::vector<Accumulator> gathered(steps, make_accumulator(output.inner->kind));
  for (const NamedPart& part : parts.parts) {
    Time place = time_of(part) - begin;
    if (place < 0 || place / span >= static_cast<Time>(steps)) continue;
    merge(gathered[static_cast<std::size_t>(place / span)], Accumulator(part.accumulator));
  }
  std::vector<Value> values = {Value(std::string_view("##__SPARKLINE__##"))};
  for (const Accumulator& step : gathered) {
    Value value = aggregate_value(*output.inner, output.percent, step, context);
    values.push_back(value.is_null() ? Value(0.0) : value.each().front());
  }
  return copy_value(Value::multi(values), context.arena);
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
    } else if (!input.rows && !input.pattern) {
      fields.push_back(input.field);
    }
    bool timed = input.pick == Pick::earliest || input.pick == Pick::latest || input.step > 0 ||
                 input.kind == AccumulatorKind::rate || input.inner_kind == AccumulatorKind::rate;
    if (timed) fields.push_back(time_);
    if (input.pattern) fields.insert(fields.end(), metadata_.begin(), metadata_.end());
  }
}

void Aggregation::collect_results(std::vector<std::string_view>& names) const {
  for (const Output& output : outputs_) {
    if (!inputs_[output.input].pattern) names.push_back(output.name);
  }
}

bool Aggregation::has_wildcard() const {
  return std::ranges::any_of(inputs_, [](const Input& input) { return input.pattern.has_value(); });
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
  for (const ByField& by : by_) {
    text += fmt::format(" {:?}/{}{}", by.field.name, by.span, by.automatic ? "+" : "");
    if (by.null_text) text += fmt::format("={:?}", *by.null_text);
  }
  if (null_by_) text += fmt::format(" null {:?}", *null_by_);
  return text;
}

std::string Aggregation::canonical_with_names() const {
  std::string text;
  for (const Output& output : outputs_) {
    text += fmt::format("{} {} {} {:?} ", output.function->name, output.percent,
                        inputs_[output.input].canonical, output.name);
    if (output.inner != nullptr) text += fmt::format("{} {} ", output.inner->name, output.span);
  }
  return text + canonical();
}

}  // namespace hecate::spl
