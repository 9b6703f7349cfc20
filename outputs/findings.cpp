#include "outputs/findings.h"

#include "absl/container/flat_hash_map.h"
#include "outputs/finding.h"
#include "outputs/schema.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace hecate::outputs {
namespace {

// What the writer thread did with the rows of a run. Read by the runner's thread after the run's last commit.
struct RunCounts {
  std::uint64_t told = 0;
  std::uint64_t told_before = 0;
  std::uint64_t throttled = 0;
};

// The parts of a run and its detection that storing needs, on another thread and perhaps after a reload.
struct RunFacts {
  std::int64_t id;
  std::string detection;
  schedule::Window window;
  Time search_time;
  bool early;
  Time throttle_period;
  bool deliver;
};

// Puts findings into the database, inside a transaction of the journal's writer.
class Recorder {
 public:
  Recorder(store::Database& database, const RunFacts& run, RunCounts& counts)
      : database_(database), run_(run), counts_(counts) {}

  // What runs that never were done have left.
  Result<void> clear_undone() {
    for (const char* sql :
         {"DELETE FROM finding WHERE run IN (SELECT run FROM run WHERE detection = ? AND done = 0)",
          "DELETE FROM outbox WHERE run IN (SELECT run FROM run WHERE detection = ? AND done = 0)",
          "DELETE FROM throttle WHERE run IN (SELECT run FROM run WHERE detection = ? AND done = 0)"}) {
      auto statement = database_.prepare(sql);
      if (!statement) return std::unexpected(statement.error());
      (*statement)->bind_text(1, run_.detection);
      if (auto done = (*statement)->run(); !done) return done;
    }
    return {};
  }

  Result<void> record(const Finding& finding) {
    auto before = run_that_told(finding.id);
    if (!before) return std::unexpected(before.error());
    if (*before == run_.id) return {};
    if (*before != kNobody) {
      ++counts_.told_before;
      return run_.early ? Result<void>() : update(finding);
    }
    if (!finding.throttle_values.empty()) {
      auto throttled = is_throttled(finding);
      if (!throttled) return std::unexpected(throttled.error());
      if (*throttled) {
        ++counts_.throttled;
        return {};
      }
      if (auto done = note_told(finding); !done) return done;
    }
    ++counts_.told;
    if (auto done = insert(finding); !done) return done;
    return run_.deliver ? queue(finding) : Result<void>();
  }

 private:
  static constexpr std::int64_t kNobody = -1;

  Result<std::int64_t> run_that_told(std::string_view id) {
    auto statement = database_.prepare("SELECT run FROM finding WHERE id = ?");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind_text(1, id);
    auto found = (*statement)->step();
    if (!found) return std::unexpected(found.error());
    std::int64_t run = *found ? (*statement)->integer(0) : kNobody;
    (*statement)->reset();
    return run;
  }

  // By scheduled time: a finding told at T stands for those of the period after it.
  Result<bool> is_throttled(const Finding& finding) {
    auto statement = database_.prepare(
        "SELECT 1 FROM throttle WHERE detection = ? AND vals = ? AND told_at > ? AND told_at <= ? LIMIT 1");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind_text(1, run_.detection).bind_text(2, finding.throttle_values);
    (*statement)->bind(3, run_.window.scheduled - run_.throttle_period).bind(4, run_.window.scheduled);
    auto found = (*statement)->step();
    (*statement)->reset();
    return found;
  }

  Result<void> note_told(const Finding& finding) {
    auto statement = database_.prepare(
        "INSERT OR IGNORE INTO throttle (detection, vals, told_at, run) VALUES (?, ?, ?, ?)");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind_text(1, run_.detection).bind_text(2, finding.throttle_values);
    (*statement)->bind(3, run_.window.scheduled).bind(4, run_.id);
    return (*statement)->run();
  }

  Result<void> insert(const Finding& finding) {
    auto statement = database_.prepare(
        "INSERT INTO finding (id, revision, run, detection, created, earliest, latest, status, body)"
        " VALUES (?, 1, ?, ?, ?, ?, ?, 'new', ?)");
    if (!statement) return std::unexpected(statement.error());
    (*statement)
        ->bind_text(1, finding.id)
        .bind(2, run_.id)
        .bind_text(3, run_.detection)
        .bind(4, run_.search_time);
    (*statement)->bind(5, run_.window.earliest).bind(6, run_.window.latest).bind_text(7, finding.body);
    return (*statement)->run();
  }

  Result<void> update(const Finding& finding) {
    auto statement = database_.prepare("UPDATE finding SET body = ? WHERE id = ?");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind_text(1, finding.body).bind_text(2, finding.id);
    return (*statement)->run();
  }

  Result<void> queue(const Finding& finding) {
    if (!finding.notable.empty()) {
      if (auto done = queue(finding.id, "notable", finding.notable); !done) return done;
    }
    for (const std::string& risk : finding.risks)
      if (auto done = queue(finding.id, "risk", risk); !done) return done;
    return {};
  }

  Result<void> queue(std::string_view id, std::string_view kind, std::string_view payload) {
    auto statement =
        database_.prepare("INSERT INTO outbox (run, finding, kind, queued, payload) VALUES (?, ?, ?, ?, ?)");
    if (!statement) return std::unexpected(statement.error());
    (*statement)
        ->bind(1, run_.id)
        .bind_text(2, id)
        .bind_text(3, kind)
        .bind(4, run_.search_time)
        .bind_text(5, payload);
    return (*statement)->run();
  }

