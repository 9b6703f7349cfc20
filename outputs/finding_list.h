#pragma once

#include "pipeline/base/time.h"
#include "pipeline/store/store.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace hecate::outputs {

// Findings for people who look: newest first, in pieces, and one with all that belongs to it.

// Where a finding stands in the list; stays where it is whatever comes.
struct FindingPlace {
  Time created = 0;
  std::int64_t seq = 0;  // of the table finding
};

struct FindingListQuery {
  Time since = 0;                                 // created at or after
  Time until = std::numeric_limits<Time>::max();  // created before
  std::optional<FindingPlace> before;             // only what stands behind it
  int limit = 100;
  std::string detection;  // its name; empty: any
  std::string host;       // a part of the name of one of its hosts, in any case; empty: any
  bool brief = false;     // without row, sample and annotations, with `hosts` and `mitre_attack`
  // So many are looked at at most, for who asks has others wait.
  int look_at = 20'000;
};
struct FindingList {
  std::string json;  // an array
  // Where to go on; nullopt when all were looked at. There may be more even where fewer than `limit` fit.
  std::optional<FindingPlace> next;
};
// The newest visible revision of each finding. Its hosts are the values of dest, dest_host, Computer, host
// and dvc in its row, the host of its sample, and its risk objects of type system.
[[nodiscard]] Result<FindingList> list_findings(store::Database& reader, const FindingListQuery& query);

// A JSON object: `finding` as in the list, its `revisions` (revision, created, status), `delivery` (how many
// of its envelopes are waiting, or were parked), and `splunk`: the search for what was posted of it, and its
// drilldown searches, all filled in. nullopt: there is none of this id.
[[nodiscard]] Result<std::optional<std::string>> show_finding(store::Database& reader, const std::string& id);

}  // namespace hecate::outputs
