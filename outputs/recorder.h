#pragma once

#include "outputs/finding.h"
#include "pipeline/schedule/schedule.h"
#include "pipeline/store/database.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

// A finding whose id is not in the index yet.
struct Unindexed {
  std::string id;
  int revision;
  std::int64_t seq;
};

// What the writer thread did with the rows of a run. Read by the runner's thread after each of its commits.
struct RunCounts {
  std::uint64_t told = 0;
  std::uint64_t revised = 0;
  std::uint64_t withdrawn = 0;
  std::uint64_t told_before = 0;
  std::uint64_t throttled = 0;
  std::vector<Unindexed> unindexed;
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
  bool notable;
  bool post_revisions;
  std::int64_t rule;
};

// A row told, and what is to be done about it.
struct Telling {
  enum class What {
    tell,      // it was not told
    revise,    // it was, and says something else now
    update,    // only counts and the like are others
    keep,      // nothing has changed
    withdraw,  // no row shows it any more
  };
  What what = What::tell;
  Finding finding;
  std::int64_t rule = 0;  // by which it was told, of one that is withdrawn
};

// Puts such an id into the table `finding_id`.
[[nodiscard]] Result<void> index_id(store::Database& database, const Unindexed& entry);

// Puts findings into the database: for one job of a run, inside a transaction of the journal's writer. What
// it refers to outlives it.
class Recorder {
 public:
  // `last`: no more rows of this run come after these; ids of the others go into their index later
  // (RunCounts::unindexed).
  Recorder(store::Database& database, const RunFacts& run, RunCounts& counts, bool last)
      : database_(database), run_(run), counts_(counts), last_(last) {}

  // The run's rule (RunFacts::rule), so that it is there as long as what is told by it.
  [[nodiscard]] Result<void> keep_rule(std::string_view json);
  [[nodiscard]] Result<void> record(const Telling& telling);

 private:
  [[nodiscard]] Result<void> withdraw(const Telling& telling);
  [[nodiscard]] Result<void> use_rule(std::int64_t rule);
  [[nodiscard]] Result<void> tell(const Finding& finding);
  [[nodiscard]] Result<bool> is_throttled(const Finding& finding);
  [[nodiscard]] Result<void> note_told(const Finding& finding);
  [[nodiscard]] Result<void> insert(const Finding& finding, std::string_view status, std::int64_t rule);
  [[nodiscard]] Result<void> update(const Finding& finding);
  [[nodiscard]] Result<void> mark_seen(std::string_view id);
  [[nodiscard]] Result<void> queue(const Finding& finding);
  [[nodiscard]] Result<void> queue(std::string_view id, std::string_view kind,
                                   const RiskEntity* entity = nullptr);
  [[nodiscard]] Result<std::set<RiskEntity>> risk_objects_told(const std::string& id);

  store::Database& database_;
  const RunFacts& run_;
  RunCounts& counts_;
  bool last_;
  std::int64_t seq_ = 0;  // of the finding inserted last
};

}  // namespace hecate::outputs
