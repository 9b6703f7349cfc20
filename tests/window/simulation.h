#pragma once

#include "outputs/findings.h"
#include "pipeline/window/runner.h"
#include "tests/support/testing.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/registry.h>

namespace hecate::window::testing {

// A sink that keeps what it is told in a table of the journal's database, as `outputs` does: under the run's
// id, each (detection, window, row) once.
class TableSink final : public RunSink {
 public:
  void row(const Run& run, const spl::ResultRow& row, const store::Sample* sample) override;
  [[nodiscard]] Result<store::Store::Job> take(const Run& run, bool last) override;
  [[nodiscard]] std::size_t pending() const override { return kept_.size(); }
  void done(const Run& run) override;

  // The write with this number (from 1) fails; 0: none.
  int fail_at_write = 0;
  std::string refuse;  // `take` fails for this detection
  int writes = 0;
  std::vector<std::string> samples;  // raw texts, row by row
  std::vector<std::int64_t> done_runs;

 private:
  std::vector<std::string> kept_;
};

// The journal and the runner in a temporary folder, on a clock that jumps from one due run to the next.
class Simulation {
 public:
  using Fields = std::map<std::string, std::string>;

  explicit Simulation(Time now);
  ~Simulation();

  // What is told goes into real findings, whose outbox `posted` lists; before start.
  void use_findings() { with_findings_ = true; }

  // Before the detections that name it: a table that outputlookup writes.
  void add_local_table(const std::string& name, std::vector<std::string> fields = {});
  // Before start.
  void add_detection(const std::string& name, const std::string& search, const std::string& cron,
                     const std::string& earliest, const std::string& latest,
                     catalogue::Emit emit = catalogue::Emit::schedule);
  // The newest detection, to change more of it.
  [[nodiscard]] catalogue::Detection& detection() { return catalogue_->detections.back().detection; }
  void remove_detections() {
    catalogue_ = std::make_shared<catalogue::Catalogue>();
    lookups_.clear();
  }

  void start();
  void stop();
  void set_catalogue();

  // Evaluates an event against all detections, and commits what it contributed.
  void event(Time time, Fields fields) { events({{time, std::move(fields)}}); }
  // The same for several, in one commit.
  void events(const std::vector<std::pair<Time, Fields>>& events);
  // Does all that is due until `time`, each run at its own time.
  void run_until(Time time);
  // One advance at the present.
  Result<int> advance() { return runner_->advance(clock.now()); }

  // What was told, in order: `name 02:50-03:50 dest=a count=2`, ` early` behind what first_match told.
  [[nodiscard]] std::vector<std::string> told();
  // With findings: what was posted, in order, `r2` behind the second revision, `withdrawn` behind what was
  // taken back, `risk` before risk events.
  [[nodiscard]] std::vector<std::string> posted();
  // With findings: their newest revisions as they are stored, in order of their telling.
  [[nodiscard]] std::vector<std::string> stored();
  // What was kept aside, in order: `late 01:30 event 3`.
  [[nodiscard]] std::vector<std::string> aside();
  [[nodiscard]] std::int64_t query(const std::string& sql);
  [[nodiscard]] double metric(const std::string& name, const std::string& detection = {});
  [[nodiscard]] Runner& runner() { return *runner_; }
  [[nodiscard]] store::Store& store() { return *store_; }

  hecate::testing::ManualClock clock;
  prometheus::Registry registry;
  TableSink sink;
  RunnerOptions options;
  store::StoreOptions store_options;
  match::SharedTimeBounds bounds;
  bool dedup = false;
  int barriers = 0;

 private:
  hecate::testing::TemporaryFolder folder_;
  std::shared_ptr<catalogue::Catalogue> catalogue_ = std::make_shared<catalogue::Catalogue>();
  std::map<std::string, std::shared_ptr<const spl::Lookup>, std::less<>> lookups_;
  std::unique_ptr<store::Store> store_;
  bool with_findings_ = false;
  std::unique_ptr<outputs::Findings> findings_;
  std::unique_ptr<Runner> runner_;
  catalogue::Feed feed_;  // what events are evaluated against
  void evaluate(Time time, Fields fields, store::DeltaSet& deltas);

  std::uint64_t arrivals_ = 0;
};

// The day on which cases play; `26:10` is 02:10 of the day after.
inline const Time kDayOfCases = from_civil(2026, 4, 27);
[[nodiscard]] Time time_of_day(const std::string& text);
[[nodiscard]] std::string to_time_of_day(Time time);

}  // namespace hecate::window::testing
