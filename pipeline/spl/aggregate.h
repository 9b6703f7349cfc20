#pragma once

#include "absl/functional/function_ref.h"
#include "pipeline/spl/aggregate_function.h"
#include "pipeline/spl/expression.h"
#include "pipeline/spl/lexer.h"
#include "pipeline/spl/name_pattern.h"
#include "pipeline/spl/plan.h"
#include "pipeline/spl/row.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// What a GroupState holds. Stored form: version, then for a kept row 2 and the row, else 1 and the
// accumulators (each with its kind), else 0 for a fresh state.
struct GroupState::Parts {
  std::vector<Accumulator> accumulators;
  bool keeps_row = false;
  std::string row;  // see encode_row

  // False when the two are not of the same scan.
  bool merge(Parts&& other);
};

// A row by itself, as a kept event is stored: names and values, removed fields left out. `row` has no event
// beneath it (see Row::flatten).
void encode_row(const Row& row, std::string& out);
// The row again, over `blob`; lists are made in `arena`. False on a damaged blob.
[[nodiscard]] bool decode_row(std::string_view blob, Row& row, Arena& arena);

// Set in a row some of whose results hit their bound (values, list, dc, percentiles): the names of those.
inline constexpr std::string_view kBoundedField = "hecate_bounded";

// Where a row stands in the order of the search: newest first.
struct RowOrder {
  Time time = 0;
  std::uint64_t arrival = 0;
  std::uint32_t row = 0;  // of the rows that one event gave
};

// What a command allows beside the plain stats functions.
struct AllowedFunctions {
  bool wildcards = true;  // values(*)
  bool per_time = false;  // per_second and kin
};

// A list of stats functions with its BY fields, as stats, eventstats, streamstats, tstats, chart and
// timechart have it. What it gathers per group is kept by inputs: functions that need the same partial result
// of the same field share one (min(_time) and max(_time)), and names of results do not count. Immutable after
// parsing.
class Aggregation {
 public:
  struct ByField {
    FieldRef field;
    Time span = 0;  // of _time in tstats: the value is floored to it
    bool automatic =
        false;  // none was given: minutes are gathered, and put together when the window is known
    std::optional<std::string> null_text;  // chart's columns: what a null reads as
  };

  // Reads `count, dc(x) AS n …`, up to BY, OVER, FROM, WHERE, an option or the end; at least one function.
  [[nodiscard]] Parsed<void> parse_functions(Cursor& cursor, FieldNames& names,
                                             AllowedFunctions allowed = {});
  // Reads the fields behind BY.
  [[nodiscard]] Parsed<void> parse_by(Cursor& cursor, FieldNames& names, bool with_span);
  // For commands that count by themselves (top, rare).
  void add_count(std::string_view name, FieldNames& names);
  void add_by(FieldRef field) { by_.emplace_back().field = field; }
  void add_by(ByField by) { by_.push_back(std::move(by)); }
  // A null BY field reads as this text; without it, such a row belongs to no group.
  void fill_null_by(std::string text) { null_by_ = std::move(text); }

  // The key of each group that `row` belongs to: none when a BY field is null, several where one has several
  // values. At most kMostKeys, since lists in several fields multiply: a row with more is counted in
  // context.rows_cut.
  static constexpr std::size_t kMostKeys = 10'000;
  using KeyVisitor = absl::FunctionRef<void(std::string_view key)>;
  void each_key(const Row& row, EvalContext& context, KeyVisitor visit) const;
  void add(const Row& row, EvalContext& context, const RowOrder& order, GroupState::Parts& parts) const;
  // Sets the results in `row`. `parts` may be fresh: nothing was counted.
  void set_results(const GroupState::Parts& parts, Row& row, EvalContext& context) const;
  // For commands that lay results out by themselves (chart): how many there are, their names, and one of
  // them; `step` as in aggregate_value.
  [[nodiscard]] std::size_t results() const { return outputs_.size(); }
  [[nodiscard]] const std::string& result_name(std::size_t i) const { return outputs_[i].name; }
  [[nodiscard]] Value result(std::size_t i, const GroupState::Parts& parts, EvalContext& context,
                             Time step) const;
  // Sets the BY fields from a group's key. False for a key that is not of this aggregation.
  [[nodiscard]] bool set_by(std::string_view key, Row& row, EvalContext& context) const;

