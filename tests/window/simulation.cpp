#include "tests/window/simulation.h"

#include "outputs/outbox_cursor.h"
#include "pipeline/spl/values.h"
#include "tests/support/stash.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace hecate::window::testing {
namespace {

class MapSource final : public spl::FieldSource {
 public:
  MapSource(const spl::FieldNames& names, const Simulation::Fields& fields)
      : names_(names), fields_(fields) {}
  Value get(spl::FieldId id) override {
    auto found = fields_.find(std::string(names_.name(id)));
    return found == fields_.end() ? Value() : Value(std::string_view(found->second));
  }
  void each(const spl::FieldVisitor& visit) override {
    for (const auto& [name, value] : fields_) visit(name, Value(std::string_view(value)));
  }

 private:
  const spl::FieldNames& names_;
  const Simulation::Fields& fields_;
};

class PaneSink final : public spl::GroupSink {
 public:
  PaneSink(store::DeltaSet& deltas, std::uint64_t scan, const store::Sample& sample)
      : deltas_(deltas), scan_(scan), sample_(sample) {}
  spl::GroupState& group(std::string_view key) override {
    auto& delta = deltas_.at({scan_, floor_to(sample_.time, kMinute) / kMinute, std::string(key)});
    if (delta.sample.empty() || sample_.before(delta.sample)) delta.sample = sample_;
    return delta.state;
  }

