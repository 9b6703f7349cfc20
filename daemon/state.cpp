#include "daemon/commands.h"
#include "outputs/json_writer.h"
#include "outputs/stored.h"
#include "pipeline/store/inspection.h"
#include "pipeline/store/recovery.h"
#include "pipeline/store/store.h"

#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <prometheus/registry.h>

namespace hecate::daemon {
namespace {

constexpr int kWrong = 1;
constexpr int kCannotLook = 2;

int refuse(const std::string& why) {
  fmt::print(stderr, "hecate: {}\n", why);
  return kCannotLook;
}

void print_line(std::string_view json) {
  fmt::print("{}\n", json);
}

int done(const Result<void>& read) {
  return read ? 0 : refuse(read.error().message);
}

// What `show` prints of a scan or detection; of a scan that no detection uses, without a name.
struct Line {
  std::string detection;
  std::string last_run = "-";
  Time loaded = 0;                                // what `schedule` has as its last run
  std::int64_t minutes = 0, rows = 0, bytes = 0;  // of the panes
  std::int64_t runs = 0, findings = 0;
};

std::string readable_bytes(double bytes) {
  const char* unit = "B";
  for (const char* larger : {"KiB", "MiB", "GiB", "TiB"}) {
    if (bytes < 1024) break;
    bytes /= 1024;
    unit = larger;
  }
  return *unit == 'B' ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", bytes, unit);
}

double size_of(const std::string& file) {
  std::error_code absent;
  auto size = std::filesystem::file_size(file, absent);
  return absent ? 0 : static_cast<double>(size);
}

// A look at a state folder, all of it as of one commit.
class Look {
 public:
  static Result<std::unique_ptr<Look>> at(const std::string& path) {
    std::string file = path + "/hecate.db";
    if (auto there = check_file(path); !there) return std::unexpected(there.error());
    auto database = store::Database::open(file, store::Database::Mode::read_only);
    if (!database) return std::unexpected(database.error());
    auto snapshot = store::Transaction::begin(**database, store::Transaction::Kind::read);
    if (!snapshot) return std::unexpected(snapshot.error());
    return std::unique_ptr<Look>(new Look(path, *std::move(database), *std::move(snapshot)));
  }

  // Says why there is nothing to look at.
  static Result<void> check_file(const std::string& path) {
    std::error_code error;
    auto status = std::filesystem::status(path + "/hecate.db", error);
    if (status.type() == std::filesystem::file_type::not_found)
      return fail(
          fmt::format("there is no hecate.db in {}; name the folder of state.path with --path", path));
    if (error)
      return fail(fmt::format(
          "{}/hecate.db cannot be looked at: {}; the folder is closed to all but hecate's user, run this as "
          "that",
          path, error.message()));
    if (status.type() != std::filesystem::file_type::regular)
      return fail(fmt::format("{}/hecate.db is no file; is {} hecate's folder?", path, path));
    if (std::filesystem::file_size(path + "/hecate.db", error) == 0 && !error)
      return fail(fmt::format(
          "{}/hecate.db is empty: no hecate has stored anything here yet, or it was cut off; a hecate that "
          "starts here begins anew",
          path));
    return {};
  }

  [[nodiscard]] store::Database& database() { return *database_; }

  Result<void> show() {
    auto lines = read_lines();
    if (!lines) return std::unexpected(lines.error());
    std::string file = path_ + "/hecate.db";
    std::error_code unknown;
    auto space = std::filesystem::space(path_, unknown);
    fmt::print("state in {}\n", path_);
    fmt::print("  database  {}, write-ahead log {}, disk left {}\n", readable_bytes(size_of(file)),
               readable_bytes(size_of(file + "-wal")),
               unknown ? "unknown" : readable_bytes(static_cast<double>(space.available)));
    if (auto told = show_counts(); !told) return told;
    if (auto told = show_local_tables(); !told) return told;
    print_table(*lines);
    return {};
  }

 private:
  Look(std::string path, std::unique_ptr<store::Database> database, store::Transaction snapshot)
      : path_(std::move(path)), database_(std::move(database)), snapshot_(std::move(snapshot)) {}

  // 0 where one of the tables is not there yet.
  Result<std::int64_t> number(std::string_view table, const std::string& sql) {
    auto there = store::has_table(*database_, table);
    if (!there) return std::unexpected(there.error());
    if (!*there) return 0;
    auto rows = database_->cursor(sql);
    if (!rows) return std::unexpected(rows.error());
    return (*rows)->number();
  }