  // The names of results that only grow as rows are added: counts.
  [[nodiscard]] std::vector<std::string> growing_results() const;
  [[nodiscard]] const std::vector<ByField>& by() const { return by_; }
  [[nodiscard]] std::vector<ByField>& by() { return by_; }
  void collect_fields(std::vector<FieldRef>& fields) const;
  // Without those that a wildcard gives.
  void collect_results(std::vector<std::string_view>& names) const;
  // Some function has a wildcard: it reads all fields, and what its results are called shows with the rows.
  [[nodiscard]] bool has_wildcard() const;
  [[nodiscard]] bool depends_on_search_time() const;
  // What it gathers, and what it is called: the first is the part that counts for a scan.
  [[nodiscard]] std::string canonical() const;
  [[nodiscard]] std::string canonical_with_names() const;

 private:
  struct Input {
    std::size_t kind = 0;
    AggregateFunction::Pick pick = AggregateFunction::Pick::none;
    bool of_time = false;
    bool rows = false;  // counts rows: no argument
    FieldRef field;
    std::optional<Expression> expression;
    std::string canonical;
    // With a wildcard, and for sparkline, the partial results are PartsOf; each of them is of this kind.
    std::size_t inner_kind = 0;
    std::optional<NamePattern> pattern;
    Time step = 0;  // of a sparkline: what is put together at once
  };
  struct Output {
    const AggregateFunction* function;
    std::size_t input;
    double percent = 0;
    std::string name;                          // with a wildcard where the field has one
    const AggregateFunction* inner = nullptr;  // of a sparkline, which `percent` goes with
    Time span = 0;                             // of a sparkline; 0: by the window
  };

  [[nodiscard]] Parsed<void> parse_function(Cursor& cursor, FieldNames& names, AllowedFunctions allowed);
  [[nodiscard]] Parsed<void> parse_sparkline(Cursor& cursor, FieldNames& names, Output& output);
  [[nodiscard]] Parsed<void> parse_by_span(Cursor& cursor, Position place);
  [[nodiscard]] static Parsed<Input> parse_argument(Cursor& cursor, const AggregateFunction& function,
                                                    FieldNames& names);
  std::size_t share(Input input);
  [[nodiscard]] Value argument(const Input& input, const Row& row, EvalContext& context) const;
  [[nodiscard]] Row flattened(const Row& row, EvalContext& context) const;
  void add_matching(const Input& input, const Row& flat, EvalContext& context, const RowOrder& order,
                    PartsOf& parts) const;
  void add_to_step(const Input& input, const Row& row, EvalContext& context, const RowOrder& order,
                   PartsOf& parts) const;
  void add_value(const Input& input, const Value& value, const Row& row, EvalContext& context,
                 const RowOrder& order, Accumulator& accumulator) const;
  void set_matching(const Output& output, const PartsOf& parts, Row& row, EvalContext& context) const;
  [[nodiscard]] static Value sparkline(const Output& output, const PartsOf& parts, EvalContext& context);
  // False when there was no more room.
  bool keys_from(std::size_t field, std::span<const Value> values, std::string& key, EvalContext& context,
                 std::size_t& room, KeyVisitor visit) const;
  [[nodiscard]] std::optional<Rank> rank(const Input& input, const Row& row, const RowOrder& order) const;

  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<ByField> by_;
  std::optional<std::string> null_by_;
  FieldRef time_;
  std::vector<FieldRef> metadata_;  // what a wildcard sees even where the event does not list it
};

}  // namespace hecate::spl
