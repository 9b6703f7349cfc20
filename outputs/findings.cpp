#include "outputs/findings.h"

#include "absl/container/flat_hash_map.h"
#include "outputs/finding.h"
#include "outputs/recorder.h"
#include "outputs/rule.h"
#include "outputs/schema.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/store/removal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace hecate::outputs {
namespace {

// In one commit: some 200 KB.
constexpr std::size_t kIdsACommit = 2000;

constexpr std::int64_t kWithdrawalsAWrite = 250;

// What is stored of an id: its newest visible revision.
struct Stored {
  int revision = 0;
  std::string status;
  std::int64_t plain = 0;
  std::string body;
};

// Enough of an id to tell a run's rows apart: were two ever to share it, one would get an ordinal that it
// need not.
std::uint64_t short_id(const std::string& id) {
  std::uint64_t number = 0;
  std::from_chars(id.data(), id.data() + 16, number, 16);
  return number;
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
    Finding finding = make_finding(rule_, run, row, sample, id, revision);
    auto what = what_to_do(detection, stored, finding);
    // Told early, most is as it was a moment ago.
    if (run.early && what == Telling::What::keep) return;
    kept_.push_back({what, std::move(finding)});
  }

  [[nodiscard]] Result<store::Store::Job> take(const window::Run& run, bool last) override {
    begin(run);
    if (error_) {
      kept_.clear();
      return std::unexpected(*error_);
    }
    const catalogue::Detection& detection = run.detection.detection;
    bool first = std::exchange(untaken_, false);
    if (first) {
      if (auto cleared = clear_undone(run.detection.detection.name); !cleared)
        return std::unexpected(cleared.error());
    }
    if (last) {
      if (auto indexed = index_rest(); !indexed) return std::unexpected(indexed.error());
    }
    if (kept_.empty()) return store::Store::Job();
    RunFacts facts{.id = run.id,
                   .detection = detection.name,
                   .window = run.window,
                   .search_time = run.search_time,
                   .early = run.early,
                   .throttle_period = detection.throttle.period,
                   .deliver = options_.deliver,
                   .notable = detection.notable,
                   .post_revisions = detection.revise != catalogue::Revise::never,
                   .rule = rule_id()};
    return store::Store::Job([facts = std::move(facts), last, tellings = std::exchange(kept_, {}),
                              counts = counts_,
                              rule = rule_json_](store::Database& database) -> Result<void> {
      Recorder recorder(database, facts, *counts, last);
      if (auto done = recorder.keep_rule(rule); !done) return done;
      for (const Telling& telling : tellings)
        if (auto done = recorder.record(telling); !done) return done;
      return {};
    });
  }

  [[nodiscard]] std::size_t pending() const override { return kept_.size(); }
  [[nodiscard]] bool tells() const override {
    auto visible = [](const Telling& each) {
      return each.what == Telling::What::tell || each.what == Telling::What::revise;
    };
    return std::ranges::any_of(kept_, visible);
  }

