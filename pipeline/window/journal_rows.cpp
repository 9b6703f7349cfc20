#include "pipeline/window/journal_rows.h"

namespace hecate::window {
namespace {

constexpr const char* kSchema[] = {
    "CREATE TABLE lookup(name TEXT PRIMARY KEY, rows INTEGER NOT NULL, csv TEXT NOT NULL);"
    "CREATE TABLE scan_use(detection TEXT NOT NULL, number INTEGER NOT NULL, scan INTEGER NOT NULL,"
    " PRIMARY KEY (detection, number)) WITHOUT ROWID",
};

}  // namespace

Result<void> prepare_tables(store::Database& database) {
  return database.migrate("window", kSchema);
}

Result<std::map<std::string, Progress>> read_progress(store::Database& database) {
  auto statement = database.prepare("SELECT detection, last_run, scan, since, first FROM schedule");
  if (!statement) return std::unexpected(statement.error());
  std::map<std::string, Progress> found;
  auto read = (*statement)->each_row([&] {
    found.emplace((*statement)->text(0),
                  Progress{(*statement)->integer(1), static_cast<std::uint64_t>((*statement)->integer(2)),
                           (*statement)->integer(3), (*statement)->integer(4)});
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<void> write_progress(store::Database& database, const std::string& detection,
                            const Progress& progress) {
  auto statement = database.prepare(
      "INSERT INTO schedule(detection, last_run, scan, since, first) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO"
      " UPDATE SET last_run = excluded.last_run, scan = excluded.scan, since = excluded.since,"
      " first = excluded.first");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)
      ->bind_text(1, detection)
      .bind(2, progress.last_run)
      .bind(3, static_cast<std::int64_t>(progress.search))
      .bind(4, progress.since)
      .bind(5, progress.first)
      .run();
}

Result<void> write_last_run(store::Database& database, const std::string& detection, Time last_run) {
  auto statement = database.prepare("UPDATE schedule SET last_run = ? WHERE detection = ?");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind(1, last_run).bind_text(2, detection).run();
}

Result<void> remove_progress(store::Database& database, const std::string& detection) {
  auto statement = database.prepare("DELETE FROM schedule WHERE detection = ?");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind_text(1, detection).run();
}

Result<void> write_scan_uses(store::Database& database, const std::vector<ScanUse>& uses) {
  if (auto cleared = database.execute("DELETE FROM scan_use"); !cleared) return cleared;
  for (const ScanUse& use : uses) {
    for (std::size_t i = 0; i < use.scans.size(); ++i) {
      auto statement = database.prepare("INSERT OR IGNORE INTO scan_use VALUES (?, ?, ?)");
      if (!statement) return std::unexpected(statement.error());
      auto put = (*statement)
                     ->bind_text(1, use.detection)
                     .bind(2, static_cast<std::int64_t>(i))
                     .bind(3, static_cast<std::int64_t>(use.scans[i]))
                     .run();
      if (!put) return put;
    }
  }
  return {};
}

Result<std::int64_t> read_last_run_id(store::Database& database) {
  auto statement = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'run'");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->number();
}

Result<void> write_run(store::Database& database, const Run& run, std::size_t rows, bool done) {
  auto statement = database.prepare(
      "INSERT INTO run(run, detection, scheduled, earliest, latest, rows, done, early, incomplete,"
      " evaluated, took) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT DO UPDATE SET rows = excluded.rows, done = excluded.done, incomplete = "
      "excluded.incomplete, took = excluded.took");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)
      ->bind(1, run.id)
      .bind_text(2, run.detection.detection.name)
      .bind(3, run.window.scheduled)
      .bind(4, run.window.earliest)
      .bind(5, run.window.latest)
      .bind(6, static_cast<std::int64_t>(rows))
      .bind(7, std::int64_t{done})
      .bind(8, std::int64_t{run.early})
      .bind(9, std::int64_t{run.incomplete})
      .bind(10, run.search_time)
      .bind(11, run.took)
      .run();
}

Result<std::vector<DoneRun>> read_done_runs(store::Database& database, const std::string& detection,
                                            int most) {
  auto statement = database.prepare(
      "SELECT scheduled, earliest, latest, evaluated, took, rows, incomplete FROM run"
      " WHERE detection = ? AND done = 1 AND early = 0 ORDER BY scheduled DESC, run DESC LIMIT ?");
  if (!statement) return std::unexpected(statement.error());
  store::Statement& row = **statement;
  row.bind_text(1, detection).bind(2, std::int64_t{most});
  std::vector<DoneRun> found;
  auto read = row.each_row([&] {
    found.push_back({.scheduled = row.integer(0),
                     .earliest = row.integer(1),
                     .latest = row.integer(2),
                     .evaluated = row.integer(3),
                     .took = row.integer(4),
                     .rows = row.integer(5),
                     .incomplete = row.integer(6) != 0});
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<std::map<std::string, Time>> read_run_ends(store::Database& database) {
  auto statement = database.prepare(
      "SELECT detection, max(latest) FROM run WHERE done = 1 AND early = 0 GROUP BY detection");
  if (!statement) return std::unexpected(statement.error());
  std::map<std::string, Time> found;
  auto read = (*statement)->each_row([&] { found.emplace((*statement)->text(0), (*statement)->integer(1)); });
  if (!read) return std::unexpected(read.error());
  return found;
}

// A window ends at most so long after its run: they are looked for among the runs since then only.
constexpr Time kLongestBehindRun = 7 * kDay;

Result<std::vector<schedule::Window>> read_windows_with(store::Database& database,
                                                        const std::string& detection, Time time,
                                                        Time last_run) {
  auto statement = database.prepare(
      "SELECT DISTINCT scheduled, earliest, latest FROM run WHERE detection = ? AND scheduled BETWEEN ? AND ?"
      " AND earliest <= ? AND latest > ? AND done = 1 AND early = 0 ORDER BY scheduled");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind_text(1, detection).bind(2, time - kLongestBehindRun).bind(3, last_run);
  (*statement)->bind(4, time).bind(5, time);
  std::vector<schedule::Window> found;
  auto read = (*statement)->each_row([&] {
    found.push_back({(*statement)->integer(0), (*statement)->integer(1), (*statement)->integer(2)});
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<void> note_late_minute(store::Database& database, std::uint64_t scan, std::int64_t minute) {
  auto statement = database.prepare(
      "INSERT INTO late_minute VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind(1, static_cast<std::int64_t>(scan)).bind(2, minute).run();
}

Result<std::vector<LateMinute>> read_late_minutes(store::Database& database) {
  auto statement = database.prepare("SELECT scan, minute, times FROM late_minute ORDER BY scan, minute");
  if (!statement) return std::unexpected(statement.error());
  std::vector<LateMinute> found;
  auto read = (*statement)->each_row([&] {
    found.push_back({static_cast<std::uint64_t>((*statement)->integer(0)), (*statement)->integer(1),
                     (*statement)->integer(2)});
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

Result<void> remove_late_minute(store::Database& database, const LateMinute& late) {
  auto statement = database.prepare("DELETE FROM late_minute WHERE scan = ? AND minute = ? AND times = ?");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)
      ->bind(1, static_cast<std::int64_t>(late.scan))
      .bind(2, late.minute)
      .bind(3, late.times)
      .run();
}

Result<void> remove_undone_runs(store::Database& database, const std::string& detection) {
  auto statement = database.prepare("DELETE FROM run WHERE detection = ? AND done = 0");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind_text(1, detection).run();
}

}  // namespace hecate::window
