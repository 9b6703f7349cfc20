#include "pipeline/store/store.h"

#include <algorithm>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace hecate::store {
namespace {

// A cursor of one minute's groups takes some 30 KB while it is open. Windows of more minutes are sorted by
// SQLite, in memory up to its page cache and then in a temporary file: slower, but bounded.
constexpr std::size_t kMostCursors = 1500;

// So many rows, or bytes of them, are read in one view of the database, and visited when it is closed.
constexpr std::size_t kRowsAView = 2000;
constexpr std::size_t kBytesAView = std::size_t{4} << 20;

struct Group {
  std::string key;
  spl::GroupState state;
  Sample sample;
};

// A row of `pane`; views into the statement.
struct PaneRow {
  std::int64_t minute;
  std::string_view key, state, sample;
};
// Of a statement that selects minute, grp, state, sample.
PaneRow row_of(const Statement& rows) {
  return {rows.integer(0), rows.blob(1), rows.blob(2), rows.blob(3)};
}

// Puts together what comes in order of its key: rows of one key are one group. Rows that cannot be read go to
// `damaged`; where it is null, they are an error.
class GroupMerger {
 public:
  GroupMerger(std::uint64_t scan, std::vector<DeltaKey>* damaged) : scan_(scan), damaged_(damaged) {}

  // The group that is complete with this row's key, where it begins another.
  Result<std::optional<Group>> add(const PaneRow& row) {
    auto decoded = spl::GroupState::decode(row.state);
    auto sample = decoded ? Sample::decode(row.sample) : std::unexpected(decoded.error());
    if (!sample) {
      if (!damaged_) return std::unexpected(sample.error());
      damaged_->push_back({scan_, row.minute, std::string(row.key)});
      return std::nullopt;
    }
    auto key = row.key;
    if (open_ && key == key_) {
      state_.merge(*std::move(decoded));
      if (sample_.empty() || (!sample->empty() && sample->before(sample_))) sample_ = *std::move(sample);
      return std::nullopt;
    }
    auto complete = finish();
    open_ = true;
    key_ = key;
    state_ = *std::move(decoded);
    sample_ = *std::move(sample);
    return complete;
  }

  // The last.
  std::optional<Group> finish() {
    if (!open_) return std::nullopt;
    open_ = false;
    return Group{key_, std::move(state_), std::exchange(sample_, {})};
  }

 private:
  std::uint64_t scan_;
  std::vector<DeltaKey>* damaged_;
  bool open_ = false;
  std::string key_;
  spl::GroupState state_;
  Sample sample_;
};

// The minutes' rows in order of their groups: the primary key gives those of each minute so, and the least of
// all comes first.
class MinuteCursors {
 public:
  // All groups, or those behind `after`.
  static Result<MinuteCursors> open(Database& reader, std::int64_t scan,
                                    const std::vector<std::int64_t>& minutes,
                                    const std::optional<std::string>& after) {
    MinuteCursors cursors;
    for (std::int64_t minute : minutes) {
      auto cursor = reader.cursor(fmt::format(
          "SELECT minute, grp, state, sample FROM pane WHERE scan = ? AND minute = ?{} ORDER BY grp",
          after ? " AND grp > ?" : ""));
      if (!cursor) return std::unexpected(cursor.error());
      (*cursor)->bind(1, scan).bind(2, minute);
      if (after) (*cursor)->bind_blob(3, *after);
      if (auto stepped = cursors.step(**cursor); !stepped) return std::unexpected(stepped.error());
      cursors.cursors_.push_back(*std::move(cursor));
    }
    return cursors;
  }

  // Null behind the last.
  [[nodiscard]] Statement* least() const { return queue_.empty() ? nullptr : queue_.top(); }
  Result<void> next() {
    Statement* passed = queue_.top();
    queue_.pop();
    return step(*passed);
  }

 private:
  struct Later {
    bool operator()(const Statement* a, const Statement* b) const { return a->blob(1) > b->blob(1); }
  };

  Result<void> step(Statement& cursor) {
    auto row = cursor.step();
    if (!row) return std::unexpected(row.error());
    if (*row) queue_.push(&cursor);
    return {};
  }

