#include "outputs/stored.h"

#include "outputs/finding.h"
#include "outputs/findings.h"
#include "outputs/json_writer.h"
#include "outputs/outbox_cursor.h"
#include "outputs/schema.h"
#include "pipeline/store/inspection.h"

#include <algorithm>

#include <fmt/format.h>

namespace hecate::outputs {
namespace {

void begin(JsonWriter& json, std::int64_t seq, std::string_view state, std::string_view finding,
           std::string_view kind) {
  json.begin_object().key("seq").value(seq).key("state").value(state);
  json.key("finding").value(finding).key("kind").value(kind);
}

}  // namespace

Result<void> read_findings(store::Database& reader, const FindingQuery& query, const JsonVisitor& visit) {
  auto there = store::has_table(reader, "finding");
  if (!there || !*there) return there ? Result<void>() : std::unexpected(there.error());
  const char* newest =
      " AND NOT EXISTS (SELECT 1 FROM finding_id i JOIN finding n ON n.seq = i.finding JOIN run q ON q.run = "
      "n.run"
      "   WHERE i.id = f.id AND i.revision > f.revision AND q.done = 1)";
  auto rows = reader.cursor(
      fmt::format("SELECT f.created, f.revision, f.status, coalesce(f.newest, f.body) FROM finding f"
                  " JOIN run r ON r.run = f.run"
                  " WHERE r.done = 1 AND f.created >= ?1 AND (?2 = '' OR f.detection = ?2){} ORDER BY "
                  "f.created {}, f.seq {}"
                  " LIMIT ?3",
                  query.every_revision ? "" : newest, query.oldest_first ? "ASC" : "DESC",
                  query.oldest_first ? "ASC" : "DESC"));
  if (!rows) return std::unexpected(rows.error());
  store::Statement& row = **rows;
  row.bind(1, query.since).bind_text(2, query.detection).bind(3, query.limit);
  return row.each_row([&] { visit(shown(row.integer(0), row.integer(1), row.text(2), row.text(3))); });
}

Result<void> read_outbox(store::Database& reader, const JsonVisitor& visit) {
  auto there = store::has_table(reader, "outbox");
  if (!there || !*there) return there ? Result<void>() : std::unexpected(there.error());
  auto snapshot = store::Transaction::begin(reader, store::Transaction::Kind::read);
  if (!snapshot) return std::unexpected(snapshot.error());
  StoredRules rules;
  OutboxCursor waiting(reader, rules);
  Result<bool> more = waiting.next();
  for (; more && *more; more = waiting.next()) {
    auto envelope = waiting.envelope();
    if (!envelope) return std::unexpected(envelope.error());
    JsonWriter json;
    begin(json, waiting.seq(), "waiting", waiting.finding(), waiting.kind());
    json.key("queued").value(format_iso(waiting.queued()));
    visit(json.key("envelope").raw(*envelope).end_object().text());
  }
  if (!more) return std::unexpected(more.error());
  auto parked = reader.cursor(
      "SELECT seq, finding, kind, parked_at, payload, status, code, answer FROM parked ORDER BY seq");
  if (!parked) return std::unexpected(parked.error());
  return (*parked)->each_row([&] {
    JsonWriter json;
    begin(json, (*parked)->integer(0), "parked", (*parked)->text(1), (*parked)->text(2));
    json.key("parked_at").value(format_iso((*parked)->integer(3)));
    json.key("status").value((*parked)->integer(5)).key("code").value((*parked)->integer(6));
    json.key("answer").value((*parked)->text(7));
    visit(json.key("envelope").raw((*parked)->text(4)).end_object().text());
  });
}

namespace {

// A run of its own makes it visible: the one that told it may be gone.
Result<std::int64_t> add_run(store::Database& database, Time now) {
  auto statement = database.prepare(
      "INSERT INTO run(detection, scheduled, earliest, latest, rows, done, early) VALUES"
      " ('(posted again)', ?1, ?1, ?1, 1, 1, 1) RETURNING run");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind(1, now).number();
}

Result<bool> move_back(store::Database& database, std::int64_t run, Time now, std::int64_t number) {
  auto moved = database.prepare(
      "INSERT INTO outbox(run, finding, kind, queued, payload)"
      " SELECT ?1, finding, kind, ?2, payload FROM parked WHERE seq = ?3 RETURNING 1");
  if (!moved) return std::unexpected(moved.error());
  auto found = (*moved)->bind(1, run).bind(2, now).bind(3, number).number();
  if (!found) return std::unexpected(found.error());
  if (*found == 0) return false;
  auto removed = database.prepare("DELETE FROM parked WHERE seq = ?");
  if (!removed) return std::unexpected(removed.error());
  if (auto done = (*removed)->bind(1, number).run(); !done) return std::unexpected(done.error());
  return true;
}

Result<std::vector<std::int64_t>> parked_numbers(store::Database& database) {
  auto rows = database.cursor("SELECT seq FROM parked ORDER BY seq");
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::int64_t> numbers;
  auto read = (*rows)->each_row([&] { numbers.push_back((*rows)->integer(0)); });
  if (!read) return std::unexpected(read.error());
  return numbers;
}

}  // namespace

Result<std::int64_t> requeue_parked(store::Store& store, Time now, const std::vector<std::int64_t>& numbers) {
  if (auto prepared = prepare_tables(store); !prepared) return std::unexpected(prepared.error());
  auto reader = store.reader();
  if (!reader) return std::unexpected(reader.error());
  auto parked = parked_numbers(**reader);
  if (!parked) return std::unexpected(parked.error());
  for (std::int64_t number : numbers)
    if (!std::ranges::binary_search(*parked, number))
      return fail(fmt::format("no parked envelope has the number {}; see `hecate state outbox`", number));
  const std::vector<std::int64_t>& chosen = numbers.empty() ? *parked : numbers;
  if (chosen.empty()) return 0;
  std::int64_t moved = 0;
  auto done = store.write_and_wait([&](store::Database& database) -> Result<void> {
    auto run = add_run(database, now);
    if (!run) return std::unexpected(run.error());
    moved = 0;
    for (std::int64_t number : chosen) {
      auto each = move_back(database, *run, now, number);
      if (!each) return std::unexpected(each.error());
      moved += *each;
    }
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return moved;
}

Result<std::vector<std::string>> find_problems(store::Database& reader) {
  std::vector<std::string> problems;
  auto version = store::version_problem(reader, "outputs", static_cast<int>(std::size(kSchema)));
  if (!version) return std::unexpected(version.error());
  if (!version->empty()) return std::vector{*version};
  for (const char* table : {"finding", "outbox"}) {
    auto there = store::has_table(reader, table);
    if (!there) return std::unexpected(there.error());
    if (!*there) continue;
    auto rows = reader.cursor(fmt::format(
        "SELECT count(*) FROM {0} WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.run = {0}.run)", table));
    if (!rows) return std::unexpected(rows.error());
    auto read = (*rows)->each_row([&] {
      if ((*rows)->integer(0) == 0) return;
      problems.push_back(fmt::format("{} rows of {} belong to no run: nobody will ever see them",
                                     (*rows)->integer(0), table));
    });
    if (!read) return std::unexpected(read.error());
  }
  return problems;
}

}  // namespace hecate::outputs
