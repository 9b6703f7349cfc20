#pragma once

#include "pipeline/base/time.h"
#include "pipeline/store/store.h"

#include <cstdint>

namespace hecate::outputs {

// How long what was told is kept. Ages are microseconds; a number bounds the rows beside the age, the newest
// stay.
struct RetentionOptions {
  Time findings_age = 90 * kDay;
  int findings_most = 1'000'000;
  Time parked_age = 90 * kDay;
  int parked_most = 100'000;
};

// What must stay, whatever the bounds above say.
struct RetentionNeeds {
  // The runner's: so long after its end a window may be evaluated again, and its findings must be known by
  // their ids.
  Time lateness = kDay;
  // Of all loaded detections.
  Time longest_throttle = 0;
};

// How many rows went.
struct Removed {
  std::int64_t findings = 0;  // revisions
  std::int64_t throttle_marks = 0;
  std::int64_t parked = 0;
  std::int64_t runs = 0;
};

// Removes findings and parked envelopes beyond the bounds, throttle marks that no run can ask for any more
// (older than the longest throttling and lateness), and runs that told something of which nothing is left
// (runs that told nothing are the runner's own). In commits of a few hundred rows; looks with `reader`. Once
// an hour is often enough; on the runner's thread, between runs. Not from the journal's thread.
[[nodiscard]] Result<Removed> remove_old_findings(store::Store& store, store::Database& reader, Time now,
                                                  const RetentionOptions& options,
                                                  const RetentionNeeds& needs);

}  // namespace hecate::outputs
