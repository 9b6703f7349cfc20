#include "pipeline/window/runner.h"

#include "absl/container/flat_hash_map.h"
#include "pipeline/store/removal.h"
#include "pipeline/window/early_queue.h"
#include "pipeline/window/evaluation.h"
#include "pipeline/window/journal_rows.h"
#include "pipeline/window/local_tables.h"
#include "pipeline/window/panes.h"
#include "pipeline/window/probe.h"
#include "pipeline/window/timetable.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace hecate::window {
namespace {

// The groups of one open window that first_match has to look at.
struct EarlyWindow {
  schedule::Window window;
  std::optional<std::set<std::string>> groups;  // without: all
};

// At least one: 0 is unknown.
Time microseconds_since(std::chrono::steady_clock::time_point began) {
  auto took = std::chrono::steady_clock::now() - began;
  return std::max<Time>(1, std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

bool is_early(const Scheduled& scheduled) {
  return scheduled.detection->detection.emit == catalogue::Emit::first_match;
}

class JournalRunner final : public Runner {
 public:
  JournalRunner(store::Store& store, std::unique_ptr<store::Database> reader, std::int64_t last_run_id,
                const Clock& clock, RunSink& sink, match::SharedTimeBounds& bounds, Barrier barrier,
                RunnerOptions options, prometheus::Registry& registry)
      : store_(store),
        reader_(std::move(reader)),
        clock_(clock),
        sink_(sink),
        bounds_(bounds),
        barrier_(std::move(barrier)),
        options_(options),
        probe_(registry),
        started_(clock.now()),
        last_run_id_(last_run_id),
        timetable_(started_, options.grace) {}

  Result<void> set_catalogue(std::shared_ptr<const catalogue::Catalogue> catalogue) override;
  Result<int> advance(Time now) override;

  Time next_due() const override { return timetable_.next_due(); }
  void pass_over(Time time) override {
    timetable_.pass_over(time);
    bounds_.set(timetable_.bounds(options_.lateness, options_.future_skew));
  }

  void set_feed_listener(FeedListener listener) override { feed_listener_ = std::move(listener); }

  void committed(const store::DeltaSet& deltas) override {
    auto added = early_.add(deltas);
    if (added.dropped > 0) probe_.dropped_early(added.dropped);
    if (!added.any) return;
    std::lock_guard guard(wake_mutex_);
    if (wake_) wake_();
  }

  Result<void> committing(store::Database& database, const store::DeltaSet& deltas) override;

  void stop() override { stopping_ = true; }

  void set_wake(std::function<void()> wake) override {
    std::lock_guard guard(wake_mutex_);
    wake_ = std::move(wake);
  }

 private:
  Result<void> note_scans();
  void tell_feed();
  Result<void> run(Scheduled& scheduled, Time now);
  Result<std::size_t> evaluate(Run& run);
  Result<void> take_back(const Run& run);
  Result<void> write(const Run& run, std::size_t rows, bool done, const LocalTables::Written& tables = {});

  Result<void> advance_early(Time now);
  Result<void> look_early(const Scheduled& scheduled, const std::vector<store::DeltaKey>& keys, Time now);
  Result<void> look_at_stored(Time now);
  Result<void> look_at_stored(const Scheduled& scheduled, Time now);
  Result<void> run_early(const Scheduled& scheduled, const EarlyWindow& early, Time now);

  Result<void> run_late_again(Time now);
  Result<void> run_again(const Scheduled& scheduled, std::span<const LateMinute> minutes, Time now);

  Result<void> close_windows(Time now);
  Result<void> clean_up(Time now);
  void show_lags(Time now);

  store::Store& store_;
  std::unique_ptr<store::Database> reader_;
  const Clock& clock_;
  RunSink& sink_;
  match::SharedTimeBounds& bounds_;
  Barrier barrier_;
  RunnerOptions options_;
  RunnerProbe probe_;
  Time started_;
  std::int64_t last_run_id_;
  Time cleaned_up_ = 0;   // the minute in which clean_up was done last
  Time swept_ = 0;        // the hour in which what was told and put aside was cleaned up last
  Time looked_late_ = 0;  // the minute in which run_late_again was done last

  Timetable timetable_;
  LocalTables local_tables_;
  FeedListener feed_listener_;
  ClosedWindows closed_;  // read by the journal's thread
  std::atomic<bool> stopping_{false};

  EarlyQueue early_;
  // Names of first_match detections whose stored groups have not been looked at since they were taken up.
  std::set<std::string> unlooked_;
  std::mutex wake_mutex_;
  std::function<void()> wake_;
};

Result<void> JournalRunner::set_catalogue(std::shared_ptr<const catalogue::Catalogue> catalogue) {
  Time now = clock_.now();
  std::set<std::string> names, early;
  for (const auto& scheduled : timetable_.detections()) {
    names.insert(scheduled.name());
    if (is_early(scheduled)) early.insert(scheduled.name());
  }
  if (auto taken = local_tables_.take_up(*catalogue, *reader_); !taken) return taken;
  if (auto taken = timetable_.take_up(std::move(catalogue), store_, *reader_, now); !taken) return taken;
  absl::flat_hash_set<std::uint64_t> watched;
  for (const auto& scheduled : timetable_.detections()) {
    if (is_early(scheduled)) {
      watched.insert(scheduled.detection->plan->scan().id());
      if (!early.contains(scheduled.name())) unlooked_.insert(scheduled.name());
    }
    for (const auto& scan : scheduled.scans()) closed_.close(scan->id(), scheduled.closed);
    probe_.know(scheduled.name());
    names.erase(scheduled.name());
  }
  for (const auto& name : names) probe_.forget_lag(name);
  if (auto noted = note_scans(); !noted) return noted;
  early_.watch(std::move(watched));
  bounds_.set(timetable_.bounds(options_.lateness, options_.future_skew));
  show_lags(now);
  tell_feed();
  return {};
}

Result<void> JournalRunner::note_scans() {
  std::vector<ScanUse> uses;
  for (const auto& scheduled : timetable_.detections()) {
    if (!scheduled.current()) continue;
    ScanUse& use = uses.emplace_back(ScanUse{scheduled.name(), {}});
    for (const auto& scan : scheduled.scans()) use.scans.push_back(scan->id());
  }
  return store_.write_and_wait([&](store::Database& database) { return write_scan_uses(database, uses); });
}

void JournalRunner::tell_feed() {
  if (feed_listener_) feed_listener_(timetable_.feed());
}

Result<int> JournalRunner::advance(Time now) {
  Result<void> first_error = advance_early(now);
  auto note = [&](Result<void> done) {
    if (!done && first_error) first_error = std::move(done);
  };
  int runs = 0;
  // A detection that cannot be run keeps its place and does not keep the others from running.
  std::set<const Scheduled*> broken;
  bool closed = false;
  while (Scheduled* scheduled = timetable_.next_to_run(now, broken)) {
    if (stopping_) break;
    if (!std::exchange(closed, true)) {
      if (auto done = close_windows(now); !done) {
        note(std::move(done));
        break;
      }
    }
    auto done = run(*scheduled, now);
    if (!done) {
      broken.insert(scheduled);
      note(std::move(done));
      continue;
    }
    ++runs;
    bounds_.set(timetable_.bounds(options_.lateness, options_.future_skew));
    note(advance_early(now));
  }
  note(look_at_stored(now));
  show_lags(now);
  note(run_late_again(now));
  if (timetable_.drop_finished(now - options_.lateness)) tell_feed();
  note(clean_up(now));
  if (!first_error) return std::unexpected(first_error.error());
  return runs;
}

// What a commit brings to these windows from now on is noted as late, and what came before is on disk: no
// event falls between a run and the run again.
Result<void> JournalRunner::close_windows(Time now) {
  for (const auto& scheduled : timetable_.detections()) {
    if (timetable_.due(scheduled) > now) continue;
    for (Time run = scheduled.next_run; run <= now; run = scheduled.detection->schedule.cron.next(run)) {
      for (const auto& scan : scheduled.scans())
        closed_.close(scan->id(), scheduled.detection->schedule.window(run).latest);
    }
  }
  barrier_();
  return store_.fold();
}

Result<void> JournalRunner::run(Scheduled& scheduled, Time now) {
  auto began = std::chrono::steady_clock::now();
  Run run{++last_run_id_, *scheduled.detection, scheduled.next_window(), now};
  run.incomplete = run.window.earliest < scheduled.since;
  auto rows = evaluate(run);
  if (!rows) return std::unexpected(rows.error());
  bool made_up = run.window.scheduled < started_;
  scheduled.set_last_run(run.window.scheduled);
  probe_.ran(scheduled.name(), *rows, std::chrono::steady_clock::now() - began, made_up);
  return {};
}

Result<std::size_t> JournalRunner::evaluate(Run& run) {
  auto began = std::chrono::steady_clock::now();
  Evaluation evaluation(*reader_, sink_, run, options_.run_memory, [&] { return write(run, 0, false); });
  auto rows = evaluation.whole_window();
  if (!evaluation.incomplete().empty()) {
    run.incomplete = true;
    spdlog::warn("detection \"{}\", run of {}: incomplete: {}", run.detection.detection.name,
                 format_iso(run.window.scheduled), evaluation.incomplete());
  }
  Result<void> written = rows ? Result<void>() : std::unexpected(rows.error());
  // In any case: were they what the run failed by, the next one would too.
  if (!evaluation.damaged().empty()) {
    auto aside = store_.put_aside(evaluation.damaged());
    if (written) written = std::move(aside);
  }
  if (written) written = take_back(run);
  run.took = microseconds_since(began);
  // A run that is done again is of an older window than the table; one that lacks rows would lose others.
  bool writes = !run.again && evaluation.incomplete().empty();
  LocalTables::Written tables = writes ? evaluation.take_written() : LocalTables::Written();
  if (written) written = write(run, *rows, true, tables);
  if (!written) {
    (void)sink_.take(run, false);  // lets go of what it kept; the whole run is done again
    return fail(fmt::format("detection \"{}\", run of {}: {}", run.detection.detection.name,
                            format_iso(run.window.scheduled), written.error().message));
  }
  local_tables_.show(tables);
  sink_.done(run);
  probe_.spent(run.detection.detection.name, std::chrono::steady_clock::now() - began);
  if (run.incomplete) probe_.incomplete(run.detection.detection.name);
  return rows;
}

Result<void> JournalRunner::take_back(const Run& run) {
  while (true) {
    auto more = sink_.withdraw(run);
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    if (auto written = write(run, 0, false); !written) return written;
  }
}

// Writes what the sink keeps. The last time, the run is marked done in the same commit, which makes all of it
// visible; most runs are that one commit.
Result<void> JournalRunner::write(const Run& run, std::size_t rows, bool done,
                                  const LocalTables::Written& tables) {
  // An early run that only brings up to date what is stored leaves nothing behind of itself.
  bool known = !run.early || sink_.tells();
  auto told = sink_.take(run, done);
  if (!told) return std::unexpected(told.error());
  const auto& name = run.detection.detection.name;
  return store_.write_and_wait([&](store::Database& database) -> Result<void> {
    if (known) {
      if (auto begun = write_run(database, run, rows, run.early); !begun) return begun;
    }
    if (*told) {
      if (auto written = (*told)(database); !written) return written;
    }
    if (run.early || !done) return {};
    if (auto written = LocalTables::write(database, tables); !written) return written;
    if (auto marked = write_run(database, run, rows, true); !marked) return marked;
    if (auto removed = remove_undone_runs(database, name); !removed) return removed;
    if (run.again) return {};
    return write_last_run(database, name, run.window.scheduled);
  });
}

Result<void> JournalRunner::advance_early(Time now) {
  auto keys = early_.take();
  if (keys.empty()) return {};
  Result<void> first_error = store_.fold();
  if (!first_error) return first_error;
  for (const auto& scheduled : timetable_.detections()) {
    if (!is_early(scheduled)) continue;
    if (auto done = look_early(scheduled, keys, now); !done && first_error) first_error = std::move(done);
  }
  return first_error;
}

// Each group is looked at in the earliest window that is still open and holds the minute it was touched in.
Result<void> JournalRunner::look_early(const Scheduled& scheduled, const std::vector<store::DeltaKey>& keys,
                                       Time now) {
  auto scan = scheduled.detection->plan->scan().id();
  std::map<Time, EarlyWindow> windows;
  std::int64_t minute = std::numeric_limits<std::int64_t>::min();
  std::optional<schedule::Window> window;
  for (const auto& key : keys) {
    if (key.scan != scan) continue;
    if (key.minute != minute) {
      minute = key.minute;
      window = scheduled.detection->schedule.first_window_with(minute * kMinute, scheduled.last_run);
    }
    if (!window || window->earliest >= scheduled.until) continue;
    auto& early = windows[window->scheduled];
    early.window = *window;
    if (!early.groups) early.groups.emplace();
    early.groups->insert(key.group);
  }
  for (const auto& [time, early] : windows) {
    if (auto done = run_early(scheduled, early, now); !done) return done;
  }
  return {};
}

// What was on disk and not told when hecate ended, or when the detection was not of this kind yet: all of the
// windows that are open.
Result<void> JournalRunner::look_at_stored(Time now) {
  if (unlooked_.empty()) return {};
  Result<void> first_error = store_.fold();
  if (!first_error) return first_error;
  std::set<std::string> unlooked;
  for (const auto& scheduled : timetable_.detections()) {
    if (!is_early(scheduled) || !unlooked_.contains(scheduled.name())) continue;
    Result<void> done = look_at_stored(scheduled, now);
    if (!done || stopping_) unlooked.insert(scheduled.name());
    if (!done && first_error) first_error = std::move(done);
  }
  unlooked_ = std::move(unlooked);
  return first_error;
}

Result<void> JournalRunner::look_at_stored(const Scheduled& scheduled, Time now) {
  Time newest = now + options_.future_skew;
  for (Time run = scheduled.next_run; !stopping_; run = scheduled.detection->schedule.cron.next(run)) {
    auto window = scheduled.detection->schedule.window(run);
    if (window.earliest > newest || window.earliest >= scheduled.until) break;
    if (auto done = run_early(scheduled, {window, std::nullopt}, now); !done) return done;
  }
  return {};
}

// What is told early is visible with its commit: were it lost, nothing but the scheduled run would tell it.
Result<void> JournalRunner::run_early(const Scheduled& scheduled, const EarlyWindow& early, Time now) {
  Run run{.id = ++last_run_id_,
          .detection = *scheduled.detection,
          .window = early.window,
          .search_time = now,
          .early = true};
  auto began = std::chrono::steady_clock::now();
  run.incomplete = run.window.earliest < scheduled.since;
  std::size_t written_rows = 0;
  auto flush = [&] {
    written_rows += sink_.pending();
    return write(run, written_rows, true);
  };
  Evaluation evaluation(*reader_, sink_, run, options_.run_memory, flush);
  auto rows = early.groups ? evaluation.groups({early.groups->begin(), early.groups->end()})
                           : evaluation.whole_window();
  if (!evaluation.damaged().empty()) {
    if (auto aside = store_.put_aside(evaluation.damaged()); !aside) return aside;
  }
  if (!rows || sink_.pending() > 0) {
    auto written = rows ? flush() : std::unexpected(rows.error());
    if (!written) {
      (void)sink_.take(run, false);
      return fail(
          fmt::format("detection \"{}\", first_match: {}", scheduled.name(), written.error().message));
    }
  }
  if (written_rows > 0) sink_.done(run);
  probe_.told_early(scheduled.name(), *rows);
  probe_.spent(scheduled.name(), std::chrono::steady_clock::now() - began);
  return {};
}

Result<void> JournalRunner::committing(store::Database& database, const store::DeltaSet& deltas) {
  std::set<std::pair<std::uint64_t, std::int64_t>> changed;
  std::size_t groups = 0;
  // What is older was taken for a run still to come; runs that are done looked away from it long ago.
  Time oldest = clock_.now() - options_.lateness;
  closed_.read([&](const auto& closed) {
    for (const auto& [key, delta] : deltas) {
      auto found = closed.find(key.scan);
      if (found == closed.end() || key.minute * kMinute >= found->second) continue;
      if ((key.minute + 1) * kMinute <= oldest) continue;
      ++groups;
      changed.emplace(key.scan, key.minute);
    }
  });
  probe_.late(groups);
  for (auto [scan, minute] : changed) {
    if (auto done = note_late_minute(database, scan, minute); !done) return done;
  }
  return {};
}

// At most once a minute, since late events seldom come alone. What is noted stays until its windows have been
// run again, through a restart too.
Result<void> JournalRunner::run_late_again(Time now) {
  if (stopping_ || floor_to(now, kMinute) == looked_late_) return {};
  looked_late_ = floor_to(now, kMinute);
  auto late = read_late_minutes(*reader_);
  if (!late) return std::unexpected(late.error());
  if (late->empty()) return {};
  Result<void> first_error = store_.fold();
  if (!first_error) return first_error;
  std::set<std::uint64_t> not_done;
  for (const auto& scheduled : timetable_.detections()) {
    std::vector<LateMinute> minutes;
    std::ranges::copy_if(*late, std::back_inserter(minutes),
                         [&](const LateMinute& each) { return scheduled.reads(each.scan); });
    if (minutes.empty()) continue;
    Result<void> done = run_again(scheduled, minutes, now);
    if (done && !stopping_) continue;
    for (const auto& each : minutes) not_done.insert(each.scan);
    if (!done && first_error) first_error = std::move(done);
  }
  if (stopping_) return first_error;
  std::erase_if(*late, [&](const LateMinute& each) { return not_done.contains(each.scan); });
  if (late->empty()) return first_error;
  auto removed = store_.write_and_wait([&](store::Database& database) -> Result<void> {
    for (const auto& each : *late) {
      if (auto gone = remove_late_minute(database, each); !gone) return gone;
    }
    return {};
  });
  return first_error ? removed : first_error;
}

// A window that began before the search had its state was run by another search, or lacks events: running it
// again would take back what it told.
Result<void> JournalRunner::run_again(const Scheduled& scheduled, std::span<const LateMinute> minutes,
                                      Time now) {
  std::map<Time, schedule::Window> windows;
  for (const auto& late : minutes) {
    auto found = read_windows_with(*reader_, scheduled.name(), late.minute * kMinute, scheduled.last_run);
    if (!found) return std::unexpected(found.error());
    for (const auto& window : *found) {
      if (scheduled.has(window)) windows.emplace(window.scheduled, window);
    }
  }
  for (const auto& [time, window] : windows) {
    if (stopping_) return {};
    Run run{.id = ++last_run_id_,
            .detection = *scheduled.detection,
            .window = window,
            .search_time = now,
            .again = true};
    if (auto rows = evaluate(run); !rows) return std::unexpected(rows.error());
    probe_.ran_again(scheduled.name());
  }
  return {};
}

Result<void> JournalRunner::clean_up(Time now) {
  if (floor_to(now, kMinute) == cleaned_up_) return {};
  cleaned_up_ = floor_to(now, kMinute);
  auto oldest_needed = timetable_.oldest_needed(now);
  auto first_kept = [&](std::uint64_t scan) {
    auto found = oldest_needed.find(scan);
    Time oldest = found == oldest_needed.end() ? now : found->second;
    return floor_to(oldest - options_.lateness, kMinute) / kMinute;
  };
  if (auto removed = remove_panes(store_, *reader_, first_kept); !removed) return removed;
  std::int64_t oldest_minute = floor_to(now, kMinute) / kMinute;
  for (const auto& [scan, oldest] : oldest_needed) oldest_minute = std::min(oldest_minute, first_kept(scan));
  if (auto removed = remove_seen(store_, *reader_, oldest_minute); !removed) return removed;
  if (auto removed = remove_empty_runs(store_, *reader_, now - options_.lateness); !removed) return removed;
  if (floor_to(now, kHour) == swept_) return {};
  swept_ = floor_to(now, kHour);
  auto aside = store::remove_old(store_, *reader_, {"aside", "seq", "received"},
                                 {now - options_.aside_age, options_.aside_most});
  if (!aside) return std::unexpected(aside.error());
  probe_.removed_aside(*aside);
  return sink_.clean_up(now, options_.lateness, timetable_.catalogue());
}

void JournalRunner::show_lags(Time now) {
  for (const auto& scheduled : timetable_.detections()) {
    if (!scheduled.current()) continue;
    probe_.lag(scheduled.name(), now - scheduled.last_run, timetable_.due(scheduled));
  }
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::make(store::Store& store, const Clock& clock, RunSink& sink,
                                             match::SharedTimeBounds& bounds, Barrier barrier,
                                             RunnerOptions options, prometheus::Registry& registry) {
  auto reader = store.reader();
  if (!reader) return std::unexpected(reader.error());
  if (auto prepared = store.write_and_wait(prepare_tables); !prepared)
    return std::unexpected(prepared.error());
  auto last_run_id = read_last_run_id(**reader);
  if (!last_run_id) return std::unexpected(last_run_id.error());
  return std::make_unique<JournalRunner>(store, *std::move(reader), *last_run_id, clock, sink, bounds,
                                         std::move(barrier), options, registry);
}

}  // namespace hecate::window
