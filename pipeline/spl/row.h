#pragma once

#include "absl/container/flat_hash_map.h"
#include "pipeline/base/arena.h"
#include "pipeline/base/time.h"
#include "pipeline/event/value.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecate::spl {

class LookupTable;
class Subsearch;
struct SubsearchRows;
class WrittenTable;

using FieldId = std::uint32_t;

// A field that a plan names: its dense number (to find it in an event without hashing) and its name. The name
// lives as long as the FieldNames it came from.
struct FieldRef {
  FieldId id = 0;
  std::string_view name;
};

// The names that all loaded plans use, each with a dense number. Filled while plans are compiled, read-only
// (and then thread-safe) afterwards.
class FieldNames {
 public:
  FieldRef intern(std::string_view name);
  // The number of `name`, or -1 when no plan uses it.
  [[nodiscard]] std::int64_t find(std::string_view name) const;
  [[nodiscard]] std::string_view name(FieldId id) const { return names_[id]; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  std::deque<std::string> names_;
  absl::flat_hash_map<std::string_view, FieldId> ids_;
};

using FieldVisitor = std::function<void(std::string_view name, Value value)>;

// The event beneath a row: its fields are worked out when they are asked for. Values stay valid until the
// next event. Not thread-safe.
class FieldSource {
 public:
  virtual ~FieldSource() = default;
  [[nodiscard]] virtual Value get(FieldId id) = 0;
  // Every field that the event has, also those no plan names (`table *`). Slow.
  virtual void each(const FieldVisitor& visit) = 0;
};

// A result row: fields set by commands, over the fields of an event if one lies beneath. Small (tens of
// fields), so it is a list searched from the front. Names and values are not owned: they live in the plan,
// the event or the arena of the evaluation.
class Row {
 public:
  explicit Row(FieldSource* base = nullptr) : base_(base) {}

  [[nodiscard]] Value get(const FieldRef& field) const;
  // By name only: does not see the event beneath unless that field was set or `flatten`ed.
  [[nodiscard]] Value get(std::string_view name) const;
  // A null value removes the field (and hides the event's).
  void set(std::string_view name, Value value);
  // Makes the fields of the event beneath the row's own, in the event's order, and lets go of the event; for
  // commands that look at all fields (`table *`, `rename X.* as *`). Names are copied into `arena`.
  void flatten(Arena& arena);
  void clear();

  struct Entry {
    std::string_view name;
    Value value;  // null: removed
  };
  // The row's own fields, in the order in which they were first set; entries with a null value are removed
  // ones.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::vector<Entry>& entries() { return entries_; }
  [[nodiscard]] FieldSource* base() const { return base_; }

 private:
  FieldSource* base_;
  std::vector<Entry> entries_;
};

// What an evaluation needs beside the row. One a worker or run; not thread-safe.
struct EvalContext {
  Arena& arena;               // texts and lists that evaluation makes
  Time event_time = 0;        // of the event in hand (streaming part)
  std::uint64_t arrival = 0;  // of the event in hand; orders events of the same time
  Time now = 0;               // the search's own time: now(), and info_search_time
  Time earliest = 0;          // the window (closing part): addinfo
  Time latest = 0;
  std::size_t held_most = SIZE_MAX;  // for held_bytes; over it the groups that are left are not looked at
  std::size_t held_bytes = 0;  // out: of rows, and of groups without what their functions gathered, that the
                               // closing part keeps until its end
  std::uint64_t rows_cut = 0;  // out: rows that belong to more groups than one may (Aggregation::kMostKeys),
                               // have more to look up (command_lookup.cpp) or give more fields (spath)
  std::string incomplete{};    // out: why something was left out that the rows should have told of
  // What the subsearches found in this run; see Subsearch::run.
  std::vector<std::pair<const Subsearch*, std::shared_ptr<SubsearchRows>>> subsearches{};
  // Out: what outputlookup has written; whoever runs the search puts it in place when the run counts.
  std::vector<std::pair<std::shared_ptr<WrittenTable>, std::shared_ptr<const LookupTable>>> written{};
};

}  // namespace hecate::spl
