#pragma once

#include "pipeline/base/time.h"
#include "pipeline/store/store.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

// Reading what this library keeps, for the API and `hecate state`: one line of JSON each. Where the tables
// are not there yet, there is nothing. Each call is one view of the database.

using JsonVisitor = std::function<void(std::string_view json)>;

struct FindingQuery {
  Time since = 0;               // created at or after
  std::int64_t limit = -1;      // at most so many; -1: all
  std::string detection;        // of this one only; empty: of all
  bool every_revision = false;  // else the newest that is visible
  bool oldest_first = false;    // by creation
};
// Visible findings, as /api/findings shows them.
[[nodiscard]] Result<void> read_findings(store::Database& reader, const FindingQuery& query,
                                         const JsonVisitor& visit);

// Envelopes that wait, in the order in which they are posted, then those put aside with the endpoint's
// answer: seq, state (waiting, parked), finding, kind, queued or parked_at with status, code and answer,
// envelope.
[[nodiscard]] Result<void> read_outbox(store::Database& reader, const JsonVisitor& visit);

// Puts envelopes that were parked back into the outbox, to be posted again: those with these numbers, or all
// where none is given. Gives how many. Refuses a number that is none, and then puts none back. No Outbox may
// be at work on the database.
[[nodiscard]] Result<std::int64_t> requeue_parked(store::Store& store, Time now,
                                                  const std::vector<std::int64_t>& numbers);

// What is wrong with these tables, in words; empty when nothing is found.
[[nodiscard]] Result<std::vector<std::string>> find_problems(store::Database& reader);

}  // namespace hecate::outputs
