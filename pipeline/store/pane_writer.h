#pragma once

#include "pipeline/base/clock.h"
#include "pipeline/store/database.h"
#include "pipeline/store/delta.h"

#include <string>
#include <vector>

namespace hecate::store {

// Writes merged deltas into `pane`, each merged with what is stored. A stored row that cannot be merged (its
// bytes are damaged, or both together too large) does not hold up the others: it goes to the table `damaged`
// as it is, and the delta stands alone. The writer's thread, inside its transaction.
class PaneWriter {
 public:
  PaneWriter(Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Once, before anything is written.
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<void> write(DeltaSet& merged);
  // For each row that the last `write` put aside: which it was, and why.
  [[nodiscard]] const std::vector<std::string>& put_aside() const { return put_aside_; }

 private:
  using Entry = std::pair<const DeltaKey, Delta>;

  [[nodiscard]] Result<void> write(const Entry& entry);
  [[nodiscard]] Result<void> upsert(const DeltaKey& key);
  [[nodiscard]] Result<void> keep_stored(const DeltaKey& key, const std::string& why);
  [[nodiscard]] Result<void> keep_trace(const DeltaKey& key, const std::string& why);

  Database& database_;
  const Clock& clock_;
  std::string state_, sample_;  // of the row being written; kept for their memory
  std::vector<std::string> put_aside_;
};

}  // namespace hecate::store
