#include "pipeline/spl/chart.h"

#include "fmt/format.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/span.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

namespace hecate::spl {
namespace {

using Parts = GroupState::Parts;
using Keep = ChartLayout::Selection::Keep;

// A value by which rows or columns are laid out: numbers by size and before texts.
struct Label {
  std::optional<double> number;
  std::string text;

  explicit Label(std::string value) : number(to_number(std::string_view(value))), text(std::move(value)) {}
  bool operator<(const Label& other) const {
    if (number.has_value() != other.number.has_value()) return number.has_value();
    if (number && *number != *other.number) return *number < *other.number;
    return text < other.text;
  }
};

void replace_all(std::string& text, std::string_view mark, std::string_view by) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
}

class Chart final : public GroupOperator {
 public:
  Chart(const ChartLayout& layout, const Aggregation& aggregation, EvalContext& context, Operator& next)
      : layout_(layout), aggregation_(aggregation), context_(context), next_(next) {
    step_ = layout.span > 0 ? layout.span : kMinute;
  }

  void take(Row& row, std::string_view /*group*/) override {
    RowOrder order{0, ~rows_taken_++, 0};
    aggregation_.each_key(row, context_, [&](std::string_view key) {
      if (Parts* cell = cell_of(key)) aggregation_.add(row, context_, order, *cell);
    });
  }
  void take_group(std::string_view key, const GroupState& state) override {
    if (Parts* cell = cell_of(key)) static_cast<void>(cell->merge(Parts(state.parts())));
  }
  void finish() override {
    if (layout_.is_time && layout_.span == 0 && !rows_.empty()) settle_step();
    select_columns();
    if (layout_.is_time && layout_.continuous && !rows_.empty()) add_steps();
    for (const auto& [label, cells] : rows_) emit(label, cells);
    next_.finish();
  }

 private:
  // The cells of a row by their columns; without columns there is one, under an empty label.
  using Cells = std::map<Label, Parts>;

  // Null for a key that is not of this aggregation, and for a time that is none.
  Parts* cell_of(std::string_view key) {
    std::vector<std::string> values;
    if (!decode_key(key, aggregation_.by().size(), values)) return nullptr;
    if (layout_.is_time) {
      std::optional<double> seconds = to_number(std::string_view(values[0]));
      if (!seconds) return nullptr;
      values[0] = format_epoch(floor_to(static_cast<Time>(std::llround(*seconds * kSecond)), step_));
    }
    Cells& cells = rows_[Label(std::move(values[0]))];
    auto [cell, fresh] = cells.try_emplace(Label(layout_.has_columns ? std::move(values[1]) : std::string()));
    if (fresh) context_.held_bytes += sizeof(*cell) + key.size();
    return &cell->second;
  }

  static Time time_of(const Label& label) { return static_cast<Time>(std::llround(*label.number * kSecond)); }
  [[nodiscard]] Time first_time() const { return time_of(rows_.begin()->first); }
  [[nodiscard]] Time last_time() const { return time_of(std::prev(rows_.end())->first); }
  [[nodiscard]] bool over_all_time() const { return context_.latest - context_.earliest > kLongestWindow; }

  // Minutes were gathered; now they are put together to steps.
  void settle_step() {
    Time window =
        over_all_time() ? last_time() + kMinute - first_time() : context_.latest - context_.earliest;
    step_ = step_for(window, layout_.steps, std::max(layout_.least_span, kMinute));
    std::map<Label, Cells> steps;
    for (auto& [label, cells] : rows_) {
      Cells& into = steps[Label(format_epoch(floor_to(time_of(label), step_)))];
      for (auto& [column, parts] : cells) {
        auto [cell, fresh] = into.try_emplace(column);
        static_cast<void>(cell->second.merge(std::move(parts)));
      }
    }
    rows_ = std::move(steps);
  }

  [[nodiscard]] bool is_null_column(const Label& column) const {
    return layout_.use_null && column.text == layout_.null;
  }
  // What the cells of a column come to, by the first function.
  [[nodiscard]] double score(const Label& column) const {
    double sum = 0;
    double count = 0;
    double least = std::numeric_limits<double>::infinity();
    double greatest = -least;
    for (const auto& [label, cells] : rows_) {
      auto cell = cells.find(column);
      if (cell == cells.end()) continue;
      std::optional<double> number = to_number(aggregation_.result(0, cell->second, context_, step_));
      if (!number) continue;
      ++count;
      sum += *number;
      least = std::min(least, *number);
      greatest = std::max(greatest, *number);
    }
    switch (layout_.selection.by) {
      case ChartLayout::Selection::By::sum:
        return sum;
      case ChartLayout::Selection::By::average:
        return count > 0 ? sum / count : 0;
      case ChartLayout::Selection::By::least:
        return least;
      default:
        return greatest;
    }
  }

