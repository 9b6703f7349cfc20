#include "outputs/outbox_cursor.h"

#include "outputs/posting.h"

#include <fmt/format.h>

namespace hecate::outputs {

Result<const Rule*> StoredRules::get(store::Database& reader, std::int64_t rule) {
  auto known = rules_.find(rule);
  if (known != rules_.end()) return &known->second;
  auto statement = reader.prepare("SELECT json FROM rule WHERE rule = ?");
  if (!statement) return std::unexpected(statement.error());
  auto found = (*statement)->bind(1, rule).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(fmt::format("rule {} of a finding is missing in the table rule", rule));
  auto parsed = Rule::parse((*statement)->text(0));
  (*statement)->reset();
  if (!parsed) return std::unexpected(parsed.error());
  return &rules_.emplace(rule, *std::move(parsed)).first->second;
}

Result<bool> OutboxCursor::next() {
  if (!rows_) {
    if (auto opened = open_behind(0); !opened) return std::unexpected(opened.error());
  }
  while (true) {
    auto row = rows_->step();
    if (!row || !*row) return row;
    bool visible = rows_->integer(16) == 1;
    if (visible) return true;
    if (auto passed = pass_over_run(); !passed) return std::unexpected(passed.error());
  }
}

Result<void> OutboxCursor::open_behind(std::int64_t seq) {
  auto rows = reader_.cursor(
      "SELECT o.seq, o.finding, o.kind, o.queued, o.payload, o.object_type, o.object, f.detection, "
      "f.revision,"
      " f.created, f.earliest, f.latest, f.status, f.rule, f.body, o.run, r.done FROM outbox o"
      " LEFT JOIN run r ON r.run = o.run LEFT JOIN finding f ON f.seq = o.told WHERE o.seq > ? ORDER BY "
      "o.seq");
  if (!rows) return std::unexpected(rows.error());
  rows_ = *std::move(rows);
  rows_->bind(1, seq);
  return {};
}

Result<void> OutboxCursor::pass_over_run() {
  auto last = reader_.prepare("SELECT max(seq) FROM outbox WHERE run = ?");
  if (!last) return std::unexpected(last.error());
  auto seq = (*last)->bind(1, rows_->integer(15)).number();
  if (!seq) return std::unexpected(seq.error());
  return open_behind(*seq);
}

Result<std::string> OutboxCursor::envelope() {
  if (!rows_->is_null(4)) return std::string(rows_->text(4));
  if (rows_->is_null(14)) return fail("what is stored of the finding is missing");
  auto rule = rules_.get(reader_, rows_->integer(13));
  if (!rule) return std::unexpected(rule.error());
  Told told{.id = finding(),
            .revision = revision(),
            .created = rows_->integer(9),
            .earliest = earliest(),
            .latest = latest(),
            .withdrawn = status() == "withdrawn",
            .body = body()};
  if (kind() == "risk") return risk_envelope(**rule, told, rows_->text(5), rows_->text(6));
  return notable_envelope(**rule, told);
}

}  // namespace hecate::outputs
