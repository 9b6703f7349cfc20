#include "tests/window/simulation.h"

#include "pipeline/spl/values.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

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

store::Store::Job TableSink::take(const Run& run) {
  if (kept_.empty()) return nullptr;
  return [rows = std::exchange(kept_, {}), id = run.id, early = run.early,
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
  };
}

void TableSink::done(const Run& run) {
  done_runs.push_back(run.id);
}

Simulation::Simulation(Time now) : clock(now), folder_(folder_in_memory()) {}

void Simulation::add_detection(const std::string& name, const std::string& search, const std::string& cron,
                               const std::string& earliest, const std::string& latest, catalogue::Emit emit) {
  auto plan = spl::compile(search, [](std::string_view, std::size_t) { return nullptr; }, catalogue_->names);
  ASSERT_TRUE(plan) << plan.error().message;
  auto schedule = schedule::Schedule::parse(cron, earliest, latest);
  ASSERT_TRUE(schedule) << schedule.error().message;
  catalogue::Detection detection;
  detection.name = name;
  detection.emit = emit;
  catalogue_->detections.push_back({std::move(detection), *std::move(schedule), *std::move(plan)});
}

void Simulation::start() {
  auto store = store::Store::open(folder_ / "state", clock, registry);
  ASSERT_TRUE(store) << store.error().message;
  store_ = *std::move(store);
  static constexpr const char* kTables[] = {"CREATE TABLE told(run INTEGER, row TEXT UNIQUE, early INTEGER)"};
  ASSERT_TRUE(store_->write_and_wait([](store::Database& db) { return db.migrate("test", kTables); }));
  auto runner = Runner::make(*store_, clock, sink, [this] { ++barriers; }, options, registry);
  ASSERT_TRUE(runner) << runner.error().message;
  runner_ = *std::move(runner);
  store_->set_commit_listener([this](const store::DeltaSet& deltas) {
    runner_->committed(deltas);
    listened_.set_value();
  });
  set_catalogue();
}

void Simulation::stop() {
  store_->set_commit_listener({});
  runner_.reset();
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
  MapSource source(catalogue_->names, fields);
  std::map<std::uint64_t, const spl::Scan*> scans;
  for (const auto& detection : catalogue_->detections)
    scans[detection.plan->scan()->id()] = detection.plan->scan().get();
  for (const auto& [id, scan] : scans) {
    spl::Row row(&source);
    PaneSink groups(deltas, id, sample);
    scan->process(row, context, groups);
  }
}

void Simulation::events(const std::vector<std::pair<Time, Fields>>& events) {
  store::DeltaSet deltas;
  for (const auto& [time, fields] : events) evaluate(time, fields, deltas);
  if (deltas.empty()) return;
  listened_ = {};
  auto listened = listened_.get_future();
  store_->submit(std::move(deltas), nullptr);
  listened.wait();
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
      "SELECT row, early FROM told JOIN run ON told.run = run.run WHERE run.done = 1 ORDER BY told.rowid");
  std::vector<std::string> found;
  while (*rows->step()) found.push_back(std::string(rows->text(0)) + (rows->integer(1) != 0 ? " early" : ""));
  return found;
}

std::int64_t Simulation::query(const std::string& sql) {
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