  std::vector<std::unique_ptr<Statement>> cursors_;
  std::priority_queue<Statement*, std::vector<Statement*>, Later> queue_;
};

// The first groups behind `after`, as of one commit; none behind the last.
Result<std::vector<Group>> read_some(Database& reader, std::int64_t scan,
                                     const std::vector<std::int64_t>& minutes,
                                     const std::optional<std::string>& after,
                                     std::vector<DeltaKey>* damaged) {
  auto transaction = Transaction::begin(reader, Transaction::Kind::read);
  if (!transaction) return std::unexpected(transaction.error());
  auto cursors = MinuteCursors::open(reader, scan, minutes, after);
  if (!cursors) return std::unexpected(cursors.error());
  std::vector<Group> groups;
  GroupMerger merger(static_cast<std::uint64_t>(scan), damaged);
  std::size_t rows = 0, bytes = 0;
  while (Statement* least = cursors->least()) {
    PaneRow row = row_of(*least);
    auto complete = merger.add(row);
    if (!complete) return std::unexpected(complete.error());
    if (*complete) {
      groups.push_back(**std::move(complete));
      if (rows >= kRowsAView || bytes >= kBytesAView) return groups;
    }
    ++rows;
    bytes += row.key.size() + row.state.size() + row.sample.size();
    if (auto stepped = cursors->next(); !stepped) return std::unexpected(stepped.error());
  }
  if (auto last = merger.finish()) groups.push_back(*std::move(last));
  return groups;
}

Result<void> visit_merged(Database& reader, std::int64_t scan, const std::vector<std::int64_t>& minutes,
                          const GroupVisitor& visit, std::vector<DeltaKey>* damaged) {
  std::optional<std::string> after;
  while (true) {
    auto groups = read_some(reader, scan, minutes, after, damaged);
    if (!groups) return std::unexpected(groups.error());
    if (groups->empty()) return {};
    for (Group& group : *groups) {
      if (!visit(group.key, std::move(group.state), group.sample)) return {};
    }
    after = std::move(groups->back().key);
  }
}

Result<void> visit_sorted(Database& reader, std::int64_t scan, std::int64_t from, std::int64_t to,
                          const GroupVisitor& visit, std::vector<DeltaKey>* damaged) {
  auto rows = reader.cursor(
      "SELECT minute, grp, state, sample FROM pane WHERE scan = ? AND minute >= ? AND minute < ? ORDER BY "
      "grp");
  if (!rows) return std::unexpected(rows.error());
  (*rows)->bind(1, scan).bind(2, from).bind(3, to);
  GroupMerger merger(static_cast<std::uint64_t>(scan), damaged);
  while (true) {
    auto row = (*rows)->step();
    if (!row) return std::unexpected(row.error());
    auto complete = *row ? merger.add(row_of(**rows)) : merger.finish();
    if (!complete) return std::unexpected(complete.error());
    if (*complete && !visit((*complete)->key, std::move((*complete)->state), (*complete)->sample)) return {};
    if (!*row) return {};
  }
}

}  // namespace

// By jumping from one to the next in the primary key.
Result<std::vector<std::int64_t>> read_minutes(Database& reader, std::uint64_t scan_id,
                                               std::int64_t from_minute, std::int64_t to_minute) {
  auto scan = static_cast<std::int64_t>(scan_id);
  std::int64_t from = from_minute;
  auto next = reader.prepare(
      "SELECT minute FROM pane WHERE scan = ? AND minute >= ? AND minute < ? ORDER BY minute LIMIT 1");
  if (!next) return std::unexpected(next.error());
  std::vector<std::int64_t> minutes;
  while (true) {
    (*next)->bind(1, scan).bind(2, from).bind(3, to_minute);
    auto row = (*next)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return minutes;
    minutes.push_back((*next)->integer(0));
    from = minutes.back() + 1;
    (*next)->reset();
  }
}

Result<void> read_groups(Database& reader, std::uint64_t scan_id, std::int64_t from_minute,
                         std::int64_t to_minute, const GroupVisitor& group, std::vector<DeltaKey>* damaged) {
  auto scan = static_cast<std::int64_t>(scan_id);
  auto minutes = read_minutes(reader, scan_id, from_minute, to_minute);
  if (!minutes) return std::unexpected(minutes.error());
  if (minutes->size() <= kMostCursors) return visit_merged(reader, scan, *minutes, group, damaged);
  return visit_sorted(reader, scan, from_minute, to_minute, group, damaged);
}

Result<bool> read_group(Database& reader, std::uint64_t scan_id, std::span<const std::int64_t> minutes,
                        std::string_view key, spl::GroupState& state, Sample& sample,
                        std::vector<DeltaKey>* damaged) {
  auto scan = static_cast<std::int64_t>(scan_id);
  auto transaction = Transaction::begin(reader, Transaction::Kind::read);
  if (!transaction) return std::unexpected(transaction.error());
  auto row =
      reader.prepare("SELECT minute, grp, state, sample FROM pane WHERE scan = ? AND minute = ? AND grp = ?");
  if (!row) return std::unexpected(row.error());
  GroupMerger merger(scan_id, damaged);
  for (std::int64_t minute : minutes) {
    (*row)->bind(1, scan).bind(2, minute).bind_blob(3, key);
    auto there = (*row)->step();
    if (!there) return std::unexpected(there.error());
    if (!*there) continue;
    auto added = merger.add(row_of(**row));
    if (!added) return std::unexpected(added.error());
    (*row)->reset();
  }
  auto found = merger.finish();
  if (!found) return false;
  state = std::move(found->state);
  sample = std::move(found->sample);
  return true;
}

}  // namespace hecate::store
