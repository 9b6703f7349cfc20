#pragma once

#include "pipeline/base/error.h"
#include "pipeline/store/database.h"

#include <string>

namespace hecate::store {

// What is done to a state folder before the journal works in it.

// Fails where the write-ahead log is missing that the last owner of `directory` must have left: what was
// answered last would be lost in silence. Before the database is opened, which makes a new one.
[[nodiscard]] Result<void> look_for_log(const std::string& directory);

// Writes the write-ahead log of `database_file` once more, as it reads, and waits for the disk. After a
// failed fsync the system may show pages that never reached the disk and that no later fsync would write;
// commits that follow them in the log would be lost with them. Before the database is opened; does nothing
// without a log.
[[nodiscard]] Result<void> settle_log(const std::string& database_file, const DatabaseOptions& options);

// Waits until the names in `directory` are on disk: SQLite does it for the log that it makes, and passes over
// a failure.
[[nodiscard]] Result<void> sync_directory(const std::string& directory);

// Looks for damage, as far as that is quick: all of a database up to `whole_up_to` bytes (a second at most),
// of a larger one the small tables. `hecate state check` looks at all of it.
inline constexpr std::int64_t kWholeUpTo = 256 * 1024 * 1024;
[[nodiscard]] Result<void> look_for_damage(Database& database, std::int64_t whole_up_to = kWholeUpTo);

}  // namespace hecate::store
