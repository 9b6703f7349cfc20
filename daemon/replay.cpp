#include "daemon/content.h"
#include "daemon/interruption.h"
#include "daemon/output.h"
#include "daemon/telling_runs.h"
#include "outputs/findings.h"
#include "outputs/outbox_cursor.h"
#include "pipeline/base/clock.h"
#include "pipeline/match/matcher.h"
#include "pipeline/window/runner.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
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
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder() = default;
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  Result<void> make() {
    const char* given = std::getenv("TMPDIR");
    std::string parent = given != nullptr && *given != '\0' ? given : "/tmp";
    std::string pattern = parent + "/hecate-replay-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      return fail(fmt::format(
          "no folder for the replay's state could be made in {}: {}; let TMPDIR name a folder that can be "
          "written",
          parent, std::strerror(errno)));
    path_ = pattern;
    return {};
  }
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
  all.complete =
      read_files(input, [&](EventView& event, Time now) { matcher.evaluate(event, now, all.deltas); });
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
    if (auto made = folder_.make(); !made) return made;
    store::StoreOptions scratch;
    scratch.database.synchronous = false;  // nobody starts again from it
    auto store = store::Store::open(folder_.path(), clock_, registry_, scratch);
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    auto reader = store_->reader();
    if (!reader) return std::unexpected(reader.error());
    reader_ = std::move(*reader);
    outputs::FindingOptions options;
    options.deliver = true;  // so that what would be posted is made
    auto findings = outputs::Findings::make(*store_, options, registry_, [](std::string_view) {});
    if (!findings) return std::unexpected(findings.error());
    findings_ = std::move(*findings);
    auto runner = window::Runner::make(*store_, clock_, *findings_, time_bounds_, [] {}, {}, registry_);
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
    Time first = events.first;
    clock_.set(first - 1);
    if (auto set = runner_->set_catalogue(catalogue); !set) return set;
    Time reach = 0;  // how far behind its scheduled time a run looks
    for (const catalogue::LoadedDetection& each : catalogue->detections)
      reach = std::max(reach, clock_.now() - each.schedule.window(clock_.now()).earliest);
    Time last = events.last + reach + kMinute;
    TellingRuns telling(*catalogue, events.deltas, last);
    if (auto done = submit(std::move(events.deltas)); !done) return done;
    if (auto done = step(clock_.now()); !done) return done;
    while (Interruption::signal() == 0) {
      Time next = telling.next(runner_->next_due());
      if (next > last) break;
      runner_->pass_over(next);
      if (auto done = step(next); !done) return done;
      progress_.tell([&] {
        return fmt::format("replay has come to {}, {}% of the time", format_iso(next),
                           100 * (next - first) / (last - first));
      });
    }
    return {};
  }

  [[nodiscard]] std::string summary() const {
    return fmt::format("{}, in {}", told_.text(), counted(windows_, "window"));
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

  struct Told {
    std::string detection;
    Time earliest = 0, latest = 0;
    std::int64_t findings = 0, risk_events = 0;
    [[nodiscard]] std::string text() const {
      return fmt::format("{}, {}", counted(findings, "finding"), counted(risk_events, "risk event"));
    }
  };

  static std::string counted(std::int64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  }

  // Prints and forgets what the runs of this step would have posted.
  Result<void> print_told() {
    std::vector<Told> windows;
    auto printed = print_outbox(windows);
    if (!printed) return printed;
    if (windows.empty()) return {};
    if (auto flushed = flush_output(); !flushed) return flushed;
    progress_.clear();
    for (const Told& told : windows) {
      fmt::print(stderr, "[{}, {})  {}: {}\n", format_iso(told.earliest), format_iso(told.latest),
                 told.detection, told.text());
      told_.findings += told.findings;
      told_.risk_events += told.risk_events;
    }
    windows_ += static_cast<std::int64_t>(windows.size());
    return store_->write_and_wait(
        [](store::Database& database) { return database.execute("DELETE FROM outbox"); });
  }

  Result<void> print_outbox(std::vector<Told>& windows) {
    outputs::OutboxCursor rows(*reader_, rules_);
    Result<bool> more = rows.next();
    for (; more && *more; more = rows.next()) {
      auto envelope = rows.envelope();
      if (!envelope) return std::unexpected(envelope.error());
      if (windows.empty()) progress_.clear();
      fmt::print("{}\n", *envelope);
      bool same = !windows.empty() && windows.back().detection == rows.detection() &&
                  windows.back().earliest == rows.earliest();
      if (!same)
        windows.push_back({.detection = std::string(rows.detection()),
                           .earliest = rows.earliest(),
                           .latest = rows.latest()});
      ++(rows.kind() == "notable" ? windows.back().findings : windows.back().risk_events);
    }
    if (!more) return std::unexpected(more.error());
    return {};
  }

  ScratchFolder folder_;
  ReplayClock clock_;
  prometheus::Registry registry_;
  match::SharedTimeBounds time_bounds_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Database> reader_;
  std::unique_ptr<outputs::Findings> findings_;
  outputs::StoredRules rules_;
  std::unique_ptr<window::Runner> runner_;
  ProgressLine progress_;
  Told told_;  // in all
  std::int64_t windows_ = 0;
};

}  // namespace

int replay(const ReplayOptions& options) {
  auto [catalogue, whole] = load_content(options.content);
  if (!catalogue) return 2;
  Evaluated events = evaluate_files(options.input, catalogue);
  bool complete = whole && events.complete;
  if (events.deltas.empty()) {
    fmt::print(stderr, "no detection took any of these events\n");
    return complete ? 0 : 1;
  }
  Interruption interruption;  // so that the scratch folder goes
  Replay replay;
  Result<void> done = replay.open();
  if (done) done = replay.run(std::move(events), catalogue);
  if (!done) {
    fmt::print(stderr, "hecate: {}\n", done.error().message);
    return 1;
  }
  fmt::print(stderr, "{}\n", replay.summary());
  if (Interruption::signal() != 0) {
    fmt::print(stderr, "hecate: stopped before the end of the events\n");
    return Interruption::exit_code();
  }
  return complete ? 0 : 1;
}

}  // namespace hecate::daemon
