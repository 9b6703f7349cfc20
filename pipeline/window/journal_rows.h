#pragma once

#include "pipeline/window/run_sink.h"

#include <map>
#include <string>

namespace hecate::window {

// The runner's rows in the journal's tables `schedule` and `run`. What writes is called inside a job of the
// journal; what reads takes any connection.

// The newest scheduled time that is done, by detection; for one that has not run yet, when it was first seen.
[[nodiscard]] Result<std::map<std::string, Time>> read_last_runs(store::Database& database);
[[nodiscard]] Result<void> write_last_run(store::Database& database, const std::string& detection,
                                          Time last_run);
[[nodiscard]] Result<void> remove_last_run(store::Database& database, const std::string& detection);

// The greatest run id ever given out.
[[nodiscard]] Result<std::int64_t> read_last_run_id(store::Database& database);
// Makes the row of a run, or brings it up to date.
[[nodiscard]] Result<void> write_run(store::Database& database, const Run& run, std::size_t rows, bool done);
// Rows of runs of this detection that broke off; what the sink kept under them is gone already.
[[nodiscard]] Result<void> remove_undone_runs(store::Database& database, const std::string& detection);

}  // namespace hecate::window