  store::Database& database_;
  const RunFacts& run_;
  RunCounts& counts_;
};

// Enough of an id to tell a run's rows apart: were two ever to share it, one would get an ordinal that it
// need not.
std::uint64_t short_id(const std::string& id) {
  return std::stoull(id.substr(0, 16), nullptr, 16);
}

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "hecate";
}

class StoredFindings final : public Findings {
 public:
  StoredFindings(std::unique_ptr<store::Database> reader, FindingOptions options,
                 prometheus::Registry& registry, FindingListener listener)
      : reader_(std::move(reader)),
        options_(std::move(options)),
        listener_(std::move(listener)),
        told_(prometheus::BuildCounter()
                  .Name("hecate_findings_total")
                  .Help("Findings told, by detection")
                  .Register(registry)),
        suppressed_(prometheus::BuildCounter()
                        .Name("hecate_findings_suppressed_total")
                        .Help("Result rows that made no finding: throttled, or told before under the same id")
                        .Register(registry)) {
    if (options_.host.empty()) options_.host = machine_name();
  }

  void row(const window::Run& run, const spl::ResultRow& row, const store::Sample* sample) override {
    const catalogue::Detection& detection = run.detection.detection;
    if (!detection.notable && !detection.risk) return;
    begin(run);
    int ordinal = seen_[short_id(finding_id(detection.name, run.window, row, 0))]++;
    kept_.push_back(make_finding(run, row, sample, options_, ordinal));
  }

  [[nodiscard]] store::Store::Job take(const window::Run& run) override {
    begin(run);
    bool first = std::exchange(untaken_, false);
    if (kept_.empty() && !first) return nullptr;
    RunFacts facts{run.id,          run.detection.detection.name,
                   run.window,      run.search_time,
                   run.early,       run.detection.detection.throttle.period,
                   options_.deliver};
    return [facts = std::move(facts), first, findings = std::exchange(kept_, {}),
            counts = counts_](store::Database& database) -> Result<void> {
      Recorder recorder(database, facts, *counts);
      if (first)
        if (auto done = recorder.clear_undone(); !done) return done;
      for (const Finding& finding : findings)
        if (auto done = recorder.record(finding); !done) return done;
      return {};
    };
  }

  [[nodiscard]] std::size_t pending() const override { return kept_.size(); }

  void done(const window::Run& run) override {
    begin(run);
    const std::string& name = run.detection.detection.name;
    told_.Add({{"detection", name}}).Increment(static_cast<double>(counts_->told));
    count_suppressed(name, "throttled", counts_->throttled);
    count_suppressed(name, "told_before", counts_->told_before);
    if (listener_ && counts_->told > 0) {
      if (auto listed = list_new(run); !listed)
        spdlog::error("findings of {} are stored but could not be read to be printed: {}", name,
                      listed.error().message);
    }
    current_.reset();
  }

 private:
  // Forgets the run before, whether it was done or given up.
  void begin(const window::Run& run) {
    std::pair attempt(run.id, run.search_time);
    if (current_ == attempt) return;
    current_ = attempt;
    untaken_ = true;
    seen_.clear();
    kept_.clear();
    counts_ = std::make_shared<RunCounts>();
  }

  void count_suppressed(const std::string& detection, const char* reason, std::uint64_t count) {
    if (count > 0)
      suppressed_.Add({{"detection", detection}, {"reason", reason}}).Increment(static_cast<double>(count));
  }

  Result<void> list_new(const window::Run& run) {
    auto statement = reader_->prepare("SELECT created, body FROM finding WHERE run = ? ORDER BY rowid");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind(1, run.id);
    for (;;) {
      auto more = (*statement)->step();
      if (!more) return std::unexpected(more.error());
      if (!*more) return {};
      listener_(shown((*statement)->integer(0), (*statement)->text(1)));
    }
  }

  std::unique_ptr<store::Database> reader_;
  FindingOptions options_;
  FindingListener listener_;
  prometheus::Family<prometheus::Counter>& told_;
  prometheus::Family<prometheus::Counter>& suppressed_;

  std::optional<std::pair<std::int64_t, Time>> current_;  // run and search time
  bool untaken_ = true;                                   // nothing of this run was taken yet
  absl::flat_hash_map<std::uint64_t, int> seen_;          // of this run's rows, by short id: how many had it
  std::vector<Finding> kept_;
  std::shared_ptr<RunCounts> counts_ = std::make_shared<RunCounts>();
};

}  // namespace

Result<void> prepare_tables(store::Store& store) {
  return store.write_and_wait([](store::Database& database) { return database.migrate("outputs", kSchema); });
}

Result<std::unique_ptr<Findings>> Findings::make(store::Store& store, FindingOptions options,
                                                 prometheus::Registry& registry, FindingListener listener) {
  if (auto prepared = prepare_tables(store); !prepared) return std::unexpected(prepared.error());
  auto reader = store.reader();
  if (!reader) return std::unexpected(reader.error());
  return std::make_unique<StoredFindings>(std::move(*reader), std::move(options), registry,
                                          std::move(listener));
}

Result<std::string> list_findings(store::Database& reader, Time since, int limit) {
  auto statement = reader.prepare(
      "SELECT f.created, f.body FROM finding f JOIN run r ON r.run = f.run"
      " WHERE r.done = 1 AND f.created >= ? ORDER BY f.created DESC, f.rowid DESC LIMIT ?");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind(1, since).bind(2, static_cast<std::int64_t>(limit));
  std::string list = "[";
  for (;;) {
    auto more = (*statement)->step();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (list.size() > 1) list += ",\n ";
    list += shown((*statement)->integer(0), (*statement)->text(1));
  }
  return list + "]\n";
}

}  // namespace hecate::outputs
