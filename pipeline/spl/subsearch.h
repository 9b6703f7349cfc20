#pragma once

#include "pipeline/spl/command.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/plan.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hecate::spl {

// What a subsearch has found over one window.
struct SubsearchRows {
  explicit SubsearchRows(EvalContext& context) : held(context) { condition.kind = Condition::Kind::never; }

  HeldRows held;
  Condition condition;  // the same, where the subsearch stands for one
  FieldNames names;     // of the condition
};

// A search in [brackets], over the same window as the search that it stands in: what join and append bring
// in, and what a condition is made of. It is made ready in steps, as its search is: parse, bind, settle.
// Immutable and thread-safe afterwards.
class Subsearch {
 public:
  // How many rows count, as Splunk's limits.conf has them.
  static constexpr std::size_t kMostJoined = 50'000;
  static constexpr std::size_t kMostConditions = 10'000;

  // `range` is what stands between the brackets.
  [[nodiscard]] static Parsed<std::shared_ptr<Subsearch>> parse(const SourceText& source, Range range,
                                                                FieldNames& names, std::size_t most);
  [[nodiscard]] Parsed<void> bind(const LookupSource& lookups, FieldNames& names);
  // Told what of its rows is needed; then there is a plan.
  void settle(const FieldNeed& needed);

  // All fields of its rows are called `prefix.…`; before bind.
  void prefix_fields(const std::string& prefix) { add_prefix(prefix, commands_); }

  // Its rows become SubsearchRows::condition.
  void make_condition() { condition_ = true; }

  [[nodiscard]] const Plan& plan() const { return *plan_; }
  // The rows that it has without any event, as a condition; none where it looks at events, at the window or
  // at a table that changes. After settle.
  [[nodiscard]] std::optional<Condition> constant_condition(FieldNames& names) const;
  // The names that its rows may have, where its last command says so. After bind.
  [[nodiscard]] const std::optional<std::vector<std::string>>& fields() const { return fields_; }
  // Those by which its rows are told apart, and those that stats functions gave. After bind.
  [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }
  [[nodiscard]] const std::vector<std::string>& aggregates() const { return aggregates_; }

  // Runs it, inner ones first, and leaves its rows in `context`. Those over the limit are left out, and
  // context.incomplete says so.
  [[nodiscard]] Result<void> run(EvalContext& context, GroupReader read) const;
  // What `run` left there; null before.
  [[nodiscard]] SubsearchRows* rows(const EvalContext& context) const;

 private:
  Commands commands_;  // until it is settled
  std::shared_ptr<const Plan> plan_;
  std::size_t most_ = 0;
  bool condition_ = false;
  bool depends_on_search_ = false;
  std::optional<std::vector<std::string>> fields_;
  std::vector<std::string> keys_;
  std::vector<std::string> aggregates_;
};

// Rows as a condition: any of them, each with all of its fields but those that begin with `_`; a field with
// several values by any of them. What a field called `search` or `query` holds is a condition as it is; an
// error where it cannot be read as one. Nothing matches where there are no rows.
[[nodiscard]] Parsed<Condition> condition_of(std::span<const HeldRows::Held> rows, FieldNames& names);

[[nodiscard]] bool has_subsearch(const Condition& condition);
// The subsearches of a condition, at any depth.
void collect_subsearches(const Condition& condition, std::vector<std::shared_ptr<Subsearch>>& found);

}  // namespace hecate::spl
