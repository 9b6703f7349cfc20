#pragma once

#include "pipeline/base/clock.h"
#include "pipeline/store/database.h"
#include "pipeline/store/delta.h"
#include "pipeline/store/pane_sizes.h"

#include <span>
#include <string>
#include <utility>
#include <vector>

struct sqlite3_context;
struct sqlite3_value;

namespace hecate::store {

// Writes merged deltas into `pane`, each merged with what is stored. A stored row that cannot be merged (its
// bytes are damaged, or both together too large) does not hold up the others: it goes to the table `damaged`
// as it is, and the delta stands alone. The writer's thread, inside its transaction.
class PaneWriter {
 public:
  // `budget`: bytes a scan may take in all; over it, its further groups are dropped and counted. 0: any.
  PaneWriter(Database& database, const Clock& clock, std::size_t budget)
      : database_(database), clock_(clock), sizes_(database, budget) {}

  // Once, before anything is written.
  [[nodiscard]] Result<void> prepare();
  using Entry = std::pair<const DeltaKey, Delta>;
  [[nodiscard]] Result<void> write(std::span<const Entry* const> entries);
  // Moves a stored row that cannot be read to the table `damaged`. Inside a transaction.
  [[nodiscard]] Result<void> put_aside_unreadable(const DeltaKey& key);
  // What a group held in that minute is lost. Inside a transaction.
  [[nodiscard]] Result<void> note_missing(const DeltaKey& key) {
    return sizes_.note_missing(key.scan, key.minute);
  }
  // For each row that was put aside since the last call: which it was, and why.
  [[nodiscard]] std::vector<std::string> take_put_aside() { return std::exchange(put_aside_, {}); }
  // Of the minutes of `scan` before `minute` at most `rows`; all of the sizes once no row is left. Inside a
  // transaction.
  [[nodiscard]] Result<std::int64_t> remove(std::uint64_t scan, std::int64_t minute, std::int64_t rows);
  // What became of the transaction; `dropped` is of the newest one.
  void committed();
  void rolled_back() {
    sizes_.rolled_back();
    put_aside_.clear();
  }
  [[nodiscard]] std::size_t dropped() const { return dropped_; }

 private:
  static void merge_in_sql(sqlite3_context* context, int count, sqlite3_value** values) noexcept;

  [[nodiscard]] Result<void> write(const Entry& entry);
  [[nodiscard]] Result<void> put_aside(const DeltaKey& key, const std::string& why);
  [[nodiscard]] Result<void> upsert(const DeltaKey& key);
  [[nodiscard]] Result<void> keep_trace(const DeltaKey& key, const std::string& why);

  Database& database_;
  const Clock& clock_;
  PaneSizes sizes_;
  std::size_t dropped_ = 0;
  // Of the row being written: whether one was there, and by how much it grew.
  struct Merge {
    bool any = false;
    std::int64_t bytes = 0;
  } merge_;
  std::string state_, sample_;  // of the row being written; kept for their memory
  std::vector<std::string> put_aside_;
};

}  // namespace hecate::store