  Result<void> show_counts() {
    struct Count {
      const char* table;
      const char* sql;
    };
    std::vector<std::int64_t> counts;
    for (const Count& each : std::initializer_list<Count>{
             {"finding", "SELECT count(DISTINCT id) FROM finding JOIN run USING (run) WHERE done = 1"},
             {"outbox", "SELECT count(*) FROM outbox JOIN run USING (run) WHERE done = 1"},
             {"outbox", "SELECT min(queued) FROM outbox JOIN run USING (run) WHERE done = 1"},
             {"parked", "SELECT count(*) FROM parked"},
             {"aside", "SELECT count(*) FROM aside WHERE reason = 'late'"},
             {"aside", "SELECT count(*) FROM aside WHERE reason <> 'late'"},
             {"damaged", "SELECT count(*) FROM damaged"},
             {"tail", "SELECT coalesce(sum(length(deltas)), 0) FROM tail"}}) {
      auto count = number(each.table, each.sql);
      if (!count) return std::unexpected(count.error());
      counts.push_back(*count);
    }
    fmt::print("  findings  {}\n", counts[0]);
    fmt::print("  outbox    {} waiting{}, {} parked\n", counts[1],
               counts[1] > 0 ? ", the oldest since " + format_iso(counts[2]) : "", counts[3]);
    fmt::print("  aside     {} late, {} from the future, {} damaged rows\n", counts[4], counts[5], counts[6]);
    if (counts[7] > 0)
      fmt::print("  tail      {} that no line below counts yet\n",
                 readable_bytes(static_cast<double>(counts[7])));
    return {};
  }

  Result<std::vector<Line>> read_lines() {
    std::map<std::int64_t, Line> by_scan;
    auto panes = read_rows(
        "SELECT scan, count(DISTINCT minute), count(*),"
        " sum(length(grp) + length(state) + length(sample)) FROM pane GROUP BY scan",
        [&](const store::Statement& row) {
          Line& line = by_scan[row.integer(0)];
          line.minutes = row.integer(1);
          line.rows = row.integer(2);
          line.bytes = row.integer(3);
        });
    if (!panes) return std::unexpected(panes.error());
    std::vector<Line> lines;
    std::map<std::int64_t, bool> used;
    auto whole = read_whole(used);
    if (!whole) return std::unexpected(whole.error());
    auto schedule = read_rows("SELECT * FROM schedule ORDER BY detection", [&](const store::Statement& row) {
      std::int64_t scan = row.integer(2);  // 0 where an older version wrote it
      Line line = by_scan.contains(scan) ? by_scan[scan] : Line{};
      used[scan] = true;
      line.detection = row.text(0);
      if (auto found = whole->find(line.detection); found != whole->end()) line = found->second;
      line.loaded = row.integer(1);
      lines.push_back(std::move(line));
    });
    if (!schedule) return std::unexpected(schedule.error());
    if (auto counted = count_by_detection(lines); !counted) return std::unexpected(counted.error());
    for (auto& [scan, line] : by_scan) {
      if (used.contains(scan)) continue;
      line.detection = fmt::format("(scan {:016x})", static_cast<std::uint64_t>(scan));
      lines.push_back(line);
    }
    return lines;
  }

  // What all scans of a detection hold, by its name; `used` gets their ids. None where an older hecate stored
  // it.
  Result<std::map<std::string, Line>> read_whole(std::map<std::int64_t, bool>& used) {
    std::map<std::string, Line> whole;
    auto there = store::has_table(*database_, "scan_use");
    if (!there) return std::unexpected(there.error());
    if (!*there) return whole;
    auto uses = read_rows("SELECT scan FROM scan_use",
                          [&](const store::Statement& row) { used[row.integer(0)] = true; });
    if (!uses) return std::unexpected(uses.error());
    auto read = read_rows(
        "SELECT detection, count(DISTINCT minute), count(*), sum(length(grp) + length(state) + "
        "length(sample))"
        " FROM scan_use JOIN pane USING (scan) GROUP BY detection",
        [&](const store::Statement& row) {
          Line& line = whole[std::string(row.text(0))];
          line.detection = row.text(0);
          line.minutes = row.integer(1);
          line.rows = row.integer(2);
          line.bytes = row.integer(3);
        });
    if (!read) return std::unexpected(read.error());
    return whole;
  }

  Result<void> show_local_tables() {
    auto there = store::has_table(*database_, "lookup");
    if (!there) return std::unexpected(there.error());
    if (!*there) return {};
    return read_rows("SELECT name, rows FROM lookup ORDER BY name", [](const store::Statement& row) {
      fmt::print("  lookup    {}: {} rows\n", row.text(0), row.integer(1));
    });
  }

  Result<void> count_by_detection(std::vector<Line>& lines) {
    std::map<std::string, Line> counts;
    auto runs = read_rows(
        "SELECT detection, count(DISTINCT scheduled) FROM run WHERE done = 1 AND early = 0 GROUP BY "
        "detection",
        [&](const store::Statement& row) { counts[std::string(row.text(0))].runs = row.integer(1); });
    if (!runs) return runs;
    auto there = store::has_table(*database_, "finding");
    if (!there) return std::unexpected(there.error());
    if (*there) {
      auto findings = read_rows(
          "SELECT f.detection, count(DISTINCT f.id) FROM finding f JOIN run USING (run) WHERE done = 1"
          " GROUP BY f.detection",
          [&](const store::Statement& row) { counts[std::string(row.text(0))].findings = row.integer(1); });
      if (!findings) return findings;
    }
    for (Line& line : lines) {
      line.runs = counts[line.detection].runs;
      // Until it has run, the time there is when it was loaded: no whole minute, as those of cron are. (Rows
      // of runs that told nothing go after a while.)
      if (line.loaded != 0 && (line.runs > 0 || line.loaded % kMinute == 0))
        line.last_run = format_iso(line.loaded);
      line.findings = counts[line.detection].findings;
    }
    return {};
  }

