#include "pipeline/window/journal_rows.h"

namespace hecate::window {

Result<std::map<std::string, Time>> read_last_runs(store::Database& database) {
  auto statement = database.prepare("SELECT detection, last_run FROM schedule");
  if (!statement) return std::unexpected(statement.error());
  std::map<std::string, Time> found;
  while (true) {
    auto row = (*statement)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return found;
    found.emplace((*statement)->text(0), (*statement)->integer(1));
  }
}

Result<void> write_last_run(store::Database& database, const std::string& detection, Time last_run) {
  auto statement = database.prepare(
      "INSERT INTO schedule VALUES (?, ?) ON CONFLICT DO UPDATE SET last_run = excluded.last_run");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind_text(1, detection).bind(2, last_run).run();
}

Result<void> remove_last_run(store::Database& database, const std::string& detection) {
  auto statement = database.prepare("DELETE FROM schedule WHERE detection = ?");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind_text(1, detection).run();
}

Result<std::int64_t> read_last_run_id(store::Database& database) {
  auto statement = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'run'");
  if (!statement) return std::unexpected(statement.error());
  auto row = (*statement)->step();
  if (!row) return std::unexpected(row.error());
  std::int64_t id = *row ? (*statement)->integer(0) : 0;
  (*statement)->reset();
  return id;
}

Result<void> write_run(store::Database& database, const Run& run, std::size_t rows, bool done) {
  auto statement = database.prepare(
      "INSERT INTO run(run, detection, scheduled, earliest, latest, rows, done) VALUES (?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT DO UPDATE SET rows = excluded.rows, done = excluded.done");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)
      ->bind(1, run.id)
      .bind_text(2, run.detection.detection.name)
      .bind(3, run.window.scheduled)
      .bind(4, run.window.earliest)
      .bind(5, run.window.latest)
      .bind(6, static_cast<std::int64_t>(rows))
      .bind(7, std::int64_t{done})
      .run();
}

Result<void> remove_undone_runs(store::Database& database, const std::string& detection) {
  auto statement = database.prepare("DELETE FROM run WHERE detection = ? AND done = 0");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind_text(1, detection).run();
}

}  // namespace hecate::window
