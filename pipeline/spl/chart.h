#pragma once

#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/command.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace hecate::spl {

// How chart and timechart lay out what they aggregate: a row for each value of the first BY field, a column
// for each value of the second.
struct ChartLayout {
  // Columns of values that are left out, or kept, by what their cells come to.
  struct Selection {
    enum class By { sum, average, least, greatest };
    enum class Keep { top, bottom, not_top, not_bottom, above, below, at_least, at_most, equal, unequal };
    By by = By::sum;
    Keep keep = Keep::top;
    double number = 10;  // how many, or what is compared with; 0 with top and bottom: all
  };

  bool has_columns = false;
  Selection selection;
  bool use_other = true;  // what is not kept is put together as `other`
  std::string other = "OTHER";
  bool use_null = true;  // rows without the column's field are put together as `null`
  std::string null = "NULL";
  std::string separator = ": ";  // between function and value, with several functions
  std::string format;            // instead: $AGG$ and $VAL$ filled in

  bool is_time = false;      // timechart: rows are steps of _time
  Time span = 0;             // of a step; 0: the window decides
  std::size_t steps = 100;   // … no more than these
  Time least_span = 0;       // … and not shorter
  bool continuous = true;    // steps without events have rows too
  bool partial = true;       // so have steps of which the window holds only a part
  bool whole_window = true;  // from the window's begin to its end, not from the first event to the last
};

// Steps without events that timechart gives rows for: with more of them only those with events have rows.
inline constexpr std::size_t kMostSteps = 50'000;

// Takes groups by (row, column) or rows to aggregate; holds all until `finish`. The names of columns live in
// the context's arena.
[[nodiscard]] std::unique_ptr<GroupOperator> make_chart(const ChartLayout& layout,
                                                        const Aggregation& aggregation, EvalContext& context,
                                                        Operator& next);

}  // namespace hecate::spl
