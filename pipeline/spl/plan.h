#pragma once

#include "absl/functional/function_ref.h"
#include "pipeline/base/error.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/lookup.h"
#include "pipeline/spl/row.h"
#include "pipeline/spl/source.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// What a search has gathered about one group of events: the partial results of its stats functions, or, for
// searches that keep single events, one row. States of the same scan merge in any order to the same answer
// (sums are exact, ties go by arrival). Encoded states describe themselves: merging them needs no plan, so
// that the journal can do it. Movable; not thread-safe.
class GroupState {
 public:
  GroupState();
  ~GroupState();
  GroupState(GroupState&&) noexcept;
  GroupState& operator=(GroupState&&) noexcept;

  // `other` is of the same scan.
  void merge(GroupState&& other);
  void encode(std::string& out) const;
  // Fails on a blob that `encode` did not write (a damaged database).
  [[nodiscard]] static Result<GroupState> decode(std::string_view blob);

  struct Parts;  // see aggregate.h
  [[nodiscard]] Parts& parts() { return *parts_; }
  [[nodiscard]] const Parts& parts() const { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

// Where the streaming part puts what it finds. `key` is the group's BY values, encoded so that keys sort as
// the rows do (see group_key.h); for searches that keep events, a key of its own for each event, newest
// first. A fresh GroupState is made for a key not seen before.
class GroupSink {
 public:
  virtual ~GroupSink() = default;
  virtual GroupState& group(std::string_view key) = 0;
};

// The streaming part of a search: all that happens to an event on its own, up to and with the first
// aggregation. Plans whose streaming parts mean the same share one scan, by `id`. Immutable, thread-safe.
class Scan {
 public:
  virtual ~Scan() = default;

  // Hash of `fingerprint`; the key of its state in the journal.
  [[nodiscard]] virtual std::uint64_t id() const = 0;
  // The streaming part in canonical form: two scans with the same fingerprint gather the same state.
  [[nodiscard]] virtual const std::string& fingerprint() const = 0;
  // What an event must satisfy first: the search's first clause. For candidate selection and the prefilter.
  [[nodiscard]] virtual const Condition& condition() const = 0;
  // The event fields that the streaming part may read.
  [[nodiscard]] virtual const std::vector<FieldRef>& fields() const = 0;
  // True when single events are kept (no aggregation, or one that needs them all).
  [[nodiscard]] virtual bool keeps_events() const = 0;

  // Evaluates one event (`row` lies over it; context.event_time and arrival are its own) and adds to the
  // groups that it belongs to. True when it contributed.
  virtual bool process(Row& row, EvalContext& context, GroupSink& groups) const = 0;
};

// A finished row of a search, and what identifies it in its window: the BY values of the last aggregation
// that the row still shows (empty without one; then `event_key` is the kept event's own).
struct ResultRow {
  const Row& row;
  std::vector<std::pair<std::string_view, Value>> keys;
  std::string_view group;  // the group key this row came from, where it came from exactly one; else empty
  // Rows were put together again behind the first aggregation (or behind single events): `group` is where the
  // row comes from as long as nothing else comes to it, and no part of what it is.
  bool regrouped = false;
  bool hides_keys =
      false;              // there are BY values that it does not show: keys alone do not tell it from others
  bool is_event = false;  // the row is of one event that was kept, with no aggregation over it
  // Names of fields that stats functions gave (count, values(x), …), whatever later commands made of them:
  // they change as events come in. All others are what the row says of its group.
  std::span<const std::string> aggregates{};
};
using ResultSink = std::function<void(const ResultRow&)>;

// The closing part of one search over one window: takes the merged groups, sorted by key, each once, and
// hands out result rows in order. Memory: that of the commands that need all rows (sort, eventstats, …); a
// row by row closing part holds one row at a time. One thread.
class Closing {
 public:
  virtual ~Closing() = default;
  virtual void group(std::string_view key, const GroupState& state) = 0;
  // No more groups; the last rows come out now.
  virtual void finish() = 0;
};

// How a search will run, each part in words: commands as they were written.
struct PlanDescription {
  std::string streaming;  // what happens to each event
  std::string state;      // what is kept between events
  std::string closing;    // what happens to that when a window ends
  std::vector<PlanDescription> subsearches;
};

struct Explanation;  // see explain.h

// Hands out the merged groups of a scan in the window, sorted by key, each once, until the visitor says
// false.
using GroupVisitor = absl::FunctionRef<bool(std::string_view key, const GroupState& state)>;
using GroupReader = absl::FunctionRef<Result<void>(const Scan& scan, GroupVisitor visit)>;

// A search made ready: a streaming part and a closing part, and the same of its subsearches. Immutable,
// thread-safe.
class Plan {
 public:
  virtual ~Plan() = default;
  // Its own scan first, then those of its subsearches, each once.
  [[nodiscard]] virtual std::span<const std::shared_ptr<const Scan>> scans() const = 0;
  [[nodiscard]] const Scan& scan() const { return *scans().front(); }
  // Another one where any scan is another: what is stored is not of this search then. Of a search without
  // subsearches its scan's.
  [[nodiscard]] virtual std::uint64_t search_id() const = 0;
  // The closing part works row by row or can only grow: `emit: first_match` is possible.
  [[nodiscard]] virtual bool can_emit_first_match() const = 0;
  // A window that holds no events may have a row: some aggregation has no BY fields (`stats count`), or
  // it reads a lookup.
  [[nodiscard]] virtual bool can_tell_of_nothing() const = 0;
  // How the search will run, for `hecate check`.
  [[nodiscard]] virtual PlanDescription describe() const = 0;
  // The search with its macros put in, and the way back to what was written.
  [[nodiscard]] virtual const SourceText& source() const = 0;
  // What the event under `row` comes to, step by step, and then its groups alone in the closing part (see
  // explain.h). Slow.
  [[nodiscard]] virtual Explanation explain(Row& row, EvalContext& context) const = 0;
  // Runs the subsearches over the window of `context`, inner ones first, and leaves in it what they found; to
  // be done before `close`.
  [[nodiscard]] virtual Result<void> run_subsearches(EvalContext& context, GroupReader read) const = 0;
  // `context` must outlive the result; its arena may be reset by the sink's caller only between groups.
  [[nodiscard]] virtual std::unique_ptr<Closing> close(EvalContext& context, ResultSink sink) const = 0;
};

// A search over one window: its subsearches, then its own groups. Errors are those of `read`; what is left
// out for want of room is in context.incomplete.
[[nodiscard]] Result<void> run(const Plan& plan, EvalContext& context, GroupReader read, ResultSink sink);

// Makes a search ready: macros, parser, plan. `names` gathers the fields of all plans of a catalogue and must
// outlive the plan. What cannot be run is refused here, with its place.
[[nodiscard]] Parsed<std::shared_ptr<const Plan>> compile(std::string_view search, const MacroLookup& macros,
                                                          FieldNames& names,
                                                          const LookupSource& lookups = {});

// Merges two encoded states of the same group; used by the journal. Fails on a damaged blob.
[[nodiscard]] Result<std::string> merge_states(std::string_view a, std::string_view b);

}  // namespace hecate::spl