  Result<void> read_rows(const char* sql, const std::function<void(const store::Statement&)>& visit) {
    auto rows = database_->cursor(sql);
    if (!rows) return std::unexpected(rows.error());
    return (*rows)->each_row([&] { visit(**rows); });
  }

  static void print_table(const std::vector<Line>& lines) {
    std::size_t width = std::string_view("DETECTION").size();
    for (const Line& line : lines) width = std::max(width, line.detection.size());
    fmt::print("\n{:<{}}  {:<24}  {:>7}  {:>9}  {:>10}  {:>7}  {:>8}\n", "DETECTION", width, "LAST RUN",
               "MINUTES", "GROUPS", "STORED", "RUNS", "FINDINGS");
    for (const Line& line : lines) {
      fmt::print("{:<{}}  {:<24}  {:>7}  {:>9}  {:>10}  {:>7}  {:>8}\n", line.detection, width, line.last_run,
                 line.minutes, line.rows, readable_bytes(static_cast<double>(line.bytes)), line.runs,
                 line.findings);
    }
  }

  std::string path_;
  std::unique_ptr<store::Database> database_;
  store::Transaction snapshot_;
};

int check(Look& look) {
  auto problems = store::find_problems(look.database());
  if (problems && problems->empty()) problems = outputs::find_problems(look.database());
  if (!problems) problems = std::vector{problems.error().message};
  for (const std::string& problem : *problems) fmt::print("{}\n", problem);
  if (problems->empty()) {
    fmt::print("ok\n");
    return 0;
  }
  fmt::print(
      stderr,
      "hecate: {} problems; keep a copy of the whole folder, look at the disk's health, and start with a "
      "backup of it or with an empty folder\n",
      problems->size());
  return kWrong;
}

int findings(Look& look, const StateOptions& options) {
  outputs::FindingQuery query;
  query.detection = options.detection;
  query.limit = options.limit == 0 ? -1 : options.limit;
  if (!options.since.empty()) {
    auto since = parse_epoch(options.since);
    if (!since) since = parse_timestamp(options.since);
    if (!since) return refuse("--since: seconds since 1970 or a time such as 2026-04-27T13:00:00Z");
    query.since = *since;
  }
  return done(outputs::read_findings(look.database(), query, print_line));
}

int late(Look& look) {
  std::int64_t unreadable = 0;
  auto read = store::read_aside(look.database(), [&](const store::KeptAside& event) {
    if (!event.sample) {
      ++unreadable;
      return;
    }
    outputs::JsonWriter json;
    json.begin_object().key("reason").value(event.reason).key("received").value(format_iso(event.received));
    json.key("time").value(format_iso(event.sample->time)).key("host").value(event.sample->host);
    json.key("source").value(event.sample->source).key("sourcetype").value(event.sample->sourcetype);
    json.key("index").value(event.sample->index).key("scan").value(fmt::format("{:016x}", event.scan));
    print_line(json.key("raw").value(event.sample->raw).end_object().text());
  });
  if (unreadable > 0)
    fmt::print(stderr, "hecate: {} events cannot be read; see hecate state check\n", unreadable);
  return done(read);
}

int requeue(const StateOptions& options) {
  if (auto there = Look::check_file(options.path); !there) return refuse(there.error().message);
  SystemClock clock;
  prometheus::Registry registry;
  auto store = store::Store::open(options.path, clock, registry);
  if (!store) return refuse(store.error().message);
  auto moved = outputs::requeue_parked(**store, clock.now(), options.numbers);
  if (!moved) return refuse(moved.error().message);
  fmt::print("{} put back; they are posted when hecate starts\n", *moved);
  return 0;
}

}  // namespace

int state(const StateOptions& options) {
  if (options.what == "requeue") return requeue(options);
  // Opening makes an empty log where there is none.
  if (auto there = store::look_for_log(options.path); !there && options.what == "check") {
    fmt::print("{}\n", there.error().message);
    return kWrong;
  }
  auto opened = Look::at(options.path);
  if (!opened) return refuse(opened.error().message);
  Look& look = **opened;
  if (options.what == "check") return check(look);
  if (options.what == "show") return done(look.show());
  if (options.what == "findings") return findings(look, options);
  if (options.what == "late") return late(look);
  if (options.what == "outbox") return done(outputs::read_outbox(look.database(), print_line));
  outputs::FindingQuery all{
      .since = 0, .limit = -1, .detection = {}, .every_revision = true, .oldest_first = true};
  return done(outputs::read_findings(look.database(), all, print_line));
}

}  // namespace hecate::daemon
