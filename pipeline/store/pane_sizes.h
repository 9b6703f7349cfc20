#pragma once

#include "absl/container/flat_hash_map.h"
#include "pipeline/store/database.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace hecate::store {

// How many bytes of `pane` each scan takes, by minute (table `pane_size`), and what was refused because it
// had used up its budget: one noisy search never fills the disk for the others. The writer's thread; what
// `add`, `drop` and `forget` say counts once `committed` is called.
class PaneSizes {
 public:
  // `budget`: bytes a scan may take; 0: any.
  PaneSizes(Database& database, std::size_t budget) : database_(database), budget_(budget) {}

  [[nodiscard]] Result<void> load();
  [[nodiscard]] bool is_over(std::uint64_t scan) const;
  void add(std::uint64_t scan, std::int64_t minute, std::int64_t bytes) {
    changes_[{scan, minute}].bytes += bytes;
    pending_[scan] += bytes;
  }
  // A group of this minute was not taken.
  void drop(std::uint64_t scan, std::int64_t minute) { ++changes_[{scan, minute}].dropped; }
  // What a group held in this minute is lost: at once, in the transaction that goes on.
  [[nodiscard]] Result<void> note_missing(std::uint64_t scan, std::int64_t minute);
  // Minutes of `scan` before `minute` are gone.
  [[nodiscard]] Result<void> forget(std::uint64_t scan, std::int64_t minute);

  // What was said since the last call, into the transaction in hand.
  [[nodiscard]] Result<void> write();
  void committed();
  void rolled_back();
  // Groups not taken by the transaction in hand.
  [[nodiscard]] std::size_t dropped() const { return dropped_; }

 private:
  struct Change {
    std::int64_t bytes = 0;
    std::int64_t dropped = 0;
  };
  [[nodiscard]] Result<void> write(std::pair<std::uint64_t, std::int64_t> key, Change change);

  Database& database_;
  std::size_t budget_;
  absl::flat_hash_map<std::uint64_t, std::int64_t> totals_;           // as committed
  absl::flat_hash_map<std::uint64_t, std::int64_t> pending_;          // what the transaction adds to them
  std::map<std::pair<std::uint64_t, std::int64_t>, Change> changes_;  // by scan and minute
  std::size_t dropped_ = 0;                                           // of what was written
};

// Groups of `scan` in minutes [from, to) that were not taken because of the budget, or were lost.
[[nodiscard]] Result<std::int64_t> read_dropped(Database& reader, std::uint64_t scan,
                                                std::int64_t from_minute, std::int64_t to_minute);

}  // namespace hecate::store
