#include "daemon/content.h"
#include "outputs/findings.h"
#include "outputs/outbox_cursor.h"
#include "pipeline/base/clock.h"
#include "pipeline/match/matcher.h"
#include "pipeline/window/runner.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <prometheus/registry.h>
#include <stdlib.h>

namespace hecate::daemon {
namespace {

// The time of a replay: it stands where the replay has come to.
class ReplayClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return now_.load(std::memory_order_relaxed); }
  void set(Time now) { now_ = now; }

 private:
  std::atomic<Time> now_{0};
};

// A folder for the journal of a replay; gone with it.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hecate-replay-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What the files hold for the detections, and the whole minutes from when to when.
struct Evaluated {
  store::DeltaSet deltas;
  Time first = std::numeric_limits<Time>::max();
  Time last = std::numeric_limits<Time>::min();
  bool complete = true;
};

Evaluated evaluate_files(const InputOptions& input, std::shared_ptr<const catalogue::Catalogue> catalogue) {
  Evaluated all;
  match::Matcher matcher(std::make_shared<const match::ScanSet>(std::move(catalogue)),
                         match::Panes::by_minute);
  Time now = SystemClock().now();
  ProgressLine progress;
  std::uint64_t arrival = 0;
  for (const std::string& file : input.files) {
    auto read = decode::read_events(
        file, input_format(input.format), file_defaults(input),
        [&](EventView& event) {
          event.arrival = arrival++;
          matcher.evaluate(event, now, all.deltas);
        },
        progress.sink(file));
    all.complete &= tell_read(file, read);
  }
  for (const auto& [key, delta] : all.deltas) {
    all.first = std::min(all.first, key.minute * kMinute);
    all.last = std::max(all.last, (key.minute + 1) * kMinute - 1);
  }
  return all;
}

// The journal, runner and findings of a replay, on its own clock.
class Replay {
 public:
  Result<void> open() {
    if (folder_.path().empty())
      return fail("no folder for the replay's state could be made; is TMPDIR writable?");
    auto store = store::Store::open(folder_.path(), clock_, registry_);
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    outputs::FindingOptions options;
    options.deliver = true;  // so that what would be posted is made
    auto findings = outputs::Findings::make(*store_, options, registry_, [](std::string_view) {});
    if (!findings) return std::unexpected(findings.error());
    findings_ = std::move(*findings);
    auto runner = window::Runner::make(
        *store_, clock_, *findings_, time_bounds_, [] {}, {}, registry_);
    if (!runner) return std::unexpected(runner.error());
    runner_ = std::move(*runner);
    store_->set_commit_listener([this](const store::DeltaSet& deltas) { runner_->committed(deltas); });
    return {};
  }

  ~Replay() {
    if (store_) store_->set_commit_listener({});
  }

  // Lets the time of the events pass, run after run.
  Result<void> run(Evaluated events, const std::shared_ptr<const catalogue::Catalogue>& catalogue) {
    clock_.set(events.first - 1);
    if (auto set = runner_->set_catalogue(catalogue); !set) return set;
    if (auto done = submit(std::move(events.deltas)); !done) return done;
    if (auto done = step(clock_.now()); !done) return done;
    Time reach = 0;  // how far behind its scheduled time a run looks
    for (const catalogue::LoadedDetection& each : catalogue->detections)
      reach = std::max(reach, clock_.now() - each.schedule.window(clock_.now()).earliest);
    while (runner_->next_due() <= events.last + reach + kMinute)
      if (auto done = step(runner_->next_due()); !done) return done;
    return {};
  }

 private:
  Result<void> submit(store::DeltaSet&& deltas) {
    store_->submit(std::move(deltas), [](store::Store::Outcome) {});
    return store_->write_and_wait([](store::Database&) -> Result<void> { return {}; });
  }

  Result<void> step(Time now) {
    clock_.set(now);
    if (auto runs = runner_->advance(now); !runs) return std::unexpected(runs.error());
    return print_told();
  }

  // Prints and forgets what the runs of this step would have posted.
  Result<void> print_told() {
    struct Told {
      std::string detection;
      Time earliest, latest;
      int findings = 0;
    };
    std::vector<Told> windows;
    Result<void> written = store_->write_and_wait([&](store::Database& database) -> Result<void> {
      outputs::OutboxCursor rows(database, rules_);
      Result<bool> more = rows.next();
      for (; more && *more; more = rows.next()) {
        auto envelope = rows.envelope();
        if (!envelope) return std::unexpected(envelope.error());
        fmt::print("{}\n", *envelope);
        Told told{std::string(rows.detection()), rows.earliest(), rows.latest()};
        bool same = !windows.empty() && windows.back().detection == told.detection &&
                    windows.back().earliest == told.earliest;
        if (!same) windows.push_back(told);
        windows.back().findings += rows.kind() == "notable";
      }
      if (!more) return std::unexpected(more.error());
      return database.execute("DELETE FROM outbox");
    });
    std::fflush(stdout);
    for (const Told& told : windows)
      fmt::print(stderr, "[{}, {})  {}: {} findings\n", format_iso(told.earliest), format_iso(told.latest),
                 told.detection, told.findings);
    return written;
  }

  ScratchFolder folder_;
  ReplayClock clock_;
  prometheus::Registry registry_;
  match::SharedTimeBounds time_bounds_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<outputs::Findings> findings_;
  outputs::StoredRules rules_;
  std::unique_ptr<window::Runner> runner_;
};

}  // namespace

int replay(const ReplayOptions& options) {
  auto catalogue = load_content(options.content);
  if (!catalogue) return 2;
  Evaluated events = evaluate_files(options.input, catalogue);
  bool complete = events.complete;
  if (events.deltas.empty()) {
    fmt::print(stderr, "no detection took any of these events\n");
    return complete ? 0 : 1;
  }
  Replay replay;
  Result<void> done = replay.open();
  if (done) done = replay.run(std::move(events), catalogue);
  if (!done) {
    fmt::print(stderr, "hecate: {}\n", done.error().message);
    return 1;
  }
  return complete ? 0 : 1;
}

}  // namespace hecate::daemon
