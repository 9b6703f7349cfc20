#pragma once

#include "pipeline/spl/accumulator.h"
#include "pipeline/spl/row.h"

#include <span>
#include <string>
#include <string_view>

namespace hecate::spl {

// The numbers of the accumulators (their indices in the variant), by name.
struct AccumulatorKind {
  enum : std::size_t { count, sum, moments, bounds, distinct, values, list, pick, quantiles, rate, parts };
};

// A stats function as its users know it.
struct AggregateFunction {
  enum class Result {
    count,
    sum,
    average,
    sum_of_squares,
    deviation,
    population_deviation,
    variance,
    population_variance,
    least,
    greatest,
    range,
    distinct,
    values,
    list,
    pick,
    mode,
    percentile,
    distinct_error,
    rate,
    per_time,
    sparkline,
  };
  // For those that pick one value: whose.
  enum class Pick { none, first, last, earliest, latest };

  std::string_view name;  // lower case
  std::size_t kind;       // of its accumulator
  Result result;
  Pick pick = Pick::none;
  bool of_time = false;   // gives the time of the picked event and not the value
  bool numbered = false;  // a number follows the name: perc95
  std::string_view help;
  Time unit = 0;  // per_time: the sum for a length of time that long
};
// All of them, for the parser and the generated documentation.
[[nodiscard]] std::span<const AggregateFunction> aggregate_functions();

// The function that `word` names, in any case; `percent` gets the number behind its name. Null: none.
[[nodiscard]] const AggregateFunction* find_aggregate_function(std::string_view word, double& percent);
// The known name that `word` may have been meant for; empty for none.
[[nodiscard]] std::string_view nearest_aggregate_function(std::string_view word);

// What a function makes of its partial result, in the context's arena. `step`: per_second and kin, the time
// over which was summed. Not for sparkline.
[[nodiscard]] Value aggregate_value(const AggregateFunction& function, double percent,
                                    const Accumulator& accumulator, EvalContext& context, Time step = 0);

}  // namespace hecate::spl
