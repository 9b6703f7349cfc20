#include "outputs/recorder.h"

#include "outputs/rule.h"

#include <utility>

#include <sqlite3.h>

namespace hecate::outputs {

Result<void> index_id(store::Database& database, const Unindexed& entry) {
  auto statement = database.prepare("INSERT INTO finding_id (id, revision, finding) VALUES (?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind_text(1, entry.id).bind(2, std::int64_t{entry.revision}).bind(3, entry.seq).run();
}

Result<void> Recorder::keep_rule(std::string_view json) {
  auto statement = database_.prepare(
      "INSERT INTO rule (rule, told, json) VALUES (?1, ?2, ?3)"
      " ON CONFLICT DO UPDATE SET told = max(told, excluded.told)");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind(1, run_.rule).bind(2, run_.search_time).bind_text(3, json).run();
}

Result<void> Recorder::record(const Telling& telling) {
  const Finding& finding = telling.finding;
  switch (telling.what) {
    case Telling::What::tell:
      return tell(finding);
    case Telling::What::revise:
      ++counts_.revised;
      if (auto done = insert(finding, "revised", run_.rule); !done) return done;
      if (auto done = mark_seen(finding.id); !done) return done;
      return run_.post_revisions ? queue(finding) : Result<void>();
    case Telling::What::update:
      if (auto done = update(finding); !done) return done;
      break;
    case Telling::What::keep:
      break;
    case Telling::What::withdraw:
      return withdraw(telling);
  }
  if (run_.early) return {};
  ++counts_.told_before;
  return mark_seen(finding.id);
}

// It goes on by the rule that it was told by, which retention keeps as long as this.
Result<void> Recorder::withdraw(const Telling& telling) {
  ++counts_.withdrawn;
  if (auto done = use_rule(telling.rule); !done) return done;
  if (auto done = insert(telling.finding, "withdrawn", telling.rule); !done) return done;
  if (auto done = mark_seen(telling.finding.id); !done) return done;
  if (!run_.deliver || !run_.notable || !run_.post_revisions) return {};
  return queue(telling.finding.id, "notable");
}

Result<void> Recorder::use_rule(std::int64_t rule) {
  auto statement = database_.prepare("UPDATE rule SET told = max(told, ?) WHERE rule = ?");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind(1, run_.search_time).bind(2, rule).run();
}

Result<void> Recorder::tell(const Finding& finding) {
  if (!finding.throttle_values.empty()) {
    auto throttled = is_throttled(finding);
    if (!throttled) return std::unexpected(throttled.error());
    if (*throttled) {
      ++counts_.throttled;
      return {};
    }
    if (auto done = note_told(finding); !done) return done;
  }
  ++counts_.told;
  if (auto done = insert(finding, "new", run_.rule); !done) return done;
  return queue(finding);
}

// By scheduled time: a finding told at T stands for those of the period after it.
Result<bool> Recorder::is_throttled(const Finding& finding) {
  auto statement = database_.prepare(
      "SELECT 1 FROM throttle WHERE detection = ? AND vals = ? AND told_at > ? AND told_at <= ? LIMIT 1");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind_text(1, run_.detection).bind_text(2, finding.throttle_values);
  (*statement)->bind(3, run_.window.scheduled - run_.throttle_period).bind(4, run_.window.scheduled);
  auto found = (*statement)->step();
  (*statement)->reset();
  return found;
}

Result<void> Recorder::note_told(const Finding& finding) {
  auto statement =
      database_.prepare("INSERT OR IGNORE INTO throttle (detection, vals, told_at, run) VALUES (?, ?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind_text(1, run_.detection).bind_text(2, finding.throttle_values);
  (*statement)->bind(3, run_.window.scheduled).bind(4, run_.id);
  return (*statement)->run();
}

Result<void> Recorder::insert(const Finding& finding, std::string_view status, std::int64_t rule) {
  auto statement = database_.prepare(
      "INSERT INTO finding"
      " (id, revision, run, detection, created, earliest, latest, status, plain, seen, rule, body)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind_text(1, finding.id).bind(2, std::int64_t{finding.revision}).bind(3, run_.id);
  (*statement)->bind_text(4, run_.detection).bind(5, run_.search_time).bind(6, run_.window.earliest);
  (*statement)->bind(7, run_.window.latest).bind_text(8, status).bind(9, finding.plain).bind(10, run_.id);
  (*statement)->bind(11, rule).bind_text(12, finding.body);
  if (auto done = (*statement)->run(); !done) return done;
  seq_ = sqlite3_last_insert_rowid(database_.handle());
  Unindexed entry{finding.id, finding.revision, seq_};
  if (last_) return index_id(database_, entry);
  counts_.unindexed.push_back(std::move(entry));
  return {};
}

// The newest revision that is visible; `finding.revision` is the one that would come after it.
Result<void> Recorder::update(const Finding& finding) {
  auto statement = database_.prepare(
      "UPDATE finding SET newest = ?, plain = ? WHERE seq ="
      " (SELECT finding FROM finding_id WHERE id = ? AND revision = ?)");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind_text(1, finding.body).bind(2, finding.plain).bind_text(3, finding.id);
  return (*statement)->bind(4, std::int64_t{finding.revision - 1}).run();
}

Result<void> Recorder::mark_seen(std::string_view id) {
  auto statement = database_.prepare(
      "UPDATE finding SET seen = ? WHERE seq IN (SELECT finding FROM finding_id WHERE id = ?)");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->bind(1, run_.id).bind_text(2, id).run();
}

// What was inserted last. A revision brings a risk event only for an object that had none.
Result<void> Recorder::queue(const Finding& finding) {
  if (!run_.deliver) return {};
  if (run_.notable) {
    if (auto done = queue(finding.id, "notable"); !done) return done;
  }
  auto told = finding.revision > 1 ? risk_objects_told(finding.id) : std::set<RiskEntity>();
  if (!told) return std::unexpected(told.error());
  for (const RiskEntity& entity : finding.risk_objects) {
    if (!told->insert(entity).second) continue;
    if (auto done = queue(finding.id, "risk", &entity); !done) return done;
  }
  return {};
}

Result<void> Recorder::queue(std::string_view id, std::string_view kind, const RiskEntity* entity) {
  auto statement = database_.prepare(
      "INSERT INTO outbox (run, told, finding, kind, queued, object_type, object)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind(1, run_.id).bind(2, seq_).bind_text(3, id).bind_text(4, kind);
  (*statement)->bind(5, run_.search_time);
  if (entity) (*statement)->bind_text(6, entity->type).bind_text(7, entity->object);
  return (*statement)->run();
}

// For whom earlier revisions had risk events.
Result<std::set<RiskEntity>> Recorder::risk_objects_told(const std::string& id) {
  auto earlier = database_.prepare(
      "SELECT f.body, u.json FROM finding_id i JOIN finding f ON f.seq = i.finding JOIN run r ON r.run = "
      "f.run"
      " LEFT JOIN rule u ON u.rule = f.rule WHERE i.id = ? AND r.done = 1 AND f.status <> 'withdrawn'");
  if (!earlier) return std::unexpected(earlier.error());
  (*earlier)->bind_text(1, id);
  std::set<RiskEntity> told;
  auto read = (*earlier)->each_row([&] {
    // A version that kept no rules has told of all objects.
    auto rule = Rule::parse((*earlier)->text(1));
    if (rule && !rule->risk) return;
    for (RiskEntity& entity : risk_objects_of((*earlier)->text(0))) told.insert(std::move(entity));
  });
  if (!read) return std::unexpected(read.error());
  return told;
}

}  // namespace hecate::outputs
