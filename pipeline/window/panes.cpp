#include "pipeline/window/panes.h"

#include "pipeline/store/removal.h"

#include <utility>
#include <vector>

namespace hecate::window {
namespace {

// Each scan with its first stored minute, by jumping from one scan to the next in the primary key.
Result<std::vector<std::pair<std::int64_t, std::int64_t>>> first_minutes(store::Database& reader) {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  const char* sql = "SELECT scan, minute FROM pane ORDER BY scan, minute LIMIT 1";
  while (true) {
    auto next = reader.prepare(sql);
    if (!next) return std::unexpected(next.error());
    if (!found.empty()) (*next)->bind(1, found.back().first);
    auto row = (*next)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return found;
    found.emplace_back((*next)->integer(0), (*next)->integer(1));
    (*next)->reset();
    sql = "SELECT scan, minute FROM pane WHERE scan > ? ORDER BY scan, minute LIMIT 1";
  }
}

Result<void> repeat(store::Store& store, const std::function<Result<void>(store::Database&)>& remove) {
  auto removed = store::remove_in_steps(store, remove);
  return removed ? Result<void>() : std::unexpected(removed.error());
}

}  // namespace

Result<void> remove_panes(store::Store& store, store::Database& reader,
                          const std::function<std::int64_t(std::uint64_t)>& first_kept) {
  auto scans = first_minutes(reader);
  if (!scans) return std::unexpected(scans.error());
  for (auto [scan, first] : *scans) {
    std::int64_t kept = first_kept(static_cast<std::uint64_t>(scan));
    if (first >= kept) continue;
    auto done = store.remove_minutes(static_cast<std::uint64_t>(scan), kept);
    if (!done) return done;
  }
  return {};
}

Result<void> remove_seen(store::Store& store, store::Database& reader, std::int64_t first_kept) {
  auto any = reader.prepare("SELECT 1 FROM seen WHERE minute < ? LIMIT 1");
  if (!any) return std::unexpected(any.error());
  auto found = (*any)->bind(1, first_kept).step();
  (*any)->reset();
  if (!found) return std::unexpected(found.error());
  if (!*found) return {};
  return repeat(store, [first_kept](store::Database& database) -> Result<void> {
    auto statement = database.prepare(
        "DELETE FROM seen WHERE (minute, event) IN (SELECT minute, event FROM seen WHERE minute < ? LIMIT "
        "?)");
    if (!statement) return std::unexpected(statement.error());
    return (*statement)->bind(1, first_kept).bind(2, store::kRowsARemoval).run();
  });
}

Result<void> remove_empty_runs(store::Store& store, store::Database& reader, Time scheduled_before) {
  auto any = reader.prepare("SELECT 1 FROM run WHERE rows = 0 AND done = 1 AND scheduled < ? LIMIT 1");
  if (!any) return std::unexpected(any.error());
  auto found = (*any)->bind(1, scheduled_before).step();
  (*any)->reset();
  if (!found) return std::unexpected(found.error());
  if (!*found) return {};
  return repeat(store, [scheduled_before](store::Database& database) -> Result<void> {
    auto statement = database.prepare(
        "DELETE FROM run WHERE run IN"
        " (SELECT run FROM run WHERE rows = 0 AND done = 1 AND scheduled < ? LIMIT ?)");
    if (!statement) return std::unexpected(statement.error());
    return (*statement)->bind(1, scheduled_before).bind(2, store::kRowsARemoval).run();
  });
}

}  // namespace hecate::window