  // A run that lacks events says nothing of what it does not show, and one that takes no action of nothing.
  [[nodiscard]] Result<bool> withdraw(const window::Run& run) override {
    begin(run);
    const catalogue::Detection& detection = run.detection.detection;
    bool acts = detection.notable || detection.risk;
    if (!told_window_ || !acts || run.early || run.incomplete) return false;
    if (!kept_.empty()) return true;  // these show what they show when they are written
    auto gone = reader_->prepare(
        "SELECT f.id, f.revision, f.plain, coalesce(f.newest, f.body), f.rule FROM finding f"
        " JOIN run r ON r.run = f.run"
        " WHERE f.detection = ? AND f.earliest = ? AND f.latest = ? AND f.seen <> ? AND r.done = 1"
        " AND f.status <> 'withdrawn' AND NOT EXISTS (SELECT 1 FROM finding_id i"
        "   JOIN finding n ON n.seq = i.finding JOIN run q ON q.run = n.run"
        "   WHERE i.id = f.id AND i.revision > f.revision AND q.done = 1) ORDER BY f.seq LIMIT ?");
    if (!gone) return std::unexpected(gone.error());
    (*gone)->bind_text(1, detection.name).bind(2, run.window.earliest).bind(3, run.window.latest);
    (*gone)->bind(4, run.id).bind(5, kWithdrawalsAWrite);
    auto read = (*gone)->each_row([&] {
      Telling& telling = kept_.emplace_back();
      telling.what = Telling::What::withdraw;
      telling.finding.id = (*gone)->text(0);
      telling.finding.revision = static_cast<int>((*gone)->integer(1)) + 1;
      telling.finding.plain = (*gone)->integer(2);
      telling.finding.body = (*gone)->text(3);
      telling.rule = (*gone)->integer(4) != 0 ? (*gone)->integer(4) : rule_id();
    });
    if (!read) return std::unexpected(read.error());
    return !kept_.empty();
  }

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
    if (auto cleared = clear_undone_of_others(running); !cleared) return cleared;
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
    rule_ = Rule::of(run.detection.detection, options_);
    rule_json_ = rule_.to_json();
    told_window_ = false;
    if (auto told = was_told(run.detection.detection.name, run.window); told)
      told_window_ = *told;
    else
      error_ = told.error();
  }

  // What runs that never were done have left; a few hundred rows at a time, so that ingest does not wait.
  Result<void> clear_undone(const std::string& detection) {
    auto undone = reader_->prepare("SELECT 1 FROM run WHERE detection = ? AND done = 0 LIMIT 1");
    if (!undone) return std::unexpected(undone.error());
    auto any = (*undone)->bind_text(1, detection).number();
    if (!any) return std::unexpected(any.error());
    if (*any == 0) return {};
    for (auto [table, key] :
         {std::pair("outbox", "seq"), {"finding", "seq"}, {"throttle", "detection, vals, told_at"}}) {
      auto removed = store::remove_in_steps(store_, [&](store::Database& database) -> Result<void> {
        auto statement =
            database.prepare(fmt::format("DELETE FROM {0} WHERE ({1}) IN (SELECT {1} FROM {0} WHERE run IN"
                                         " (SELECT run FROM run WHERE detection = ? AND done = 0) LIMIT ?)",
                                         table, key));
        if (!statement) return std::unexpected(statement.error());
        return (*statement)->bind_text(1, detection).bind(2, store::kRowsARemoval).run();
      });
      if (!removed) return std::unexpected(removed.error());
    }
    return {};
  }

  // A detection that is no longer loaded has no next run that would.
  Result<void> clear_undone_of_others(const catalogue::Catalogue& running) {
    std::set<std::string> others;
    auto undone = reader_->prepare("SELECT DISTINCT detection FROM run WHERE done = 0");
    if (!undone) return std::unexpected(undone.error());
    auto read = (*undone)->each_row([&] { others.emplace((*undone)->text(0)); });
    if (!read) return read;
    for (const auto& each : running.detections) others.erase(each.detection.name);
    for (const std::string& detection : others) {
      if (auto cleared = clear_undone(detection); !cleared) return cleared;
      auto removed = store_.write_and_wait([&](store::Database& database) -> Result<void> {
        auto runs = database.prepare("DELETE FROM run WHERE detection = ? AND done = 0");
        if (!runs) return std::unexpected(runs.error());
        return (*runs)->bind_text(1, detection).run();
      });
      if (!removed) return removed;
    }
    return {};
  }

  [[nodiscard]] std::int64_t rule_id() const {
    return static_cast<std::int64_t>(spl::stable_hash(rule_json_));
  }

  // Puts the ids of a long run into their index, in their order: so each page of it is written once.
  Result<void> index_rest() {
    auto& entries = counts_->unindexed;
    std::ranges::sort(entries, {}, &Unindexed::id);
    for (std::size_t begin = 0; begin < entries.size(); begin += kIdsACommit) {
      auto some = std::span(entries).subspan(begin, std::min(kIdsACommit, entries.size() - begin));
      auto written = store_.write_and_wait([some](store::Database& database) -> Result<void> {
        for (const Unindexed& entry : some)
          if (auto done = index_id(database, entry); !done) return done;
        return {};
      });
      if (!written) return written;
    }
    entries = {};
    return {};
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
        "SELECT f.revision, f.status, f.plain, coalesce(f.newest, f.body) FROM finding_id i"
        " JOIN finding f ON f.seq = i.finding JOIN run r ON r.run = f.run"
        " WHERE i.id = ? AND r.done = 1 ORDER BY i.revision DESC LIMIT 1");
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
    if (stored->status == "withdrawn") return Telling::What::revise;
    if (detection.revise == catalogue::Revise::never)
      return other_body ? Telling::What::update : Telling::What::keep;
    if (other_row) return Telling::What::revise;
    if (!other_body) return Telling::What::keep;
    return detection.revise == catalogue::Revise::any ? Telling::What::revise : Telling::What::update;
  }

  void count_suppressed(const std::string& detection, const char* reason, std::uint64_t count) {
    if (count > 0)
      suppressed_.Add({{"detection", detection}, {"reason", reason}}).Increment(static_cast<double>(count));
  }

  Result<void> list_new(const window::Run& run) {
    auto statement =
        reader_->prepare("SELECT created, revision, status, body FROM finding WHERE run = ? ORDER BY seq");
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
  Rule rule_;                                             // of that run's detection
  std::string rule_json_;
  bool untaken_ = true;                           // nothing of this run was taken yet
  bool told_window_ = false;                      // something was told of its window before
  std::optional<Error> error_;                    // in reading what was told
  absl::flat_hash_map<std::uint64_t, int> seen_;  // of this run's rows, by short id: how many had it
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

}  // namespace hecate::outputs
