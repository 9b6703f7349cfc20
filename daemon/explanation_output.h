#pragma once

#include "daemon/owned_event.h"
#include "daemon/plan_output.h"
#include "pipeline/base/time.h"
#include "pipeline/spl/explain.h"

#include <cstdint>
#include <string>
#include <vector>

namespace hecate::daemon {

// For how many events each clause of a condition held, in the order of spl::outcomes.
struct ClauseTally {
  std::uint64_t events = 0;
  std::vector<std::uint64_t> held;

  void add(const std::vector<bool>& holds) {
    ++events;
    held.resize(holds.size());
    for (std::size_t i = 0; i < holds.size(); ++i) held[i] += holds[i];
  }
};

// One event and what it comes to in one detection.
struct ExplainedEvent {
  std::uint64_t number = 0;  // of the events read, from 1
  Time time = 0;
  std::string host, source;
  bool well_formed = true;
  bool passes_prefilter = true;
  std::vector<std::string> literals;  // of the prefilter, those that stand in it
  spl::Explanation explanation;
};

// In a few words: what becomes of the event, and where it ends if it gives no row.
[[nodiscard]] std::string verdict(const spl::Explanation& explanation);

// On standard output: how the detection runs, its clauses (with `tally`, for how many events each held), and
// the events. For people, and as JSON, one object a line: the detection, then each event.
void print_explanation(const catalogue::LoadedDetection& loaded, const catalogue::Catalogue& catalogue,
                       const ClauseTally* tally, const std::vector<ExplainedEvent>& events);
void write_explanation(const catalogue::LoadedDetection& loaded, const catalogue::Catalogue& catalogue,
                       const ClauseTally* tally, const std::vector<ExplainedEvent>& events);

}  // namespace hecate::daemon
