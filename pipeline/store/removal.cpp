#include "pipeline/store/removal.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace hecate::store {
namespace {

// The first number of the first row; 0 without one.
Result<std::int64_t> number(Database& reader, const std::string& sql, std::int64_t given) {
  auto statement = reader.cursor(sql);
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind(1, given).number();
}

// Removes rows for which `condition`, with one number, holds.
Result<std::int64_t> remove_where(Store& store, Database& reader, const AgingTable& table,
                                  const std::string& condition, std::int64_t given) {
  auto rows =
      fmt::format("SELECT {} FROM {} WHERE {} AND ({})", table.key, table.name, condition, table.may_go);
  auto any = number(reader, fmt::format("SELECT EXISTS ({})", rows), given);
  if (!any || *any == 0) return any;
  auto sql = fmt::format("DELETE FROM {} WHERE {} IN ({} LIMIT ?2)", table.name, table.key, rows);
  return remove_in_steps(store, [&sql, given](Database& database) -> Result<void> {
    auto statement = database.prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    return (*statement)->bind(1, given).bind(2, kRowsARemoval).run();
  });
}

}  // namespace

Result<std::int64_t> remove_in_steps(Store& store, const std::function<Result<void>(Database&)>& remove) {
  std::int64_t all = 0;
  std::int64_t removed = 0;
  do {
    auto done = store.write_and_wait([&](Database& database) -> Result<void> {
      auto result = remove(database);
      removed = result ? sqlite3_changes64(database.handle()) : 0;
      return result;
    });
    if (!done) return std::unexpected(done.error());
    all += removed;
  } while (removed == kRowsARemoval);
  return all;
}

Result<std::int64_t> remove_old(Store& store, Database& reader, const AgingTable& table,
                                const RetentionBounds& bounds) {
  auto removed = remove_where(store, reader, table, table.time + " < ?1", bounds.before);
  if (!removed || bounds.most <= 0) return removed;
  auto newest = number(
      reader,
      fmt::format("SELECT {0} FROM {1} WHERE {0} > ?1 ORDER BY {0} DESC LIMIT 1", table.key, table.name), 0);
  if (!newest) return newest;
  auto beyond = remove_where(store, reader, table, table.key + " <= ?1", *newest - bounds.most);
  if (!beyond) return beyond;
  return *removed + *beyond;
}

}  // namespace hecate::store