  void select_columns() {
    std::set<Label> all;
    for (const auto& [label, cells] : rows_) {
      for (const auto& [column, parts] : cells) all.insert(column);
    }
    std::vector<std::pair<double, const Label*>> ranked;
    for (const Label& column : all) {
      if (is_null_column(column)) {
        has_null_ = layout_.has_columns;
      } else {
        ranked.emplace_back(layout_.has_columns ? score(column) : 0, &column);
      }
    }
    for (const Label* column : kept(ranked)) columns_.insert(*column);
    has_other_ = layout_.has_columns && layout_.use_other && columns_.size() < ranked.size();
  }
  [[nodiscard]] std::vector<const Label*> kept(std::vector<std::pair<double, const Label*>>& ranked) const {
    double number = layout_.selection.number;
    Keep keep = layout_.selection.keep;
    bool bottom = keep == Keep::bottom || keep == Keep::not_bottom;
    std::ranges::stable_sort(
        ranked, [&](const auto& a, const auto& b) { return bottom ? a.first < b.first : a.first > b.first; });
    std::vector<const Label*> result;
    for (std::size_t i = 0; i < ranked.size(); ++i) {
      bool within = number == 0 || static_cast<double>(i) < number;
      if (!layout_.has_columns || holds(keep, within, ranked[i].first, number))
        result.push_back(ranked[i].second);
    }
    return result;
  }
  static bool holds(Keep keep, bool within, double score, double number) {
    switch (keep) {
      case Keep::top:
      case Keep::bottom:
        return within;
      case Keep::not_top:
      case Keep::not_bottom:
        return !within;
      case Keep::above:
        return score > number;
      case Keep::below:
        return score < number;
      case Keep::at_least:
        return score >= number;
      case Keep::at_most:
        return score <= number;
      case Keep::equal:
        return score == number;
      default:
        return score != number;
    }
  }

  // Empty rows for steps that have none.
  void add_steps() {
    Time begin = first_time();
    Time end = last_time() + step_;
    if (layout_.whole_window && !over_all_time()) {
      begin = std::min(begin, floor_to(context_.earliest, step_));
      end = std::max(end, context_.latest);
    }
    if ((end - begin) / step_ > static_cast<Time>(kMostSteps)) return;
    for (Time at = begin; at < end; at += step_) rows_.try_emplace(Label(format_epoch(at)));
  }

  void emit(const Label& label, const Cells& cells) {
    Row row;
    const Aggregation::ByField& by = aggregation_.by()[0];
    if (layout_.is_time) {
      Time begin = static_cast<Time>(std::llround(*label.number * kSecond));
      bool cut = begin < context_.earliest || begin + step_ > context_.latest;
      if (!layout_.partial && cut) return;
      row.set(by.field.name, *label.number);
    } else {
      row.set(by.field.name, Value(context_.arena.copy(label.text)));
    }
    for (const Label& column : columns_) set_cell(row, column.text, cells.find(column), cells);
    if (has_null_) set_cell(row, layout_.null, cells.find(Label(layout_.null)), cells);
    if (has_other_) set_other(row, cells);
    next_.take(row, "");
  }
  void set_cell(Row& row, const std::string& column, Cells::const_iterator cell, const Cells& cells) {
    set_results(row, column, cell == cells.end() ? Parts() : cell->second);
  }
  void set_other(Row& row, const Cells& cells) {
    Parts rest;
    for (const auto& [column, parts] : cells) {
      if (!columns_.contains(column) && !is_null_column(column)) static_cast<void>(rest.merge(Parts(parts)));
    }
    set_results(row, layout_.other, rest);
  }
  void set_results(Row& row, const std::string& column, const Parts& parts) {
    for (std::size_t i = 0; i < aggregation_.results(); ++i)
      row.set(context_.arena.copy(name_of(aggregation_.result_name(i), column)),
              aggregation_.result(i, parts, context_, step_));
  }
  [[nodiscard]] std::string name_of(const std::string& function, const std::string& column) const {
    if (!layout_.has_columns) return function;
    if (!layout_.format.empty()) {
      std::string name = layout_.format;
      replace_all(name, "$AGG$", function);
      replace_all(name, "$VAL$", column);
      return name;
    }
    return aggregation_.results() == 1 ? column : function + layout_.separator + column;
  }

  const ChartLayout& layout_;
  const Aggregation& aggregation_;
  EvalContext& context_;
  Operator& next_;
  Time step_;
  std::map<Label, Cells> rows_;
  std::set<Label> columns_;
  bool has_null_ = false;
  bool has_other_ = false;
  std::uint64_t rows_taken_ = 0;
};

}  // namespace

std::unique_ptr<GroupOperator> make_chart(const ChartLayout& layout, const Aggregation& aggregation,
                                          EvalContext& context, Operator& next) {
  return std::make_unique<Chart>(layout, aggregation, context, next);
}

}  // namespace hecate::spl
