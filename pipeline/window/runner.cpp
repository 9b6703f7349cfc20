#include "pipeline/window/runner.h"

#include "absl/container/flat_hash_map.h"
#include "pipeline/window/early_queue.h"
#include "pipeline/window/evaluation.h"
#include "pipeline/window/journal_rows.h"
#include "pipeline/window/panes.h"
#include "pipeline/window/probe.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <set>
#include <vector>

#include <fmt/format.h>

namespace hecate::window {
namespace {

constexpr Time kNever = std::numeric_limits<Time>::max();

// A detection and how far its runs have come.
struct Scheduled {
  const catalogue::LoadedDetection* detection;
  Time last_run;
  Time next_run;  // scheduled time of the run after last_run

  [[nodiscard]] const std::string& name() const { return detection->detection.name; }
  void set_last_run(Time time) {
    last_run = time;
    next_run = detection->schedule.cron.next(time);
  }
};

// The groups of one open window that first_match has to look at.
struct EarlyWindow {
  schedule::Window window;
  std::set<std::string> groups;
};

class JournalRunner final : public Runner {
 public:
  JournalRunner(store::Store& store, std::unique_ptr<store::Database> reader, std::int64_t last_run_id,
                const Clock& clock, RunSink& sink, Barrier barrier, RunnerOptions options,
                prometheus::Registry& registry)
      : store_(store),
        reader_(std::move(reader)),
        clock_(clock),
        sink_(sink),
        barrier_(std::move(barrier)),
        options_(options),
        probe_(registry),
        started_(clock.now()),
        last_run_id_(last_run_id) {}

  Result<void> set_catalogue(std::shared_ptr<const catalogue::Catalogue> catalogue) override;
  Result<int> advance(Time now) override;

  Time next_due() const override {
    Time next = kNever;
    for (const auto& scheduled : detections_) next = std::min(next, due(scheduled));
    return next;
  }

  void committed(const store::DeltaSet& deltas) override {
    count_untimely(deltas);
    auto added = early_.add(deltas);
    if (added.dropped > 0) probe_.dropped_early(added.dropped);
    if (!added.any) return;
    std::lock_guard guard(wake_mutex_);
    if (wake_) wake_();
  }

  void stop() override { stopping_ = true; }

  void set_wake(std::function<void()> wake) override {
    std::lock_guard guard(wake_mutex_);
    wake_ = std::move(wake);
  }

 private:
  [[nodiscard]] Time due(const Scheduled& scheduled) const;
  [[nodiscard]] Scheduled* next_to_run(Time now, const std::set<const Scheduled*>& broken);
  Result<void> run(Scheduled& scheduled, Time now);
  Result<void> write(const Run& run, std::size_t rows, bool done);

  Result<void> advance_early(Time now);
  Result<void> look_early(const Scheduled& scheduled, const std::vector<store::DeltaKey>& keys, Time now);
  Result<void> run_early(const Scheduled& scheduled, const EarlyWindow& early, Time now);

  void note_closed();
  void count_untimely(const store::DeltaSet& deltas);
  Result<void> clean_up(Time now);
  void show_lags(Time now);

  store::Store& store_;
  std::unique_ptr<store::Database> reader_;
  const Clock& clock_;
  RunSink& sink_;
  Barrier barrier_;
  RunnerOptions options_;
  RunnerProbe probe_;
  Time started_;
  std::int64_t last_run_id_;
  Time cleaned_up_ = 0;  // the minute in which clean_up was done last

  std::shared_ptr<const catalogue::Catalogue> catalogue_;
  std::vector<Scheduled> detections_;

  // By scan: events before this time lie in no window that is still to be run. Read by the journal's thread.
  std::mutex closed_mutex_;
  absl::flat_hash_map<std::uint64_t, Time> closed_;
  std::atomic<bool> stopping_{false};

