#pragma once

#include "pipeline/base/error.h"
#include "pipeline/store/database.h"
#include "pipeline/store/delta.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::store {

// Looking at a state folder, stopped or in use, for `hecate state`. Nothing here writes.

// Tables of an older version may lack some that this one has.
[[nodiscard]] Result<bool> has_table(Database& reader, std::string_view name);

// What is wrong with this database, in words; empty when nothing is found. Reads all of it: SQLite's own
// integrity check, the version of the `store` tables, and whether each stored state and sample can be read.
[[nodiscard]] Result<std::vector<std::string>> find_problems(Database& reader);

// What is wrong with the version of the part `part`, of which this hecate knows versions up to `newest`;
// empty when nothing is.
[[nodiscard]] Result<std::string> version_problem(Database& reader, const std::string& part, int newest);

// An event that was kept aside, and why.
struct KeptAside {
  std::string_view reason;
  Time received = 0;
  std::uint64_t scan = 0;
  const Sample* sample = nullptr;  // null: it cannot be read
};
// In the order in which they came; nothing where the table is not there yet.
[[nodiscard]] Result<void> read_aside(Database& reader, const std::function<void(const KeptAside&)>& visit);

}  // namespace hecate::store
