#pragma once

#include "absl/container/flat_hash_map.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/match/time_bounds.h"
#include "pipeline/store/store.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace hecate::window {

inline constexpr Time kNever = std::numeric_limits<Time>::max();

// A detection and how far its runs have come.
struct Scheduled {
  std::shared_ptr<const catalogue::Catalogue> catalogue;  // that holds the detection
  const catalogue::LoadedDetection* detection = nullptr;
  Time last_run = 0;
  Time next_run = 0;    // scheduled time of the run after last_run
  Time since = 0;       // its state holds no events that came before
  Time first = 0;       // where its first window begins; 0: not known
  Time until = kNever;  // since then its search is another one: it has the windows that began before
  Time closed = 0;      // where the newest window ends that was run, when it was taken up

  [[nodiscard]] const std::string& name() const { return detection->detection.name; }
  [[nodiscard]] std::uint64_t search_id() const { return detection->plan->search_id(); }
  [[nodiscard]] auto scans() const { return detection->plan->scans(); }
  [[nodiscard]] bool reads(std::uint64_t scan) const {
    return std::ranges::any_of(scans(), [scan](const auto& each) { return each->id() == scan; });
  }
  [[nodiscard]] schedule::Window next_window() const { return detection->schedule.window(next_run); }
  [[nodiscard]] bool current() const { return until == kNever; }
  [[nodiscard]] bool has_runs() const { return current() || next_window().earliest < until; }
  // Whether it is this form of the search that runs the window, with all of its events.
  [[nodiscard]] bool has(const schedule::Window& window) const {
    return window.earliest >= since && window.earliest < until;
  }
  void set_last_run(Time time) {
    last_run = time;
    next_run = detection->schedule.cron.next(time);
  }
};

// Which detections run when: those that are loaded, and those whose searches were changed and that still have
// windows to finish. The runner's thread only.
class Timetable {
 public:
  // Runs that were due before `started` wait until `grace` after it.
  Timetable(Time started, Time grace) : started_(started), grace_(grace) {}

  // The detections from now on, each as far as the journal says it has come, which is brought up to date. One
  // that is no longer loaded is forgotten: should it come back, it starts anew rather than make up for the
  // time in which nobody wanted it.
  [[nodiscard]] Result<void> take_up(std::shared_ptr<const catalogue::Catalogue> catalogue,
                                     store::Store& store, store::Database& reader, Time now);

  [[nodiscard]] const std::vector<Scheduled>& detections() const { return detections_; }
  [[nodiscard]] const catalogue::Catalogue& catalogue() const { return *catalogue_; }
  // kNever where it has no run left.
  [[nodiscard]] Time due(const Scheduled& scheduled) const;
  [[nodiscard]] Time next_due() const;
  // Of those due at `now` and not in `passed_over` the one that was due first; null: none.
  [[nodiscard]] Scheduled* next_to_run(Time now, const std::set<const Scheduled*>& passed_over);
  // As if all runs due before `time` were done.
  void pass_over(Time time);
  // Forgets changed searches that have no run left and whose windows end before `time`. True when there were
  // any.
  bool drop_finished(Time time);

  [[nodiscard]] catalogue::Feed feed() const;
  [[nodiscard]] match::TimeBounds bounds(Time lateness, Time future_skew) const;
  // By scan: the earliest event time that a run to come, or one done again for an event of now, looks at.
  [[nodiscard]] absl::flat_hash_map<std::uint64_t, Time> oldest_needed(Time now) const;

 private:
  void keep_finishing(std::vector<Scheduled>& detections, Time now);

  Time started_, grace_;
  std::shared_ptr<const catalogue::Catalogue> catalogue_;
  std::vector<Scheduled> detections_;
};

// By scan: before this time an event may lie in a window that was run or is being run. Thread-safe.
class ClosedWindows {
 public:
  void close(std::uint64_t scan, Time until) {
    std::lock_guard guard(mutex_);
    Time& closed = closed_.try_emplace(scan, until).first->second;
    closed = std::max(closed, until);
  }
  template <typename Reader>
  void read(Reader reader) {
    std::lock_guard guard(mutex_);
    reader(std::as_const(closed_));
  }

 private:
  std::mutex mutex_;
  absl::flat_hash_map<std::uint64_t, Time> closed_;
};

}  // namespace hecate::window
