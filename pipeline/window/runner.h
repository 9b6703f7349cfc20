#pragma once

#include "pipeline/base/clock.h"
#include "pipeline/match/time_bounds.h"
#include "pipeline/window/run_sink.h"

#include <functional>
#include <memory>

namespace prometheus {
class Registry;
}

namespace hecate::window {

struct RunnerOptions {
  Time future_skew = 10 * kMinute;  // events further ahead of the clock are put aside
  Time grace = 10 * kMinute;        // made-up runs wait this long after start for shippers to catch up
  // Events that come later than this, and for which no run is still to come, are put aside; until then they
  // go into their window, which is run again.
  Time lateness = 24 * kHour;
  // Bytes that the closing part of one run may keep in memory; over it the run is incomplete.
  std::size_t run_memory = 512 * 1024 * 1024;
  // How long, and how many, events put aside are kept.
  Time aside_age = 7 * kDay;
  int aside_most = 100'000;
};

// Runs detections when they are due. `advance` does the work, on the caller's thread, at a time that the
// caller gives: a thread with the real clock in the daemon, a loop over simulated days in tests.
class Runner {
 public:
  // Waits until everything admitted before the call has been evaluated and committed.
  using Barrier = std::function<void()>;

  // `bounds` is kept up to date with what the runs to come look at. All must outlive the runner.
  [[nodiscard]] static Result<std::unique_ptr<Runner>> make(store::Store& store, const Clock& clock,
                                                            RunSink& sink, match::SharedTimeBounds& bounds,
                                                            Barrier barrier, RunnerOptions options,
                                                            prometheus::Registry& registry);
  virtual ~Runner() = default;

  // The detections from now on. A detection never seen before starts with the first run after now; one that
  // is known goes on after its last run, so that runs missed while stopped are made up, oldest first, each
  // for its own range. A search that changed finishes the windows that have begun as it was, and late events
  // into them; after a restart its old form is not known any more, and the new one's runs of those are
  // incomplete. Call from the thread that calls advance.
  virtual Result<void> set_catalogue(std::shared_ptr<const catalogue::Catalogue> catalogue) = 0;

  // Told what events are to be evaluated against, whenever that changes; on the thread that calls
  // set_catalogue and advance. Before set_catalogue.
  using FeedListener = std::function<void(const catalogue::Feed&)>;
  virtual void set_feed_listener(FeedListener listener) = 0;

  // Does every run that is due at or before `now`, first_match evaluations that have piled up (after
  // a start or where a detection becomes one of that kind, of all that its open windows hold), once a minute
  // the runs whose windows late events came into, and the removal of what no window needs. Returns how many
  // scheduled runs it made.
  [[nodiscard]] virtual Result<int> advance(Time now) = 0;

  // Takes the runs due before `time` as done without making them, for who knows that they tell nothing.
  virtual void pass_over(Time time) = 0;

  // Makes a running `advance` return after the run in hand, and later ones at once; thread-safe.
  virtual void stop() = 0;

  // When advance next has a scheduled run to do.
  [[nodiscard]] virtual Time next_due() const = 0;

  // Inside each commit of the journal (Store::set_commit_hook): notes, on disk with the commit, which minutes
  // of windows that were run already have changed. Thread-safe.
  [[nodiscard]] virtual Result<void> committing(store::Database& database, const store::DeltaSet& deltas) = 0;
  // Takes what a commit merged, for first_match detections; thread-safe, cheap, never blocks. `wake` is
  // called when there is new work for advance.
  virtual void committed(const store::DeltaSet& deltas) = 0;
  virtual void set_wake(std::function<void()> wake) = 0;
};

}  // namespace hecate::window