  EarlyQueue early_;
  std::mutex wake_mutex_;
  std::function<void()> wake_;
};

Result<void> JournalRunner::set_catalogue(std::shared_ptr<const catalogue::Catalogue> catalogue) {
  auto known = read_last_runs(*reader_);
  if (!known) return std::unexpected(known.error());
  std::vector<Scheduled> detections;
  std::vector<std::string> added;
  absl::flat_hash_set<std::uint64_t> watched;
  Time now = clock_.now();
  for (const auto& detection : catalogue->detections) {
    auto& scheduled = detections.emplace_back(&detection, 0, 0);
    auto found = known->extract(scheduled.name());
    if (!found) added.push_back(scheduled.name());
    scheduled.set_last_run(found ? found.mapped() : now);
    if (detection.detection.emit == catalogue::Emit::first_match)
      watched.insert(detection.plan->scan()->id());
  }
  // What is left of `known` is no longer among the detections: should it come back, it starts anew rather
  // than make up for the time in which nobody wanted it.
  if (!added.empty() || !known->empty()) {
    auto written = store_.write_and_wait([&](store::Database& database) -> Result<void> {
      for (const auto& name : added) {
        if (auto done = write_last_run(database, name, now); !done) return done;
      }
      for (const auto& [name, last_run] : *known) {
        if (auto done = remove_last_run(database, name); !done) return done;
      }
      return {};
    });
    if (!written) return written;
  }
  for (const auto& [name, last_run] : *known) probe_.forget_lag(name);
  early_.watch(std::move(watched));
  detections_ = std::move(detections);
  catalogue_ = std::move(catalogue);
  note_closed();
  show_lags(now);
  return {};
}

Result<int> JournalRunner::advance(Time now) {
  Result<void> first_error = advance_early(now);
  int runs = 0;
  // A detection that cannot be run keeps its place and does not keep the others from running.
  std::set<const Scheduled*> broken;
  while (Scheduled* scheduled = next_to_run(now, broken)) {
    if (stopping_) break;
    if (runs == 0 && broken.empty()) barrier_();
    auto done = run(*scheduled, now);
    if (!done) {
      broken.insert(scheduled);
      if (first_error) first_error = std::move(done);
      continue;
    }
    ++runs;
    note_closed();
    if (auto early = advance_early(now); !early && first_error) first_error = std::move(early);
  }
  show_lags(now);
  if (auto cleaned = clean_up(now); !cleaned && first_error) first_error = std::move(cleaned);
  if (!first_error) return std::unexpected(first_error.error());
  return runs;
}

// Runs missed while stopped wait until shippers have had time to send what they kept meanwhile, and those
// that come after them wait with them.
Time JournalRunner::due(const Scheduled& scheduled) const {
  bool missed = scheduled.next_run < started_;
  return missed ? std::max(scheduled.next_run, started_ + options_.grace) : scheduled.next_run;
}

Scheduled* JournalRunner::next_to_run(Time now, const std::set<const Scheduled*>& broken) {
  Scheduled* next = nullptr;
  for (auto& scheduled : detections_) {
    if (due(scheduled) > now || broken.contains(&scheduled)) continue;
    if (!next || scheduled.next_run < next->next_run) next = &scheduled;
  }
  return next;
}

Result<void> JournalRunner::run(Scheduled& scheduled, Time now) {
  auto began = std::chrono::steady_clock::now();
  auto window = scheduled.detection->schedule.window(scheduled.next_run);
  Run run{++last_run_id_, *scheduled.detection, window, now, false};
  Evaluation evaluation(*reader_, sink_, run, [&] { return write(run, 0, false); });
  auto rows = evaluation.whole_window();
  auto written = rows ? write(run, *rows, true) : std::unexpected(rows.error());
  if (!written) {
    (void)sink_.take(run);  // lets go of what it kept; the whole run is done again
    return fail(fmt::format("detection \"{}\", run of {}: {}", scheduled.name(), format_iso(window.scheduled),
                            written.error().message));
  }
  bool made_up = window.scheduled < started_;
  scheduled.set_last_run(window.scheduled);
  sink_.done(run);
  probe_.ran(scheduled.name(), *rows, std::chrono::steady_clock::now() - began, made_up);
  return {};
}

// Writes what the sink keeps. The last time, the run is marked done in the same commit, which makes all of it
// visible; most runs are that one commit.
Result<void> JournalRunner::write(const Run& run, std::size_t rows, bool done) {
  auto told = sink_.take(run);
  const auto& name = run.detection.detection.name;
  return store_.write_and_wait([&](store::Database& database) -> Result<void> {
    if (auto begun = write_run(database, run, rows, run.early); !begun) return begun;
    if (told) {
      if (auto written = told(database); !written) return written;
    }
    if (run.early || !done) return {};
    if (auto marked = write_run(database, run, rows, true); !marked) return marked;
    if (auto removed = remove_undone_runs(database, name); !removed) return removed;
    return write_last_run(database, name, run.window.scheduled);
  });
}

Result<void> JournalRunner::advance_early(Time now) {
  auto keys = early_.take();
  if (keys.empty()) return {};
  Result<void> first_error;
  for (const auto& scheduled : detections_) {
    if (scheduled.detection->detection.emit != catalogue::Emit::first_match) continue;
    if (auto done = look_early(scheduled, keys, now); !done && first_error) first_error = std::move(done);
  }
  return first_error;
}

// Each group is looked at in the earliest window that is still open and holds the minute it was touched in.
Result<void> JournalRunner::look_early(const Scheduled& scheduled, const std::vector<store::DeltaKey>& keys,
                                       Time now) {
  auto scan = scheduled.detection->plan->scan()->id();
  std::map<Time, EarlyWindow> windows;
  std::int64_t minute = std::numeric_limits<std::int64_t>::min();
  std::optional<schedule::Window> window;
  for (const auto& key : keys) {
    // A clock far ahead must not have each of its minutes searched for a window.
    if (key.scan != scan || key.minute * kMinute > now + options_.future_skew) continue;
    if (key.minute != minute) {
      minute = key.minute;
      window = scheduled.detection->schedule.first_window_with(minute * kMinute, scheduled.last_run);
    }
    if (!window) continue;
    auto& early = windows[window->scheduled];
    early.window = *window;
    early.groups.insert(key.group);
  }
  for (const auto& [time, early] : windows) {
    if (auto done = run_early(scheduled, early, now); !done) return done;
  }
  return {};
}

// What is told early is visible with its commit: were it lost, nothing but the scheduled run would tell it.
Result<void> JournalRunner::run_early(const Scheduled& scheduled, const EarlyWindow& early, Time now) {
  Run run{++last_run_id_, *scheduled.detection, early.window, now, true};
  std::size_t written_rows = 0;
  auto flush = [&] {
    written_rows += sink_.pending();
    return write(run, written_rows, true);
  };
  Evaluation evaluation(*reader_, sink_, run, flush);
  std::vector<std::string> groups(early.groups.begin(), early.groups.end());
  auto rows = evaluation.groups(groups);
  if (!rows || sink_.pending() > 0) {
    auto written = rows ? flush() : std::unexpected(rows.error());
    if (!written) {
      (void)sink_.take(run);
      return fail(
          fmt::format("detection \"{}\", first_match: {}", scheduled.name(), written.error().message));
    }
  }
  if (written_rows > 0) sink_.done(run);
  probe_.told_early(scheduled.name(), *rows);
  return {};
}

void JournalRunner::note_closed() {
  std::lock_guard guard(closed_mutex_);
  closed_.clear();
  for (const auto& scheduled : detections_) {
    Time next = scheduled.detection->schedule.window(scheduled.next_run).earliest;
    auto [found, added] = closed_.emplace(scheduled.detection->plan->scan()->id(), next);
    if (!added) found->second = std::max(found->second, next);
  }
}

void JournalRunner::count_untimely(const store::DeltaSet& deltas) {
  std::size_t late = 0;
  std::size_t future = 0;
  Time ahead = clock_.now() + options_.future_skew;
  {
    std::lock_guard guard(closed_mutex_);
    for (const auto& [key, delta] : deltas) {
      auto found = closed_.find(key.scan);
      if (found != closed_.end() && key.minute * kMinute < found->second) ++late;
      if (key.minute * kMinute > ahead) ++future;
    }
  }
  probe_.untimely(late, future);
}

Result<void> JournalRunner::clean_up(Time now) {
  if (floor_to(now, kMinute) == cleaned_up_) return {};
  cleaned_up_ = floor_to(now, kMinute);
  absl::flat_hash_map<std::uint64_t, Time> oldest_needed;
  for (const auto& scheduled : detections_) {
    Time earliest = std::min(now, scheduled.detection->schedule.window(scheduled.next_run).earliest);
    auto [found, added] = oldest_needed.emplace(scheduled.detection->plan->scan()->id(), earliest);
    if (!added) found->second = std::min(found->second, earliest);
  }
  auto first_kept = [&](std::uint64_t scan) {
    auto found = oldest_needed.find(scan);
    Time oldest = found == oldest_needed.end() ? now : found->second;
    return floor_to(oldest - options_.lateness, kMinute) / kMinute;
  };
  if (auto removed = remove_panes(store_, *reader_, first_kept); !removed) return removed;
  return remove_empty_runs(store_, *reader_, now - options_.lateness);
}

void JournalRunner::show_lags(Time now) {
  for (const auto& scheduled : detections_) probe_.lag(scheduled.name(), now - scheduled.last_run);
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::make(store::Store& store, const Clock& clock, RunSink& sink,
                                             Barrier barrier, RunnerOptions options,
                                             prometheus::Registry& registry) {
  auto reader = store.reader();
  if (!reader) return std::unexpected(reader.error());
  auto last_run_id = read_last_run_id(**reader);
  if (!last_run_id) return std::unexpected(last_run_id.error());
  return std::make_unique<JournalRunner>(store, *std::move(reader), *last_run_id, clock, sink,
                                         std::move(barrier), options, registry);
}

}  // namespace hecate::window
