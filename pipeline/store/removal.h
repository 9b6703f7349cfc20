#pragma once

#include "pipeline/store/store.h"

#include <cstdint>
#include <functional>
#include <string>

namespace hecate::store {

// Rows that one transaction of a removal takes away: ingest never waits long for it.
inline constexpr std::int64_t kRowsARemoval = 500;

// Runs `remove`, a deletion of at most kRowsARemoval rows, in commits of its own until it finds fewer than
// that; gives how many went. Not from the writer's thread.
[[nodiscard]] Result<std::int64_t> remove_in_steps(Store& store,
                                                   const std::function<Result<void>(Database&)>& remove);

// A table whose rows grow old: `key` is its rowid, which grows with each row, `time` a column of it.
struct AgingTable {
  std::string name;  // these three come from the program, never from outside
  std::string key;
  std::string time;
  std::string may_go = "1";  // SQL condition: rows that must stay whatever their age are false
};

struct RetentionBounds {
  Time before = 0;        // rows older than this go
  std::int64_t most = 0;  // of the others only so many, the newest, stay; 0: no such bound
};

// Removes what is beyond the bounds, oldest first, in steps; gives how many rows went. Counts by keys: where
// single rows are missing between, a few less than `most` stay. Looks with `reader`, so that nothing is
// written when nothing has to go.
[[nodiscard]] Result<std::int64_t> remove_old(Store& store, Database& reader, const AgingTable& table,
                                              const RetentionBounds& bounds);

}  // namespace hecate::store
