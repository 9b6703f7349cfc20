#pragma once

#include "pipeline/base/error.h"
#include "pipeline/sources/source_table.h"
#include "pipeline/store/database.h"

#include <string>
#include <utility>
#include <vector>

namespace hecate::sources {

// The tables `source` and `candidate`, part `sources` of the database's schema (docs/state.md).
struct StoredCandidates {
  std::string detection;
  Time since = 0, last = 0;
};
struct StoredRows {
  std::vector<Source> sources;  // in the order in which they came first
  // Written: those of all detections that are loaded; what is not among them goes.
  std::vector<StoredCandidates> candidates;
  std::vector<std::pair<std::string, std::string>> forgotten;  // host, channel; when written only
};

[[nodiscard]] Result<void> make_tables(store::Database& database);
[[nodiscard]] Result<StoredRows> read_rows(store::Database& database);
[[nodiscard]] Result<void> write_rows(store::Database& database, const StoredRows& rows);

}  // namespace hecate::sources
