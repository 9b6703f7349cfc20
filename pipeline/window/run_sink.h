#pragma once

#include "pipeline/catalogue/catalogue.h"
#include "pipeline/schedule/schedule.h"
#include "pipeline/spl/plan.h"
#include "pipeline/store/store.h"

#include <cstdint>

namespace hecate::window {

// One evaluation of one detection over one window.
struct Run {
  std::int64_t id = 0;  // of the `run` row in the journal; a run that is done again has a new one
  const catalogue::LoadedDetection& detection;
  schedule::Window window;
  Time search_time = 0;     // when it was evaluated
  bool early = false;       // first_match: the window is still open
  bool again = false;       // it was run before; events came late
  bool incomplete = false;  // not all events of its window are in it
  Time took = 0;            // from reading its state to its last commit; 0 until then
};

// Takes the result rows of runs; implemented by `outputs`. The runner's thread calls it: rows in order,
// `take` now and then between rows and, with `last`, after the last, then `done`. A window may be run again,
// when events came late, or while it is open: then the rows are all that is known of it now, or of the groups
// that changed.
class RunSink {
 public:
  virtual ~RunSink() = default;

  // Makes what is told of one row and keeps it until `take`. `sample` is the event that the row's group
  // shows, null where the row has no single group. Nothing of the arguments is valid afterwards.
  virtual void row(const Run& run, const spl::ResultRow& row, const store::Sample* sample) = 0;
  // What was kept since the last take, as work for the journal's writer; null when there is nothing. It
  // writes under the run's id: only runs marked done are visible (an early run is from its first write). A
  // run that broke off is done again, whole; what it left under its old id is to be cleared then. An error:
  // the run is to be given up; nothing is kept of it.
  [[nodiscard]] virtual Result<store::Store::Job> take(const Run& run, bool last) = 0;
  // After the last row: keeps what the window's earlier runs told and no row of this one shows, to be taken
  // back; some of it, for the runner to take and call again. False: there is nothing left.
  [[nodiscard]] virtual Result<bool> withdraw(const Run& /*run*/) { return false; }
  // What is kept tells something: the run must be known by the time it is written.
  [[nodiscard]] virtual bool tells() const { return pending() > 0; }
  // Rows kept and not yet taken; the runner takes when it is large.
  [[nodiscard]] virtual std::size_t pending() const = 0;
  // The run is marked done and on disk; what it told is visible now.
  virtual void done(const Run& run) = 0;

  // Removes what was told too long ago; now and then, between runs. A window may be run again for `lateness`
  // after its end: what it told must be known until then.
  [[nodiscard]] virtual Result<void> clean_up(Time /*now*/, Time /*lateness*/,
                                              const catalogue::Catalogue& /*running*/) {
    return {};
  }
};

}  // namespace hecate::window
