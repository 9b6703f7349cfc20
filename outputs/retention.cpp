#include "outputs/retention.h"

#include "pipeline/store/removal.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace hecate::outputs {
namespace {

// Rows of which only a look at all of them shows which may go. `select` gives the keys of at most ?5 rows
// older than ?4, in order of their keys, behind ?1, ?2, ?3; a key of fewer columns leaves the others empty.
// All columns are handled as texts: SQLite compares them as what they are.
using Key = std::array<std::string, 3>;
struct OldRows {
  Key first;  // before all keys
  const char* select;
  const char* remove;
};

const OldRows kThrottleMarks{{"", "", "0"},
                             "SELECT detection, vals, told_at FROM throttle"
                             " WHERE (detection, vals, told_at) > (?1, ?2, ?3) AND told_at < ?4 ORDER BY "
                             "detection, vals, told_at LIMIT ?5",
                             "DELETE FROM throttle WHERE detection = ?1 AND vals = ?2 AND told_at = ?3"};

// Done, told something, and nothing points to them any more.
const OldRows kRuns{
    {"0", "", ""},
    "SELECT run, ?2, ?3 FROM run r WHERE run > ?1 AND scheduled < ?4 AND done = 1 AND rows > 0"
    " AND NOT EXISTS (SELECT 1 FROM finding WHERE finding.run = r.run)"
    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.run = r.run)"
    " AND NOT EXISTS (SELECT 1 FROM throttle WHERE throttle.run = r.run) ORDER BY run LIMIT ?5",
    "DELETE FROM run WHERE run = ?1 AND ?2 = ?3"};

Result<std::vector<Key>> next_keys(store::Database& reader, const OldRows& rows, const Key& after,
                                   Time before) {
  auto statement = reader.prepare(rows.select);
  if (!statement) return std::unexpected(statement.error());
  for (int i = 0; i < 3; ++i) (*statement)->bind_text(i + 1, after[static_cast<std::size_t>(i)]);
  (*statement)->bind(4, before).bind(5, store::kRowsARemoval);
  std::vector<Key> keys;
  auto read = (*statement)->each_row([&] {
    Key& key = keys.emplace_back();
    for (int i = 0; i < 3; ++i) key[static_cast<std::size_t>(i)] = (*statement)->text(i);
  });
  if (!read) return std::unexpected(read.error());
  return keys;
}

Result<void> remove_keys(store::Database& database, const OldRows& rows, const std::vector<Key>& keys) {
  for (const Key& key : keys) {
    auto statement = database.prepare(rows.remove);
    if (!statement) return std::unexpected(statement.error());
    for (int i = 0; i < 3; ++i) (*statement)->bind_text(i + 1, key[static_cast<std::size_t>(i)]);
    if (auto gone = (*statement)->run(); !gone) return gone;
  }
  return {};
}

// Looks with the reader, so that the journal only has to take away.
Result<std::int64_t> remove_rows(store::Store& store, store::Database& reader, const OldRows& rows,
                                 Time before) {
  std::int64_t removed = 0;
  Key last = rows.first;
  while (true) {
    auto keys = next_keys(reader, rows, last, before);
    if (!keys) return std::unexpected(keys.error());
    if (keys->empty()) return removed;
    auto done =
        store.write_and_wait([&](store::Database& database) { return remove_keys(database, rows, *keys); });
    if (!done) return std::unexpected(done.error());
    removed += static_cast<std::int64_t>(keys->size());
    last = keys->back();
  }
}

// Those of no finding: each is told of as late as any of its findings.
Result<void> remove_rules(store::Store& store, store::Database& reader) {
  auto unused = reader.prepare(
      "SELECT 1 FROM rule WHERE told < coalesce((SELECT min(created) FROM finding), told) LIMIT 1");
  if (!unused) return std::unexpected(unused.error());
  auto any = (*unused)->number();
  if (!any) return std::unexpected(any.error());
  if (*any == 0) return {};
  return store.write_and_wait([](store::Database& database) {
    return database.execute("DELETE FROM rule WHERE told < (SELECT min(created) FROM finding)");
  });
}

}  // namespace

Result<Removed> remove_old_findings(store::Store& store, store::Database& reader, Time now,
                                    const RetentionOptions& options, const RetentionNeeds& needs) {
  Removed removed;
  Time open = now - needs.lateness;
  auto findings = store::remove_old(
      store, reader,
      {"finding", "seq", "created",
       fmt::format("latest < {} AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.told = finding.seq)",
                   open)},
      {std::min(now - options.findings_age, open), options.findings_most});
  if (!findings) return std::unexpected(findings.error());
  removed.findings = *findings;
  auto parked = store::remove_old(store, reader, {"parked", "seq", "parked_at"},
                                  {now - options.parked_age, options.parked_most});
  if (!parked) return std::unexpected(parked.error());
  removed.parked = *parked;
  auto marks = remove_rows(store, reader, kThrottleMarks, open - needs.longest_throttle);
  if (!marks) return std::unexpected(marks.error());
  removed.throttle_marks = *marks;
  auto runs = remove_rows(store, reader, kRuns, open);
  if (!runs) return std::unexpected(runs.error());
  removed.runs = *runs;
  if (auto rules = remove_rules(store, reader); !rules) return std::unexpected(rules.error());
  return removed;
}

}  // namespace hecate::outputs
