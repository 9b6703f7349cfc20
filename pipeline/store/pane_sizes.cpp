#include "pipeline/store/pane_sizes.h"

namespace hecate::store {

Result<void> PaneSizes::load() {
  auto rows = database_.prepare("SELECT scan, sum(bytes) FROM pane_size GROUP BY scan");
  if (!rows) return std::unexpected(rows.error());
  return (*rows)->each_row(
      [&] { totals_[static_cast<std::uint64_t>((*rows)->integer(0))] = (*rows)->integer(1); });
}

bool PaneSizes::is_over(std::uint64_t scan) const {
  if (budget_ == 0) return false;
  auto of = [scan](const auto& bytes) {
    auto found = bytes.find(scan);
    return found == bytes.end() ? 0 : found->second;
  };
  return of(totals_) + of(pending_) > static_cast<std::int64_t>(budget_);
}

Result<void> PaneSizes::forget(std::uint64_t scan, std::int64_t minute) {
  auto sum = database_.prepare("SELECT sum(bytes) FROM pane_size WHERE scan = ? AND minute < ?");
  if (!sum) return std::unexpected(sum.error());
  auto bytes = (*sum)->bind(1, static_cast<std::int64_t>(scan)).bind(2, minute).number();
  if (!bytes) return std::unexpected(bytes.error());
  pending_[scan] -= *bytes;
  auto remove = database_.prepare("DELETE FROM pane_size WHERE scan = ? AND minute < ?");
  if (!remove) return std::unexpected(remove.error());
  return (*remove)->bind(1, static_cast<std::int64_t>(scan)).bind(2, minute).run();
}

Result<void> PaneSizes::write() {
  for (const auto& [key, change] : changes_)
    if (auto done = write(key, change); !done) return done;
  for (const auto& [key, change] : changes_) dropped_ += static_cast<std::size_t>(change.dropped);
  changes_.clear();
  return {};
}

Result<void> PaneSizes::note_missing(std::uint64_t scan, std::int64_t minute) {
  return write({scan, minute}, {.bytes = 0, .dropped = 1});
}

Result<void> PaneSizes::write(std::pair<std::uint64_t, std::int64_t> key, Change change) {
  auto upsert = database_.prepare(
      "INSERT INTO pane_size(scan, minute, bytes, dropped) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
      " bytes = bytes + excluded.bytes, dropped = dropped + excluded.dropped");
  if (!upsert) return std::unexpected(upsert.error());
  (*upsert)->bind(1, static_cast<std::int64_t>(key.first)).bind(2, key.second);
  return (*upsert)->bind(3, change.bytes).bind(4, change.dropped).run();
}

void PaneSizes::committed() {
  for (const auto& [scan, bytes] : pending_) totals_[scan] += bytes;
  rolled_back();
}

void PaneSizes::rolled_back() {
  changes_.clear();
  pending_.clear();
  dropped_ = 0;
}

Result<std::int64_t> read_dropped(Database& reader, std::uint64_t scan, std::int64_t from_minute,
                                  std::int64_t to_minute) {
  auto sum =
      reader.prepare("SELECT sum(dropped) FROM pane_size WHERE scan = ? AND minute >= ? AND minute < ?");
  if (!sum) return std::unexpected(sum.error());
  return (*sum)->bind(1, static_cast<std::int64_t>(scan)).bind(2, from_minute).bind(3, to_minute).number();
}

}  // namespace hecate::store
