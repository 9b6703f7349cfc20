#include "outputs/findings.h"

#include "absl/container/flat_hash_map.h"
#include "outputs/finding.h"
#include "outputs/schema.h"
#include "outputs/stored.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <unistd.h>

namespace hecate::outputs {
namespace {

// What the writer thread did with the rows of a run. Read by the runner's thread after the run's last commit.
struct RunCounts {
  std::uint64_t told = 0;
  std::uint64_t revised = 0;
  std::uint64_t withdrawn = 0;
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
  std::string withdraw_into;  // the index of notables that take findings back; empty: none are posted
};

// A row told, and what is to be done about it.
struct Telling {
  enum class What {
    tell,    // it was not told
    revise,  // it was, and says something else now
    update,  // only counts and the like are others
    keep,    // nothing has changed
  };
  What what = What::tell;
  Finding finding;
};

// What is stored of an id: its newest visible revision.
struct Stored {
  int revision = 0;
  std::string status;
  std::int64_t plain = 0;
  std::string body;
};

// Puts findings into the database, inside a transaction of the journal's writer.
class Recorder {
 public:
  Recorder(store::Database& database, const RunFacts& run, const FindingOptions& options, RunCounts& counts)
      : database_(database), run_(run), options_(options), counts_(counts) {}

  // What runs that never were done have left.
  Result<void> clear_undone() {
    for (const char* sql :
         {"DELETE FROM finding WHERE run IN (SELECT run FROM run WHERE detection = ? AND done = 0)",
          "DELETE FROM outbox WHERE run IN (SELECT run FROM run WHERE detection = ? AND done = 0)",
          "DELETE FROM throttle WHERE run IN (SELECT run FROM run WHERE detection = ? AND done = 0)",
          "DELETE FROM risk_object WHERE run IN (SELECT run FROM run WHERE detection = ? AND done = 0)"}) {
      auto statement = database_.prepare(sql);
      if (!statement) return std::unexpected(statement.error());
      (*statement)->bind_text(1, run_.detection);
      if (auto done = (*statement)->run(); !done) return done;
    }
    return {};
  }

  Result<void> record(const Telling& telling) {
    const Finding& finding = telling.finding;
    switch (telling.what) {
      case Telling::What::tell:
        return tell(finding);
      case Telling::What::revise:
        ++counts_.revised;
        if (auto done = insert(finding, "revised"); !done) return done;
        if (auto done = mark_seen(finding.id); !done) return done;
        return queue(finding);
      case Telling::What::update:
        if (auto done = update(finding); !done) return done;
        break;
      case Telling::What::keep:
        break;
    }
    if (run_.early) return {};
    ++counts_.told_before;
    return mark_seen(finding.id);
  }

  // What was told of this window and no row shows any more is taken back.
  Result<void> withdraw() {
    auto gone = database_.cursor(
        "SELECT f.id, f.revision, f.plain, f.body FROM finding f JOIN run r ON r.run = f.run"
        " WHERE f.detection = ? AND f.earliest = ? AND f.latest = ? AND f.seen <> ? AND r.done = 1"
        " AND f.status <> 'withdrawn' AND NOT EXISTS (SELECT 1 FROM finding n JOIN run q ON q.run = n.run"
        "   WHERE n.id = f.id AND n.revision > f.revision AND (q.done = 1 OR q.run = ?)) ORDER BY f.rowid");
    if (!gone) return std::unexpected(gone.error());
    (*gone)->bind_text(1, run_.detection).bind(2, run_.window.earliest).bind(3, run_.window.latest);
    (*gone)->bind(4, run_.id).bind(5, run_.id);
    std::vector<Finding> findings;
    auto read = (*gone)->each_row([&] {
      Finding& finding = findings.emplace_back();
      finding.id = (*gone)->text(0);
      finding.revision = static_cast<int>((*gone)->integer(1)) + 1;
      finding.plain = (*gone)->integer(2);
      finding.body = (*gone)->text(3);
      if (!run_.withdraw_into.empty())
        finding.notable =
            withdrawal(finding.body, finding.revision, run_.search_time, run_.withdraw_into, options_);
    });
    if (!read) return read;
    for (const Finding& finding : findings) {
      ++counts_.withdrawn;
      if (auto done = insert(finding, "withdrawn"); !done) return done;
      if (auto done = queue(finding); !done) return done;
    }
    return {};
  }

