#include "pipeline/store/inspection.h"

#include "pipeline/store/store.h"
#include "pipeline/store/tail.h"

#include <fmt/format.h>

namespace hecate::store {
namespace {

constexpr int kMostTold = 20;

Result<void> check_integrity(Database& reader, std::vector<std::string>& problems) {
  auto rows = reader.cursor(fmt::format("PRAGMA integrity_check({})", kMostTold));
  if (!rows) return std::unexpected(rows.error());
  return (*rows)->each_row([&] {
    if ((*rows)->text(0) != "ok") problems.emplace_back((*rows)->text(0));
  });
}

Result<void> check_panes(Database& reader, std::vector<std::string>& problems) {
  auto rows = reader.cursor("SELECT scan, minute, state, sample FROM pane");
  if (!rows) return std::unexpected(rows.error());
  std::int64_t unreadable = 0;
  auto read = (*rows)->each_row([&] {
    if (spl::GroupState::decode((*rows)->blob(2)) && Sample::decode((*rows)->blob(3))) return;
    if (++unreadable > kMostTold) return;
    problems.push_back(fmt::format("a row of pane cannot be read: scan {:016x}, minute {}",
                                   static_cast<std::uint64_t>((*rows)->integer(0)),
                                   format_iso((*rows)->integer(1) * kMinute)));
  });
  if (unreadable > kMostTold) problems.push_back(fmt::format("{} rows of pane cannot be read", unreadable));
  return read;
}

Result<void> check_tail(Database& reader, std::vector<std::string>& problems) {
  auto unreadable = count_unreadable_tail(reader);
  if (!unreadable) return std::unexpected(unreadable.error());
  if (*unreadable > 0) problems.push_back(fmt::format("{} rows of tail cannot be read", *unreadable));
  return {};
}

Result<void> check_aside(Database& reader, std::vector<std::string>& problems) {
  std::int64_t unreadable = 0;
  auto read = read_aside(reader, [&](const KeptAside& event) { unreadable += event.sample == nullptr; });
  if (unreadable > 0) problems.push_back(fmt::format("{} events kept aside cannot be read", unreadable));
  return read;
}

// Numbers of runs are never given twice: findings are kept under them.
Result<void> check_run_numbers(Database& reader, std::vector<std::string>& problems) {
  auto rows = reader.cursor(
      "SELECT (SELECT max(run) FROM run), (SELECT seq FROM sqlite_sequence WHERE name = 'run')");
  if (!rows) return std::unexpected(rows.error());
  return (*rows)->each_row([&] {
    if ((*rows)->integer(0) <= (*rows)->integer(1)) return;
    problems.push_back(fmt::format("run {} is there, but numbers were given only up to {}",
                                   (*rows)->integer(0), (*rows)->integer(1)));
  });
}

}  // namespace

Result<bool> has_table(Database& reader, std::string_view name) {
  auto statement = reader.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
  if (!statement) return std::unexpected(statement.error());
  auto row = (*statement)->bind_text(1, name).step();
  (*statement)->reset();
  return row;
}

Result<std::string> version_problem(Database& reader, const std::string& part, int newest) {
  auto rows = reader.prepare("SELECT value FROM meta WHERE key = ?");
  if (!rows) return std::unexpected(rows.error());
  auto row = (*rows)->bind_text(1, "schema." + part).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return fmt::format("there is no version of the {} tables: they are not there", part);
  auto version = (*rows)->integer(0);
  (*rows)->reset();
  if (version <= newest) return std::string();
  return fmt::format(
      "the {} tables are of version {}, this hecate knows versions up to {}: a newer one wrote them", part,
      version, newest);
}

Result<std::vector<std::string>> find_problems(Database& reader) {
  std::vector<std::string> problems;
  auto done = check_integrity(reader, problems);
  // What is read of a damaged file says nothing more.
  if (!done) return std::unexpected(done.error());
  if (!problems.empty()) return problems;
  auto version = version_problem(reader, "store", schema_version());
  if (!version) return std::unexpected(version.error());
  if (!version->empty()) return std::vector{*version};
  for (auto check : {check_panes, check_tail, check_aside, check_run_numbers}) {
    if (auto checked = check(reader, problems); !checked) return std::unexpected(checked.error());
  }
  return problems;
}

Result<void> read_aside(Database& reader, const std::function<void(const KeptAside&)>& visit) {
  auto there = has_table(reader, "aside");
  if (!there || !*there) return there ? Result<void>() : std::unexpected(there.error());
  auto rows = reader.cursor("SELECT reason, received, scan, sample FROM aside ORDER BY seq");
  if (!rows) return std::unexpected(rows.error());
  return (*rows)->each_row([&] {
    auto sample = Sample::decode((*rows)->blob(3));
    visit({(*rows)->text(0), (*rows)->integer(1), static_cast<std::uint64_t>((*rows)->integer(2)),
           sample ? &*sample : nullptr});
  });
}

}  // namespace hecate::store
