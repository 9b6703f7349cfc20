#include "pipeline/store/pane_writer.h"

#include <new>

#include <fmt/format.h>
#include <sqlite3.h>

namespace hecate::store {
namespace {

constexpr const char* kUpsert =
    "INSERT INTO pane VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " state = hecate_merge(state, excluded.state), sample = hecate_earlier(sample, excluded.sample)";

// What hecate_merge gives for a state that it cannot merge; nothing else in an upsert does.
constexpr int kRefused = SQLITE_MISMATCH;

std::string_view blob(sqlite3_value* value) {
  const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
  return {bytes ? bytes : "", static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void earlier_in_sql(sqlite3_context* context, int, sqlite3_value** values) noexcept {
  bool second = Sample::earlier(blob(values[0]), blob(values[1])).data() == blob(values[1]).data();
  sqlite3_result_value(context, values[second ? 1 : 0]);
}

std::string name_of(const DeltaKey& key) {
  return fmt::format("pane row of scan {}, minute {}, group {} bytes", static_cast<std::int64_t>(key.scan),
                     key.minute, key.group.size());
}

}  // namespace

// Nothing may be thrown through SQLite.
void PaneWriter::merge_in_sql(sqlite3_context* context, int, sqlite3_value** values) noexcept {
  try {
    auto merged = spl::merge_states(blob(values[0]), blob(values[1]));
    if (merged) {
      auto& merge = static_cast<PaneWriter*>(sqlite3_user_data(context))->merge_;
      merge = {true, static_cast<std::int64_t>(merged->size()) - sqlite3_value_bytes(values[0])};
      sqlite3_result_blob64(context, merged->data(), merged->size(), SQLITE_TRANSIENT);
    } else {
      sqlite3_result_error(context, merged.error().message.c_str(), -1);
      sqlite3_result_error_code(context, kRefused);
    }
  } catch (const std::bad_alloc&) {
    sqlite3_result_error_nomem(context);
  } catch (const std::exception& thrown) {
    sqlite3_result_error(context, thrown.what(), -1);
  }
}

Result<void> PaneWriter::prepare() {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  auto add = [&](const char* name, void (*function)(sqlite3_context*, int, sqlite3_value**)) {
    return sqlite3_create_function_v2(database_.handle(), name, 2, kFlags, this, function, nullptr, nullptr,
                                      nullptr);
  };
  if (add("hecate_merge", merge_in_sql) != SQLITE_OK || add("hecate_earlier", earlier_in_sql) != SQLITE_OK) {
    return std::unexpected(database_.error("preparing to merge states"));
  }
  return sizes_.load();
}

Result<void> PaneWriter::write(std::span<const Entry* const> entries) {
  for (const Entry* entry : entries) {
    const DeltaKey& key = entry->first;
    if (sizes_.is_over(key.scan)) {
      sizes_.drop(key.scan, key.minute);
      continue;
    }
    merge_ = {};
    if (auto done = write(*entry); !done) return done;
    auto fresh = static_cast<std::int64_t>(key.group.size() + state_.size() + sample_.size());
    sizes_.add(key.scan, key.minute, merge_.any ? merge_.bytes : fresh);
  }
  return sizes_.write();
}

Result<std::int64_t> PaneWriter::remove(std::uint64_t scan, std::int64_t minute, std::int64_t rows) {
  auto statement = database_.prepare(
      "DELETE FROM pane WHERE (scan, minute, grp) IN"
      " (SELECT scan, minute, grp FROM pane WHERE scan = ? AND minute < ? LIMIT ?)");
  if (!statement) return std::unexpected(statement.error());
  auto done = (*statement)->bind(1, static_cast<std::int64_t>(scan)).bind(2, minute).bind(3, rows).run();
  if (!done) return std::unexpected(done.error());
  std::int64_t removed = sqlite3_changes(database_.handle());
  if (removed == rows) return removed;
  if (auto forgot = sizes_.forget(scan, minute); !forgot) return std::unexpected(forgot.error());
  return removed;
}

void PaneWriter::committed() {
  dropped_ = sizes_.dropped();
  sizes_.committed();
}

Result<void> PaneWriter::write(const Entry& entry) {
  state_.clear();
  sample_.clear();
  entry.second.state.encode(state_);
  entry.second.sample.encode(sample_);
  auto done = upsert(entry.first);
  auto poisonous = [this] {
    return database_.last_code() == kRefused || database_.last_code() == SQLITE_TOOBIG;
  };
  if (done || !poisonous()) return done;
  if (auto kept = put_aside(entry.first, done.error().message); !kept) return kept;
  done = upsert(entry.first);
  if (done || !poisonous()) return done;
  return keep_trace(entry.first, done.error().message);
}

Result<void> PaneWriter::upsert(const DeltaKey& key) {
  auto statement = database_.prepare(kUpsert);
  if (!statement) return std::unexpected(statement.error());
  return (*statement)
      ->bind(1, static_cast<std::int64_t>(key.scan))
      .bind(2, key.minute)
      .bind_blob(3, key.group)
      .bind_blob(4, state_)
      .bind_blob(5, sample_)
      .run();
}

Result<void> PaneWriter::put_aside_unreadable(const DeltaKey& key) {
  auto stored = database_.prepare("SELECT state, sample FROM pane WHERE scan = ? AND minute = ? AND grp = ?");
  if (!stored) return std::unexpected(stored.error());
  (*stored)->bind(1, static_cast<std::int64_t>(key.scan)).bind(2, key.minute).bind_blob(3, key.group);
  auto there = (*stored)->step();
  if (!there || !*there) return there ? Result<void>() : std::unexpected(there.error());
  auto state = spl::GroupState::decode((*stored)->blob(0));
  auto sample = Sample::decode((*stored)->blob(1));
  (*stored)->reset();
  if (state && sample) return {};
  return put_aside(key, state ? sample.error().message : state.error().message);
}

Result<void> PaneWriter::put_aside(const DeltaKey& key, const std::string& why) {
  auto scan = static_cast<std::int64_t>(key.scan);
  auto copy = database_.prepare(
      "INSERT INTO damaged(found, reason, scan, minute, grp, state, sample)"
      " SELECT ?4, ?5, scan, minute, grp, state, sample FROM pane WHERE scan = ?1 AND minute = ?2 AND grp = "
      "?3");
  if (!copy) return std::unexpected(copy.error());
  (*copy)->bind(1, scan).bind(2, key.minute).bind_blob(3, key.group).bind(4, clock_.now()).bind_text(5, why);
  if (auto done = (*copy)->run(); !done) return done;
  auto remove = database_.prepare("DELETE FROM pane WHERE scan = ? AND minute = ? AND grp = ?");
  if (!remove) return std::unexpected(remove.error());
  if (auto done = (*remove)->bind(1, scan).bind(2, key.minute).bind_blob(3, key.group).run(); !done)
    return done;
  if (sqlite3_changes(database_.handle()) == 0) return {};
  put_aside_.push_back(name_of(key) + ": " + why);
  return sizes_.note_missing(key.scan, key.minute);
}

// What came in is itself larger than SQLite stores: only that it was there can be kept.
Result<void> PaneWriter::keep_trace(const DeltaKey& key, const std::string& why) {
  auto statement = database_.prepare(
      "INSERT INTO damaged(found, reason, scan, minute, grp, state, sample) VALUES (?, ?, ?, ?, ?, x'', "
      "x'')");
  if (!statement) return std::unexpected(statement.error());
  put_aside_.push_back(fmt::format("{}: {} ({} bytes of state, {} of sample)", name_of(key), why,
                                   state_.size(), sample_.size()));
  auto done = (*statement)
                  ->bind(1, clock_.now())
                  .bind_text(2, put_aside_.back())
                  .bind(3, static_cast<std::int64_t>(key.scan))
                  .bind(4, key.minute)
                  .bind_blob(5, std::string_view(key.group).substr(0, 4096))
                  .run();
  if (!done) return done;
  state_.clear();
  sample_.clear();
  return sizes_.note_missing(key.scan, key.minute);
}

}  // namespace hecate::store