 private:
  store::DeltaSet& deltas_;
  std::uint64_t scan_;
  const store::Sample& sample_;
};

std::string to_text(const spl::Row& row) {
  std::string text;
  for (const auto& [name, value] : row.entries()) {
    if (value.is_null()) continue;
    text += fmt::format(" {}=", name);
    spl::append_text(value, text);
  }
  return text;
}

// What is tested here is windows, not the disk: in memory, thousands of commits cost nothing.
hecate::testing::TemporaryFolder folder_in_memory() {
  if (std::filesystem::exists("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
  return {};
}

}  // namespace

Time time_of_day(const std::string& text) {
  int hour = 0;
  int minute = 0;
  double second = 0;
  int read = std::sscanf(text.c_str(), "%d:%d:%lf", &hour, &minute, &second);
  EXPECT_GE(read, 2) << "not a time: " << text;
  return kDayOfCases + hour * kHour + minute * kMinute + static_cast<Time>(second * kSecond + 0.5);
}

std::string to_time_of_day(Time time) {
  auto minutes = (time - kDayOfCases) / kMinute;
  return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

void TableSink::row(const Run& run, const spl::ResultRow& row, const store::Sample* sample) {
  kept_.push_back(fmt::format("{} {}-{}{}", run.detection.detection.name, to_time_of_day(run.window.earliest),
                              to_time_of_day(run.window.latest), to_text(row.row)));
  samples.push_back(sample ? sample->raw : "none");
}

Result<store::Store::Job> TableSink::take(const Run& run, bool /*last*/) {
  if (run.detection.detection.name == refuse) {
    kept_.clear();
    return fail("what was told cannot be read, says the test");
  }
  if (kept_.empty()) return store::Store::Job();
  return store::Store::Job([rows = std::exchange(kept_, {}), id = run.id, early = run.early,
                            this](store::Database& db) -> Result<void> {
    if (++writes == fail_at_write) return fail("the disk is full, says the test");
    for (const auto& text : rows) {
      // What a run that broke off has left is nobody's.
      auto clear =
          *db.prepare("DELETE FROM told WHERE row = ? AND run IN (SELECT run FROM run WHERE done = 0)");
      if (auto done = clear->bind_text(1, text).run(); !done) return done;
      auto insert = *db.prepare("INSERT OR IGNORE INTO told(run, row, early) VALUES (?, ?, ?)");
      if (auto done = insert->bind(1, id).bind_text(2, text).bind(3, std::int64_t{early}).run(); !done)
        return done;
    }
    return {};
  });
}

void TableSink::done(const Run& run) {
  done_runs.push_back(run.id);
}

// Events may be written down before their time comes, but where the clock's skew is what is tested.
Simulation::Simulation(Time now) : clock(now), folder_(folder_in_memory()) {
  options.future_skew = 100 * kHour;
}

Simulation::~Simulation() {
  if (store_) stop();
}

void Simulation::add_local_table(const std::string& name, std::vector<std::string> fields) {
  auto table = std::make_shared<spl::WrittenTable>(name);
  catalogue_->local_tables.push_back(table);
  lookups_[name] = std::make_shared<const spl::Lookup>(name, spl::LookupRules(), table, std::move(fields));
}

void Simulation::add_detection(const std::string& name, const std::string& search, const std::string& cron,
                               const std::string& earliest, const std::string& latest, catalogue::Emit emit) {
  auto plan = spl::compile(
      search, [](std::string_view, std::size_t) { return nullptr; }, catalogue_->names,
      [this](std::string_view lookup) -> Result<std::shared_ptr<const spl::Lookup>> {
        auto found = lookups_.find(lookup);
        if (found == lookups_.end()) return fail("there is no such lookup");
        return found->second;
      });
  ASSERT_TRUE(plan) << plan.error().message;
  auto schedule = schedule::Schedule::parse(cron, earliest, latest);
  ASSERT_TRUE(schedule) << schedule.error().message;
  catalogue::Detection detection;
  detection.name = name;
  detection.emit = emit;
  catalogue_->detections.push_back({std::move(detection), *std::move(schedule), *std::move(plan), {}});
}

void Simulation::start() {
  auto store = store::Store::open(folder_ / "state", clock, registry, store_options);
  ASSERT_TRUE(store) << store.error().message;
  store_ = *std::move(store);
  static constexpr const char* kTables[] = {"CREATE TABLE told(run INTEGER, row TEXT UNIQUE, early INTEGER)"};
  ASSERT_TRUE(store_->write_and_wait([](store::Database& db) { return db.migrate("test", kTables); }));
  RunSink* told_to = &sink;
  if (with_findings_) {
    outputs::FindingOptions finding_options;
    finding_options.deliver = true;
    auto findings = outputs::Findings::make(*store_, finding_options, registry, [](std::string_view) {});
    ASSERT_TRUE(findings) << findings.error().message;
    findings_ = *std::move(findings);
    told_to = findings_.get();
  }
  auto runner = Runner::make(*store_, clock, *told_to, bounds, [this] { ++barriers; }, options, registry);
  ASSERT_TRUE(runner) << runner.error().message;
  runner_ = *std::move(runner);
  runner_->set_feed_listener([this](const catalogue::Feed& feed) { feed_ = feed; });
  store_->set_commit_hook([this](store::Database& database, const store::DeltaSet& deltas) {
    return runner_->committing(database, deltas);
  });
  store_->set_commit_listener([this](const store::DeltaSet& deltas) { runner_->committed(deltas); });
  set_catalogue();
}

void Simulation::stop() {
  store_->set_commit_listener({});
  store_->set_commit_hook({});
  runner_.reset();
  findings_.reset();
  store_.reset();
}

void Simulation::set_catalogue() {
  auto set = runner_->set_catalogue(catalogue_);
  ASSERT_TRUE(set) << set.error().message;
}

void Simulation::evaluate(Time time, Fields fields, store::DeltaSet& deltas) {
  store::Sample sample;
  sample.time = time;
  sample.arrival = ++arrivals_;
  sample.raw = fmt::format("event {}", arrivals_);
  fields["_time"] = format_epoch(time);
  Arena arena;
  spl::EvalContext context{.arena = arena, .event_time = time, .arrival = sample.arrival};
  std::map<std::uint64_t, std::pair<const spl::Scan*, const catalogue::Catalogue*>> scans;
  auto add = [&](const catalogue::Catalogue& catalogue, const spl::Scan& scan) {
    scans[scan.id()] = {&scan, &catalogue};
  };
  for (const auto& detection : feed_.current->detections) {
    for (const auto& scan : detection.plan->scans()) add(*feed_.current, *scan);
  }
  for (const auto& each : feed_.finishing) {
    for (auto [detection, scan] : each.parts)
      add(*each.catalogue, *each.catalogue->detections[detection].plan->scans()[scan]);
  }
  for (const auto& [id, found] : scans) {
    auto [scan, catalogue] = found;
    MapSource source(catalogue->names, fields);
    spl::Row row(&source);
    auto verdict = bounds.get()->judge(bounds.get()->of(id), time, clock.now());
    store::DeltaSet contributed;
    PaneSink groups(contributed, id, sample);
    if (!scan->process(row, context, groups)) continue;
    if (verdict == match::TimeBounds::Verdict::timely) {
      deltas.merge(std::move(contributed));
    } else {
      auto reason = verdict == match::TimeBounds::Verdict::late ? store::Aside::Reason::late
                                                                : store::Aside::Reason::future;
      deltas.add_aside({reason, id, clock.now(), sample});
    }
  }
}

void Simulation::events(const std::vector<std::pair<Time, Fields>>& events) {
  store::DeltaSet deltas;
  for (const auto& [time, fields] : events) {
    store::DeltaSet one;
    evaluate(time, fields, one);
    if (one.empty()) continue;
    std::string name;
    for (const auto& [field, value] : fields) name += field + "=" + value + ";";
    if (dedup) {
      deltas.add_once(name, floor_to(time, kMinute) / kMinute, std::move(one));
    } else {
      deltas.merge(std::move(one));
    }
  }
  if (deltas.empty()) return;
  store_->submit(std::move(deltas), nullptr);
  // The first may be in the same commit, whose listener runs after its completions; the second is not.
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(store_->write_and_wait([](store::Database&) -> Result<void> { return {}; }));
}

void Simulation::run_until(Time time) {
  while (runner_->next_due() <= time) {
    clock.set(std::max(clock.now(), runner_->next_due()));
    auto runs = advance();
    ASSERT_TRUE(runs) << runs.error().message;
    ASSERT_GT(*runs, 0) << "next_due promised a run";
  }
  clock.set(time);
  auto runs = advance();
  ASSERT_TRUE(runs) << runs.error().message;
}

std::vector<std::string> Simulation::told() {
  auto reader = *store_->reader();
  auto rows = *reader->prepare(
      "SELECT row, told.early FROM told JOIN run ON told.run = run.run WHERE run.done = 1 ORDER BY "
      "told.rowid");
  std::vector<std::string> found;
  while (*rows->step()) found.push_back(std::string(rows->text(0)) + (rows->integer(1) != 0 ? " early" : ""));
  return found;
}

namespace {

// `hourly 01:50-02:50 count=2 dest=a r2`, of the columns detection, earliest, latest, revision, status, body.
// The values of the row are those of `posted`, where it is given.
std::string event_of(const std::string& envelope) {
  simdjson::dom::parser parser;
  return std::string(std::string_view(parser.parse(envelope)["event"]));
}

struct StoredFinding {
  std::string_view detection;
  Time earliest, latest;
  std::int64_t revision;
  std::string_view status, body;
};
std::string finding_text(const StoredFinding& finding, store::Database& reader,
                         const hecate::testing::StashFields* posted = nullptr) {
  std::string text = fmt::format("{} {}-{}", finding.detection, to_time_of_day(finding.earliest),
                                 to_time_of_day(finding.latest));
  auto fields = *reader.cursor("SELECT key, value FROM json_each(?, '$.row')");
  fields->bind_text(1, finding.body);
  while (*fields->step()) {
    std::string name(fields->text(0));
    text += fmt::format(" {}={}", name,
                        posted ? fmt::to_string(fmt::join(posted->at(name), ",")) : fields->text(1));
  }
  if (finding.revision > 1) text += fmt::format(" r{}", finding.revision);
  if (finding.status == "withdrawn") text += " withdrawn";
  return text;
}

}  // namespace

std::vector<std::string> Simulation::posted() {
  auto reader = *store_->reader();
  outputs::StoredRules rules;
  outputs::OutboxCursor row(*reader, rules);
  std::vector<std::string> found;
  while (*row.next()) {
    auto event = hecate::testing::read_stash(event_of(*row.envelope()));
    StoredFinding finding{row.detection(), row.earliest(), row.latest(),
                          row.revision(),  row.status(),   row.body()};
    found.push_back(row.kind() == "risk" ? "risk " + event.at("risk_object").front()
                                         : finding_text(finding, *reader, &event));
  }
  return found;
}

std::vector<std::string> Simulation::stored() {
  auto reader = *store_->reader();
  auto rows = *reader->cursor(
      "SELECT f.detection, f.earliest, f.latest, f.revision, f.status, coalesce(f.newest, f.body) FROM "
      "finding f"
      " JOIN run r ON r.run = f.run WHERE r.done = 1 AND f.revision = (SELECT max(revision) FROM finding n "
      "WHERE n.id = "
      "f.id)"
      " ORDER BY f.seq");
  std::vector<std::string> found;
  while (*rows->step()) {
    StoredFinding finding{rows->text(0),    rows->integer(1), rows->integer(2),
                          rows->integer(3), rows->text(4),    rows->text(5)};
    found.push_back(finding_text(finding, *reader));
  }
  return found;
}

std::vector<std::string> Simulation::aside() {
  auto reader = *store_->reader();
  auto rows = *reader->cursor("SELECT reason, time, sample FROM aside ORDER BY seq");
  std::vector<std::string> found;
  while (*rows->step()) {
    auto sample = store::Sample::decode(rows->blob(2));
    found.push_back(fmt::format("{} {} {}", rows->text(0), to_time_of_day(rows->integer(1)),
                                sample ? sample->raw : "damaged"));
  }
  return found;
}

std::int64_t Simulation::query(const std::string& sql) {
  EXPECT_TRUE(store_->fold());
  auto reader = *store_->reader();
  auto row = *reader->cursor(sql);
  return *row->step() ? row->integer(0) : -1;
}

double Simulation::metric(const std::string& name, const std::string& detection) {
  for (const auto& family : registry.Collect()) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) {
      if (!detection.empty() && metric.label.at(0).value != detection) continue;
      return metric.counter.value + metric.gauge.value + static_cast<double>(metric.histogram.sample_count);
    }
  }
  return -1;
}

}  // namespace hecate::window::testing