 private:
  Result<void> tell(const Finding& finding) {
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
    if (auto done = insert(finding, "new"); !done) return done;
    return queue(finding);
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

  Result<void> insert(const Finding& finding, std::string_view status) {
    auto statement = database_.prepare(
        "INSERT INTO finding"
        " (id, revision, run, detection, created, earliest, latest, status, plain, seen, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind_text(1, finding.id).bind(2, std::int64_t{finding.revision}).bind(3, run_.id);
    (*statement)->bind_text(4, run_.detection).bind(5, run_.search_time).bind(6, run_.window.earliest);
    (*statement)->bind(7, run_.window.latest).bind_text(8, status).bind(9, finding.plain).bind(10, run_.id);
    (*statement)->bind_text(11, finding.body);
    return (*statement)->run();
  }

  // The newest revision that is visible; `finding.revision` is the one that would come after it.
  Result<void> update(const Finding& finding) {
    auto statement =
        database_.prepare("UPDATE finding SET body = ?, plain = ? WHERE id = ? AND revision = ?");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind_text(1, finding.body).bind(2, finding.plain).bind_text(3, finding.id);
    return (*statement)->bind(4, std::int64_t{finding.revision - 1}).run();
  }

  Result<void> mark_seen(std::string_view id) {
    auto statement = database_.prepare("UPDATE finding SET seen = ? WHERE id = ?");
    if (!statement) return std::unexpected(statement.error());
    return (*statement)->bind(1, run_.id).bind_text(2, id).run();
  }

  // A revision brings a risk event only for an object that had none.
  Result<void> queue(const Finding& finding) {
    if (!run_.deliver) return {};
    if (!finding.notable.empty()) {
      if (auto done = queue(finding.id, "notable", finding.notable); !done) return done;
    }
    for (const Finding::Risk& risk : finding.risks) {
      auto statement = database_.prepare(
          "INSERT OR IGNORE INTO risk_object (finding, type, object, run) VALUES (?, ?, ?, ?)");
      if (!statement) return std::unexpected(statement.error());
      (*statement)
          ->bind_text(1, finding.id)
          .bind_text(2, risk.type)
          .bind_text(3, risk.object)
          .bind(4, run_.id);
      if (auto done = (*statement)->run(); !done) return done;
      if (sqlite3_changes(database_.handle()) == 0) continue;
      if (auto done = queue(finding.id, "risk", risk.event); !done) return done;
    }
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
  const FindingOptions& options_;
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
  StoredFindings(store::Store& store, std::unique_ptr<store::Database> reader, FindingOptions options,
                 prometheus::Registry& registry, FindingListener listener)
      : store_(store),
        reader_(std::move(reader)),
        options_(std::move(options)),
        listener_(std::move(listener)),
        told_(prometheus::BuildCounter()
                  .Name("hecate_findings_total")
                  .Help("Findings told, by detection")
                  .Register(registry)),
        revised_(prometheus::BuildCounter()
                     .Name("hecate_findings_revised_total")
                     .Help("Revisions of findings, by detection: the row says something else than was told")
                     .Register(registry)),
        withdrawn_(prometheus::BuildCounter()
                       .Name("hecate_findings_withdrawn_total")
                       .Help("Findings taken back, by detection: with late events their row is gone")
                       .Register(registry)),
        removed_(
            prometheus::BuildCounter()
                .Name("hecate_findings_removed_total")
                .Help("What was removed because of its age or number (retention): findings, parked envelopes")
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
    std::string id = finding_id(detection.name, run.window, row, sample, 0);
    if (int ordinal = seen_[short_id(id)]++; ordinal > 0)
      id = finding_id(detection.name, run.window, row, sample, ordinal);
    auto stored = told_window_ ? read_stored(id) : std::optional<Stored>();
    int revision = stored ? stored->revision + 1 : 1;
    Finding finding = make_finding(run, row, sample, options_, id, revision);
    kept_.push_back({what_to_do(detection, stored, finding), std::move(finding)});
  }

  [[nodiscard]] Result<store::Store::Job> take(const window::Run& run, bool last) override {
    begin(run);
    if (error_) {
      kept_.clear();
      return std::unexpected(*error_);
    }
    bool first = std::exchange(untaken_, false);
    bool withdraw = last && told_window_ && !run.early;
    if (kept_.empty() && !first && !withdraw) return store::Store::Job();
    const catalogue::Detection& detection = run.detection.detection;
    bool post_withdrawn = detection.notable && detection.revise != catalogue::Revise::never;
    RunFacts facts{run.id,           detection.name,
                   run.window,       run.search_time,
                   run.early,        detection.throttle.period,
                   options_.deliver, post_withdrawn ? detection.index : ""};
    return store::Store::Job([this, facts = std::move(facts), first, withdraw,
                              tellings = std::exchange(kept_, {}),
                              counts = counts_](store::Database& database) -> Result<void> {
      Recorder recorder(database, facts, options_, *counts);
      if (first)
        if (auto done = recorder.clear_undone(); !done) return done;
      for (const Telling& telling : tellings)
        if (auto done = recorder.record(telling); !done) return done;
      return withdraw ? recorder.withdraw() : Result<void>();
    });
  }

  [[nodiscard]] std::size_t pending() const override { return kept_.size(); }

  void done(const window::Run& run) override {
    begin(run);
    const std::string& name = run.detection.detection.name;
    told_.Add({{"detection", name}}).Increment(static_cast<double>(counts_->told));
    if (counts_->revised > 0)
      revised_.Add({{"detection", name}}).Increment(static_cast<double>(counts_->revised));
    if (counts_->withdrawn > 0)
      withdrawn_.Add({{"detection", name}}).Increment(static_cast<double>(counts_->withdrawn));
    count_suppressed(name, "throttled", counts_->throttled);
    count_suppressed(name, "told_before", counts_->told_before);
    if (listener_ && counts_->told + counts_->revised + counts_->withdrawn > 0) {
      if (auto listed = list_new(run); !listed)
        spdlog::error("findings of {} are stored but could not be read to be printed: {}", name,
                      listed.error().message);
    }
    current_.reset();
  }

  [[nodiscard]] Result<void> clean_up(Time now, Time lateness, const catalogue::Catalogue& running) override {
    RetentionNeeds needs{.lateness = lateness, .longest_throttle = 0};
    for (const auto& each : running.detections)
      needs.longest_throttle = std::max(needs.longest_throttle, each.detection.throttle.period);
    auto removed = remove_old_findings(store_, *reader_, now, options_.retention, needs);
    if (!removed) return std::unexpected(removed.error());
    removed_.Add({{"what", "finding"}}).Increment(static_cast<double>(removed->findings));
    removed_.Add({{"what", "parked"}}).Increment(static_cast<double>(removed->parked));
    return {};
  }

 private:
  // Forgets the run before, whether it was done or given up.
  void begin(const window::Run& run) {
    std::pair attempt(run.id, run.search_time);
    if (current_ == attempt) return;
    current_ = attempt;
    untaken_ = true;
    error_.reset();
    seen_.clear();
    kept_.clear();
    counts_ = std::make_shared<RunCounts>();
    told_window_ = false;
    if (auto told = was_told(run.detection.detection.name, run.window); told)
      told_window_ = *told;
    else
      error_ = told.error();
  }

  // Whether anything was ever told of this window: most windows are new, and their rows need not be looked
  // up.
  Result<bool> was_told(const std::string& detection, const schedule::Window& window) {
    auto statement =
        reader_->prepare("SELECT 1 FROM finding WHERE detection = ? AND earliest = ? AND latest = ? LIMIT 1");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind_text(1, detection).bind(2, window.earliest).bind(3, window.latest);
    auto found = (*statement)->step();
    (*statement)->reset();
    return found;
  }

  // All earlier runs are on disk: this thread waited for each.
  std::optional<Stored> read_stored(const std::string& id) {
    auto statement = reader_->prepare(
        "SELECT f.revision, f.status, f.plain, f.body FROM finding f JOIN run r ON r.run = f.run"
        " WHERE f.id = ? AND r.done = 1 ORDER BY f.revision DESC LIMIT 1");
    Result<bool> found =
        statement ? (*statement)->bind_text(1, id).step() : std::unexpected(statement.error());
    if (!found) {
      if (!error_) error_ = found.error();
      return std::nullopt;
    }
    if (!*found) return std::nullopt;
    Stored stored{static_cast<int>((*statement)->integer(0)), std::string((*statement)->text(1)),
                  (*statement)->integer(2), std::string((*statement)->text(3))};
    (*statement)->reset();
    return stored;
  }

  static Telling::What what_to_do(const catalogue::Detection& detection, const std::optional<Stored>& stored,
                                  const Finding& finding) {
    if (!stored) return Telling::What::tell;
    bool other_body = stored->body != finding.body;
    bool other_row = stored->plain != 0 && stored->plain != finding.plain;
    if (detection.revise == catalogue::Revise::never)
      return other_body ? Telling::What::update : Telling::What::keep;
    if (stored->status == "withdrawn" || other_row) return Telling::What::revise;
    if (!other_body) return Telling::What::keep;
    return detection.revise == catalogue::Revise::any ? Telling::What::revise : Telling::What::update;
  }

  void count_suppressed(const std::string& detection, const char* reason, std::uint64_t count) {
    if (count > 0)
      suppressed_.Add({{"detection", detection}, {"reason", reason}}).Increment(static_cast<double>(count));
  }

  Result<void> list_new(const window::Run& run) {
    auto statement =
        reader_->prepare("SELECT created, revision, status, body FROM finding WHERE run = ? ORDER BY rowid");
    if (!statement) return std::unexpected(statement.error());
    return (*statement)->bind(1, run.id).each_row([&] {
      listener_(shown((*statement)->integer(0), (*statement)->integer(1), (*statement)->text(2),
                      (*statement)->text(3)));
    });
  }

  store::Store& store_;
  std::unique_ptr<store::Database> reader_;
  FindingOptions options_;
  FindingListener listener_;
  prometheus::Family<prometheus::Counter>& told_;
  prometheus::Family<prometheus::Counter>& revised_;
  prometheus::Family<prometheus::Counter>& withdrawn_;
  prometheus::Family<prometheus::Counter>& removed_;
  prometheus::Family<prometheus::Counter>& suppressed_;

  std::optional<std::pair<std::int64_t, Time>> current_;  // run and search time
  bool untaken_ = true;                                   // nothing of this run was taken yet
  bool told_window_ = false;                              // something was told of its window before
  std::optional<Error> error_;                            // in reading what was told
  absl::flat_hash_map<std::uint64_t, int> seen_;          // of this run's rows, by short id: how many had it
  std::vector<Telling> kept_;
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
  return std::make_unique<StoredFindings>(store, std::move(*reader), std::move(options), registry,
                                          std::move(listener));
}

Result<std::string> list_findings(store::Database& reader, Time since, int limit) {
  std::string list = "[";
  auto read =
      read_findings(reader, {.since = since, .limit = limit, .detection = {}}, [&](std::string_view json) {
        if (list.size() > 1) list += ",\n ";
        list += json;
      });
  if (!read) return std::unexpected(read.error());
  return list + "]\n";
}

}  // namespace hecate::outputs
