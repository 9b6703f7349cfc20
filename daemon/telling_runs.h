#pragma once

#include "absl/container/flat_hash_map.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/store/delta.h"

#include <cstdint>
#include <vector>

namespace hecate::daemon {

// Which runs of a replay can tell anything: those whose window holds a minute with something in it, and those
// that have a row for an empty one (`stats count`). Between two events years may lie.
class TellingRuns {
 public:
  // `deltas` is all that there is; runs after `last` do not count. `catalogue` must outlive this.
  TellingRuns(const catalogue::Catalogue& catalogue, const store::DeltaSet& deltas, Time last);

  // The first at or after `time`, which never goes back; past `last` when there is none.
  [[nodiscard]] Time next(Time time);

 private:
  [[nodiscard]] bool tells(const catalogue::LoadedDetection& detection, Time scheduled) const;

  const catalogue::Catalogue& catalogue_;
  Time last_;
  absl::flat_hash_map<std::uint64_t, std::vector<std::int64_t>> minutes_;  // by scan; sorted, each once
  std::vector<Time> next_;                                                 // by detection
};

}  // namespace hecate::daemon
