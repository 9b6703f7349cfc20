#include "pipeline/sources/source_rows.h"

namespace hecate::sources {
namespace {

constexpr const char* kSchema[] = {
    R"sql(
      CREATE TABLE source (
        host TEXT NOT NULL, channel TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
        newest_event INTEGER NOT NULL, events INTEGER NOT NULL, flowing_since INTEGER NOT NULL,
        pause INTEGER NOT NULL, pause_before INTEGER NOT NULL, period INTEGER NOT NULL,
        PRIMARY KEY (host, channel)) WITHOUT ROWID;
      CREATE TABLE candidate (
        detection TEXT PRIMARY KEY, since INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
    )sql",
};

Result<void> write_source(store::Database& database, const Source& source) {
  auto statement = database.prepare("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)
      ->bind_text(1, source.host)
      .bind_text(2, source.channel)
      .bind(3, source.first_seen)
      .bind(4, source.last_seen)
      .bind(5, source.newest_event)
      .bind(6, static_cast<std::int64_t>(source.events))
      .bind(7, source.flowing_since)
      .bind(8, source.pause)
      .bind(9, source.pause_before)
      .bind(10, source.period)
      .run();
}

Result<void> write_candidates(store::Database& database, const StoredCandidates& candidates) {
  auto statement = database.prepare("INSERT INTO candidate VALUES (?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)
      ->bind_text(1, candidates.detection)
      .bind(2, candidates.since)
      .bind(3, candidates.last)
      .run();
}

}  // namespace

Result<void> make_tables(store::Database& database) {
  return database.migrate("sources", kSchema);
}

Result<StoredRows> read_rows(store::Database& database) {
  StoredRows rows;
  auto statement = database.prepare(
      "SELECT host, channel, first_seen, last_seen, newest_event, events, flowing_since, pause, pause_before,"
      " period FROM source ORDER BY first_seen, host, channel");
  if (!statement) return std::unexpected(statement.error());
  auto read = (*statement)->each_row([&] {
    const store::Statement& row = **statement;
    Source& source = rows.sources.emplace_back();
    source.host = row.text(0);
    source.channel = row.text(1);
    source.first_seen = row.integer(2);
    source.last_seen = source.stored = row.integer(3);
    source.newest_event = row.integer(4);
    source.events = static_cast<std::uint64_t>(row.integer(5));
    source.flowing_since = row.integer(6);
    source.pause = row.integer(7);
    source.pause_before = row.integer(8);
    source.period = row.integer(9);
  });
  if (!read) return std::unexpected(read.error());
  auto candidates = database.prepare("SELECT detection, since, last FROM candidate");
  if (!candidates) return std::unexpected(candidates.error());
  read = (*candidates)->each_row([&] {
    const store::Statement& row = **candidates;
    rows.candidates.push_back({std::string(row.text(0)), row.integer(1), row.integer(2)});
  });
  if (!read) return std::unexpected(read.error());
  return rows;
}

Result<void> write_rows(store::Database& database, const StoredRows& rows) {
  for (const auto& [host, channel] : rows.forgotten) {
    auto statement = database.prepare("DELETE FROM source WHERE host = ? AND channel = ?");
    if (!statement) return std::unexpected(statement.error());
    if (auto done = (*statement)->bind_text(1, host).bind_text(2, channel).run(); !done) return done;
  }
  for (const Source& each : rows.sources)
    if (auto done = write_source(database, each); !done) return done;
  if (auto cleared = database.execute("DELETE FROM candidate"); !cleared) return cleared;
  for (const StoredCandidates& each : rows.candidates)
    if (auto done = write_candidates(database, each); !done) return done;
  return {};
}

}  // namespace hecate::sources
