#pragma once

#include "pipeline/base/clock.h"
#include "pipeline/store/database.h"
#include "pipeline/store/delta.h"
#include "pipeline/store/pane_writer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hecate::store {

// The newest contributions: committed, but not yet in `pane`. Each commit appends what it holds to the table
// `tail`, one row a commit, and it is merged here in memory. Once there is much of it, or a run wants to
// read, it is folded into `pane`, some rows a commit: a row of `pane` is then written once for what many
// commits brought to it. At a start what was not folded is read back.
//
// The writer's thread. What `append` and `fold` do is in its open transaction and counts once `committed` is
// called.
class Tail {
 public:
  // So many bytes of contributions may wait; with more, each commit folds some.
  Tail(Database& database, PaneWriter& panes, const Clock& clock, std::size_t most_bytes)
      : database_(database), panes_(panes), clock_(clock), most_bytes_(most_bytes) {}

  // Once, before anything else, outside of a transaction. Rows of `tail` that cannot be read go to the table
  // `damaged`; then all that could be read is folded at once. Gives for each of them what and why.
  [[nodiscard]] Result<std::vector<std::string>> load();

  // What is too large for SQLite goes into `pane` at once, where it is dealt with one by one.
  [[nodiscard]] Result<void> append(const DeltaSet& merged);
  // Moves at least `rows` of what waits into `pane`, or all that is left; what the transaction in hand
  // appends is not among it. Begins with all that waits when it is called and nothing is being folded.
  [[nodiscard]] Result<void> fold(std::size_t rows);

  // `merged` is what was appended.
  void committed(DeltaSet&& merged);
  void rolled_back();

  // Whether folding is due or has begun: then `fold` should be called with each commit until it is not.
  [[nodiscard]] bool should_fold() const { return is_folding() || bytes_ > most_bytes_; }
  // The number of the newest row of `tail`, with those of the transaction in hand, and up to which all is in
  // `pane`, without it.
  [[nodiscard]] std::int64_t newest() const { return newest_ + appended_; }
  [[nodiscard]] std::int64_t folded() const { return folded_; }
  // Of what waits, as it was appended.
  [[nodiscard]] std::size_t bytes() const { return bytes_ + folding_bytes_; }

 private:
  using Entry = PaneWriter::Entry;
  struct Unreadable {
    DeltaKey key;
    std::string reason, bytes;
  };

  [[nodiscard]] bool is_folding() const { return until_ > folded_; }
  [[nodiscard]] Result<void> read_back(std::vector<Unreadable>& unreadable);
  [[nodiscard]] Result<void> append_rows(const DeltaSet& merged);
  [[nodiscard]] Result<void> append_row();
  [[nodiscard]] Result<void> write_at_once(const DeltaSet& merged);
  [[nodiscard]] Result<void> keep_unreadable(const std::vector<Unreadable>& unreadable);
  void begin_folding();
  [[nodiscard]] Result<void> note_progress();
  [[nodiscard]] Result<void> end_folding();

  Database& database_;
  PaneWriter& panes_;
  const Clock& clock_;
  std::size_t most_bytes_;

  DeltaSet waiting_;
  std::size_t bytes_ = 0;         // of `waiting_`
  std::int64_t newest_ = 0;       // row of `tail`
  std::int64_t folded_ = 0;       // … up to which all is in `pane`
  std::int64_t appended_ = 0;     // rows of the transaction in hand
  std::size_t append_bytes_ = 0;  // … their bytes
  bool at_once_ = false;          // … has written what it appended into `pane`

  // What is being folded: all rows of `tail` up to `until_`, in the order of `pane`.
  DeltaSet folding_;
  std::size_t folding_bytes_ = 0;
  std::int64_t until_ = 0;
  std::vector<const Entry*> ordered_;
  std::size_t done_ = 0;  // of `ordered_`, on disk
  std::size_t next_ = 0;  // … with the transaction in hand
  bool ended_ = false;    // the transaction in hand folds the last of them

  std::string row_;  // being written; kept for its memory
};

// Rows of `tail` that cannot be read in full.
[[nodiscard]] Result<std::int64_t> count_unreadable_tail(Database& reader);

}  // namespace hecate::store
