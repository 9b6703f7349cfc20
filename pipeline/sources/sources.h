#pragma once

#include "pipeline/base/clock.h"
#include "pipeline/base/error.h"
#include "pipeline/sources/source_table.h"
#include "pipeline/store/store.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace prometheus {
class Registry;
}

namespace hecate::sources {

// A worker's own tally. The worker holds the mutex for as long as it reads a batch, once a batch; whoever
// gathers takes what was counted in between.
struct WorkerTally {
  explicit WorkerTally(std::size_t most) : tally(most) {}
  std::mutex mutex;
  Tally tally;
};

// When a detection last had a candidate: an event that its first clause was tried on.
struct Candidates {
  std::string detection;
  Time since = 0;              // when it was first loaded
  std::atomic<Time> last = 0;  // 0: never
};

// What flows and what does not: the sources of events by host and channel, and the detections that no event
// comes near. Workers count, each for itself; `gather`, called every few seconds and before somebody looks,
// brings it together, judges who is silent, and sets the metrics. It is kept in the journal's database, so
// that a restart forgets nothing but the histograms of lag; while hecate is down nobody counts as silent.
// Thread-safe.
class Sources {
 public:
  // Reads what an earlier process stored, and makes the tables where there are none.
  [[nodiscard]] static Result<std::unique_ptr<Sources>> open(store::Store& store, const Clock& clock,
                                                             SourceOptions options,
                                                             prometheus::Registry& registry);
  virtual ~Sources() = default;

  // For one worker, which keeps it.
  [[nodiscard]] virtual std::shared_ptr<WorkerTally> add_worker() = 0;
  // These detections are loaded from now on, and no others; in the order of the names. The pointers stay
  // valid.
  [[nodiscard]] virtual std::vector<Candidates*> watch(const std::vector<std::string>& detections) = 0;

  virtual void gather() = 0;
  // Stores what has changed since the last time; returns when it is on disk. Not from the journal's thread.
  [[nodiscard]] virtual Result<void> save() = 0;

  struct Row {
    Source source;
    Source::State state;
    Time patience;
  };
  struct Silence {
    std::string detection;
    Time since, last;
    bool silent;  // loaded for a day, and no candidate for a day
  };
  struct View {
    Time now;
    std::vector<Row> sources;         // in the order in which they came first
    std::vector<Silence> detections;  // by name
    std::uint64_t untracked_events;   // since the start
  };
  // As of now: gathers first.
  [[nodiscard]] virtual View view() = 0;
};

}  // namespace hecate::sources
