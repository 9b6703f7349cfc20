#include "pipeline/store/store.h"

#include <algorithm>
#include <queue>
#include <vector>

namespace hecate::store {
namespace {

// A cursor of one minute's groups takes some 30 KB while it is open. Windows of more minutes are sorted by
// SQLite, in memory up to its page cache and then in a temporary file: slower, but bounded.
constexpr std::size_t kMostCursors = 1500;

// Gives out groups that come in order of their keys, putting those of one key together.
class GroupMerger {
 public:
  explicit GroupMerger(const GroupVisitor& visit) : visit_(visit) {}

  // False: the visitor has had enough.
  Result<bool> add(std::string_view key, std::string_view state, std::string_view sample) {
    auto decoded = spl::GroupState::decode(state);
    if (!decoded) return std::unexpected(decoded.error());
    if (open_ && key == key_) {
      state_.merge(*std::move(decoded));
      sample_ = Sample::earlier(sample_, sample);
      return true;
    }
    auto more = finish();
    if (!more || !*more) return more;
    open_ = true;
    key_ = key;
    state_ = *std::move(decoded);
    sample_ = sample;
    return true;
  }

  Result<bool> finish() {
    if (!open_) return true;
    open_ = false;
    auto sample = Sample::decode(sample_);
    if (!sample) return std::unexpected(sample.error());
    return visit_(key_, std::move(state_), *sample);
  }

 private:
  const GroupVisitor& visit_;
  bool open_ = false;
  std::string key_;
  spl::GroupState state_;
  std::string sample_;
};

// The minutes of the range that hold anything, by jumping from one to the next in the primary key.
Result<std::vector<std::int64_t>> minutes_of(Database& reader, std::int64_t scan, std::int64_t from,
                                             std::int64_t to) {
  auto next = reader.prepare(
      "SELECT minute FROM pane WHERE scan = ? AND minute >= ? AND minute < ? ORDER BY minute LIMIT 1");
  if (!next) return std::unexpected(next.error());
  std::vector<std::int64_t> minutes;
  while (true) {
    (*next)->bind(1, scan).bind(2, from).bind(3, to);
    auto row = (*next)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return minutes;
    minutes.push_back((*next)->integer(0));
    from = minutes.back() + 1;
    (*next)->reset();
  }
}

// Merges the minutes, each of which the primary key gives in order.
Result<void> merge_minutes(Database& reader, std::int64_t scan, const std::vector<std::int64_t>& minutes,
                           GroupMerger& merger) {
  std::vector<std::unique_ptr<Statement>> cursors;
  auto later = [](const Statement* a, const Statement* b) { return a->blob(0) > b->blob(0); };
  std::priority_queue<Statement*, std::vector<Statement*>, decltype(later)> queue(later);
  auto step = [&queue](Statement* cursor) -> Result<void> {
    auto row = cursor->step();
    if (!row) return std::unexpected(row.error());
    if (*row) queue.push(cursor);
    return {};
  };
  for (std::int64_t minute : minutes) {
    auto cursor =
        reader.cursor("SELECT grp, state, sample FROM pane WHERE scan = ? AND minute = ? ORDER BY grp");
    if (!cursor) return std::unexpected(cursor.error());
    (*cursor)->bind(1, scan).bind(2, minute);
    if (auto stepped = step(cursor->get()); !stepped) return stepped;
    cursors.push_back(*std::move(cursor));
  }
  while (!queue.empty()) {
    Statement* least = queue.top();
    queue.pop();
    auto more = merger.add(least->blob(0), least->blob(1), least->blob(2));
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    if (auto stepped = step(least); !stepped) return stepped;
  }
  auto last = merger.finish();
  return last ? Result<void>() : std::unexpected(last.error());
}

Result<void> merge_sorted(Statement& rows, GroupMerger& merger) {
  while (true) {
    auto row = rows.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    auto more = merger.add(rows.blob(0), rows.blob(1), rows.blob(2));
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
  }
  auto last = merger.finish();
  return last ? Result<void>() : std::unexpected(last.error());
}

}  // namespace

Result<void> read_groups(Database& reader, std::uint64_t scan_id, std::int64_t from_minute,
                         std::int64_t to_minute, const GroupVisitor& group) {
  auto scan = static_cast<std::int64_t>(scan_id);
  // One transaction: all cursors see the same commit.
  auto transaction = Transaction::begin(reader, Transaction::Kind::read);
  if (!transaction) return std::unexpected(transaction.error());
  auto minutes = minutes_of(reader, scan, from_minute, to_minute);
  if (!minutes) return std::unexpected(minutes.error());
  GroupMerger merger(group);
  if (minutes->size() <= kMostCursors) return merge_minutes(reader, scan, *minutes, merger);
  auto sorted = reader.cursor(
      "SELECT grp, state, sample FROM pane WHERE scan = ? AND minute >= ? AND minute < ? ORDER BY grp");
  if (!sorted) return std::unexpected(sorted.error());
  (*sorted)->bind(1, scan).bind(2, from_minute).bind(3, to_minute);
  return merge_sorted(**sorted, merger);
}

Result<bool> read_group(Database& reader, std::uint64_t scan_id, std::int64_t from_minute,
                        std::int64_t to_minute, std::string_view key, spl::GroupState& state,
                        Sample& sample) {
  auto scan = static_cast<std::int64_t>(scan_id);
  auto transaction = Transaction::begin(reader, Transaction::Kind::read);
  if (!transaction) return std::unexpected(transaction.error());
  auto minutes = minutes_of(reader, scan, from_minute, to_minute);
  if (!minutes) return std::unexpected(minutes.error());
  auto row = reader.prepare("SELECT state, sample FROM pane WHERE scan = ? AND minute = ? AND grp = ?");
  if (!row) return std::unexpected(row.error());
  bool found = false;
  GroupVisitor take = [&](std::string_view, spl::GroupState&& merged, const Sample& earliest) {
    state = std::move(merged);
    sample = earliest;
    found = true;
    return true;
  };
  GroupMerger merger(take);
  for (std::int64_t minute : *minutes) {
    (*row)->bind(1, scan).bind(2, minute).bind_blob(3, key);
    auto there = (*row)->step();
    if (!there) return std::unexpected(there.error());
    if (!*there) continue;
    auto added = merger.add(key, (*row)->blob(0), (*row)->blob(1));
    if (!added) return std::unexpected(added.error());
    (*row)->reset();
  }
  auto last = merger.finish();
  if (!last) return std::unexpected(last.error());
  return found;
}

}  // namespace hecate::store
