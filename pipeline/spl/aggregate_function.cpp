#include "pipeline/spl/aggregate_function.h"

#include "pipeline/base/nearest.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

namespace hecate::spl {
namespace {

using Known = AggregateFunction;
using Pick = AggregateFunction::Pick;
using Kind = AggregateFunction::Result;

constexpr Known plain(std::string_view name, std::size_t kind, Kind result, std::string_view help) {
  return {name, kind, result, Pick::none, false, false, help};
}
constexpr Known pick(std::string_view name, Pick which, bool of_time, std::string_view help) {
  return {name, AccumulatorKind::pick, Kind::pick, which, of_time, false, help};
}
constexpr Known percentile(std::string_view name, bool numbered, std::string_view help) {
  return {name, AccumulatorKind::quantiles, Kind::percentile, Pick::none, false, numbered, help};
}

constexpr Known per_time(std::string_view name, Time unit, std::string_view help) {
  return {name, AccumulatorKind::sum, Kind::per_time, Pick::none, false, false, help, unit};
}

constexpr auto kFunctions = std::to_array<Known>({
    plain("count", AccumulatorKind::count, Kind::count,
          "rows, or values of a field, or rows for which eval(…) is true"),
    plain("c", AccumulatorKind::count, Kind::count, "count"),
    plain("dc", AccumulatorKind::distinct, Kind::distinct,
          "different values; exact up to 10,000, then within about 1 %"),
    plain("distinct_count", AccumulatorKind::distinct, Kind::distinct, "dc"),
    plain("estdc", AccumulatorKind::distinct, Kind::distinct, "dc"),
    plain("estdc_error", AccumulatorKind::distinct, Kind::distinct_error,
          "how far dc may be off: 0 where it is exact, else 0.01"),
    plain("values", AccumulatorKind::values, Kind::values,
          "the different values, sorted; at most 10,000 or 1 MiB"),
    plain("list", AccumulatorKind::list, Kind::list, "the first 100 values in the order of the rows"),
    plain("min", AccumulatorKind::bounds, Kind::least,
          "the least value: as a number when all are, else in text order"),
    plain("max", AccumulatorKind::bounds, Kind::greatest, "the greatest value, likewise"),
    plain("range", AccumulatorKind::bounds, Kind::range, "max - min of the numbers"),
    plain("sum", AccumulatorKind::sum, Kind::sum, "the sum of the numbers"),
    plain("avg", AccumulatorKind::sum, Kind::average, "their mean"),
    plain("mean", AccumulatorKind::sum, Kind::average, "avg"),
    plain("sumsq", AccumulatorKind::moments, Kind::sum_of_squares, "the sum of their squares"),
    plain("stdev", AccumulatorKind::moments, Kind::deviation, "their standard deviation, divisor n - 1"),
    plain("stdevp", AccumulatorKind::moments, Kind::population_deviation,
          "their standard deviation, divisor n"),
    plain("var", AccumulatorKind::moments, Kind::variance, "their variance, divisor n - 1"),
    plain("varp", AccumulatorKind::moments, Kind::population_variance, "their variance, divisor n"),
    pick("first", Pick::first, false, "the value of the first row"),
    pick("last", Pick::last, false, "the value of the last row"),
    pick("earliest", Pick::earliest, false, "the value of the row with the smallest _time"),
    pick("latest", Pick::latest, false, "the value of the row with the greatest _time"),
    pick("earliest_time", Pick::earliest, true, "the _time of the earliest row that has the field"),
    pick("latest_time", Pick::latest, true, "the _time of the latest row that has the field"),
    plain("mode", AccumulatorKind::values, Kind::mode,
          "the most frequent value; of several, the first in text order"),
    percentile("median", false, "perc50"),
    percentile("perc", true, "percN: the value at that place; exact up to 4,096 different ones"),
    percentile("p", true, "percN"),
    percentile("exactperc", true, "percN"),
    percentile("upperperc", true, "percN"),
    plain("rate", AccumulatorKind::rate, Kind::rate, "(latest - earliest) / (latest_time - earliest_time)"),
    per_time("per_second", kSecond, "in timechart: the sum, for each second of the step"),
    per_time("per_minute", kMinute, "likewise for each minute"),
    per_time("per_hour", kHour, "likewise for each hour"),
    per_time("per_day", kDay, "likewise for each day"),
    plain(
        "sparkline", AccumulatorKind::parts, Kind::sparkline,
        "sparkline(f(x), span): the function for each step of the window, as ##__SPARKLINE__## and numbers"),
});

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

constexpr double kDistinctError = 0.01;

Value sum_result(const AggregateFunction& function, const SumOf& sum, Time step) {
  if (sum.n == 0) return {};
  double total = sum.sum.total();
  if (function.result == Kind::average) return total / static_cast<double>(sum.n);
  if (function.result == Kind::sum || step == 0) return total;
  return total * (static_cast<double>(function.unit) / static_cast<double>(step));
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

const AggregateFunction* find_aggregate_function(std::string_view word, double& percent) {
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

std::string_view nearest_aggregate_function(std::string_view word) {
  std::vector<std::string_view> known;
  for (const Known& function : kFunctions) known.push_back(function.name);
  return nearest(word, known);
}

Value aggregate_value(const AggregateFunction& function, double percent, const Accumulator& accumulator,
                      EvalContext& context, Time step) {
  switch (function.result) {
    case Kind::count:
      return static_cast<double>(std::get<CountOf>(accumulator).n);
    case Kind::sum:
    case Kind::average:
    case Kind::per_time:
      return sum_result(function, std::get<SumOf>(accumulator), step);
    case Kind::least:
    case Kind::greatest:
    case Kind::range:
      return bounds_result(function.result, std::get<BoundsOf>(accumulator), context);
    case Kind::distinct:
      return std::get<DistinctOf>(accumulator).count();
    case Kind::distinct_error:
      return std::get<DistinctOf>(accumulator).bounded ? kDistinctError : 0.0;
    case Kind::values:
      return list_of(
          std::get<ValuesOf>(accumulator).counts,
          [](const auto& entry) { return std::string_view(entry.first); }, context);
    case Kind::list:
      return list_of(
          std::get<ListOf>(accumulator).items, [](const auto& item) { return std::string_view(item.text); },
          context);
    case Kind::pick:
      return pick_result(std::get<PickOf>(accumulator), function.of_time, context);
    case Kind::mode:
      return mode_of(std::get<ValuesOf>(accumulator), context);
    case Kind::percentile:
      return number_or_null(std::get<QuantilesOf>(accumulator).at(percent));
    case Kind::rate:
      return number_or_null(std::get<RateOf>(accumulator).per_second());
    case Kind::sparkline:
      return {};
    default:
      return moments_result(function.result, std::get<MomentsOf>(accumulator));
  }
}

}  // namespace hecate::spl
