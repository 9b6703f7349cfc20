#pragma once

#include "pipeline/window/run_sink.h"

#include <map>
#include <string>
#include <vector>

namespace hecate::window {

// The runner's rows in the journal's tables `schedule` and `run`, and its own tables. What writes is called
// inside a job of the journal; what reads takes any connection.

// Makes the runner's own tables, `lookup` and `scan_use`, or brings them up to date (schema.window).
[[nodiscard]] Result<void> prepare_tables(store::Database& database);

// How far a detection has come.
inline constexpr std::uint64_t kUnknownSearch = 0;  // of a row that an older version wrote
struct Progress {
  Time last_run =
      0;  // newest scheduled time that is done; for one that has not run yet, when it was first seen
  std::uint64_t search = 0;  // Plan::search_id
  Time since = 0;            // the state of that search holds no events before; 0: it never was another
  Time first = 0;            // where the first window begins that it ever had; 0: not known
};
[[nodiscard]] Result<std::map<std::string, Progress>> read_progress(store::Database& database);
[[nodiscard]] Result<void> write_progress(store::Database& database, const std::string& detection,
                                          const Progress& progress);
[[nodiscard]] Result<void> write_last_run(store::Database& database, const std::string& detection,
                                          Time last_run);
[[nodiscard]] Result<void> remove_progress(store::Database& database, const std::string& detection);

// Which scans a detection has, its own first, then those of its subsearches: for people who look at the
// state.
struct ScanUse {
  std::string detection;
  std::vector<std::uint64_t> scans;
};
// In place of all that were there.
[[nodiscard]] Result<void> write_scan_uses(store::Database& database, const std::vector<ScanUse>& uses);

// The greatest run id ever given out.
[[nodiscard]] Result<std::int64_t> read_last_run_id(store::Database& database);
// Makes the row of a run, or brings it up to date.
[[nodiscard]] Result<void> write_run(store::Database& database, const Run& run, std::size_t rows, bool done);
// A scheduled run that is done, as it is remembered: for `lateness`, and for as long as what it told is kept.
struct DoneRun {
  Time scheduled = 0, earliest = 0, latest = 0;
  Time evaluated = 0;  // when it was begun; 0: an older version did not note it
  Time took = 0;       // likewise
  std::int64_t rows = 0;
  bool incomplete = false;  // it lacked events of its window
};
// The newest `most` of a detection, newest first; a window that was run again is there each time.
[[nodiscard]] Result<std::vector<DoneRun>> read_done_runs(store::Database& database,
                                                          const std::string& detection, int most);
// Where the newest of the windows ends that were run, by detection.
[[nodiscard]] Result<std::map<std::string, Time>> read_run_ends(store::Database& database);
// The windows of this detection that hold `time`, of its runs scheduled until `last_run`: each once, the
// oldest first.
[[nodiscard]] Result<std::vector<schedule::Window>> read_windows_with(store::Database& database,
                                                                      const std::string& detection, Time time,
                                                                      Time last_run);
// Rows of runs of this detection that broke off; what the sink kept under them is gone already.
[[nodiscard]] Result<void> remove_undone_runs(store::Database& database, const std::string& detection);

// A minute of a scan that changed after a window with it was run.
struct LateMinute {
  std::uint64_t scan = 0;
  std::int64_t minute = 0;
  std::int64_t times = 0;  // how often; tells whether it changed again meanwhile
};
[[nodiscard]] Result<void> note_late_minute(store::Database& database, std::uint64_t scan,
                                            std::int64_t minute);
[[nodiscard]] Result<std::vector<LateMinute>> read_late_minutes(store::Database& database);
// Unless it changed since it was read.
[[nodiscard]] Result<void> remove_late_minute(store::Database& database, const LateMinute& late);

}  // namespace hecate::window
