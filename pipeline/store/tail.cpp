#include "pipeline/store/tail.h"

#include "absl/container/flat_hash_map.h"
#include "pipeline/spl/codec.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include <fmt/format.h>
#include <sqlite3.h>

namespace hecate::store {
namespace {

// The form of a row of `tail`; another one gets another number.
constexpr std::uint8_t kForm = 1;

// A row is closed when it has so many bytes; what more a commit holds goes into further ones.
constexpr std::size_t kBytesARow = std::size_t{8} << 20;

auto place(const DeltaKey& key) {
  return std::tie(key.scan, key.minute, key.group);
}

// A row of `tail`: its form, then for each contribution scan, minute, group, state and sample. A sample that
// an earlier one of the row has is the number of that (from 1), a new one follows a 0: many searches may have
// kept one event.
class RowWriter {
 public:
  explicit RowWriter(std::string& row) : row_(row) {
    row_.clear();
    spl::BlobWriter(row_).byte(kForm);
  }

  void add(const DeltaKey& key, const Delta& delta) {
    spl::BlobWriter blob(row_);
    blob.fixed(key.scan);
    blob.fixed(static_cast<std::uint64_t>(key.minute));
    blob.text(key.group);
    text_.clear();
    delta.state.encode(text_);
    blob.text(text_);
    text_.clear();
    delta.sample.encode(text_);
    auto& known = samples_[{delta.sample.time, delta.sample.arrival}];
    if (known.number > 0 && std::string_view(row_).substr(known.begin, known.size) == text_)
      return blob.number(known.number);
    blob.number(0);
    blob.text(text_);
    known = {++count_, row_.size() - text_.size(), text_.size()};
  }

 private:
  struct Known {
    std::size_t number = 0, begin = 0, size = 0;
  };

  std::string& row_;
  std::string text_;
  std::size_t count_ = 0;
  absl::flat_hash_map<std::pair<Time, std::uint64_t>, Known> samples_;
};

struct Contribution {
  DeltaKey key;
  std::string_view state, sample;
};

class RowReader {
 public:
  explicit RowReader(std::string_view row) : blob_(row) {
    if (blob_.byte() != kForm) blob_.reject();
  }

  // Nothing behind the last, or where the row is damaged.
  std::optional<Contribution> next() {
    if (blob_.at_end()) return std::nullopt;
    Contribution each;
    each.key.scan = blob_.fixed();
    each.key.minute = static_cast<std::int64_t>(blob_.fixed());
    each.key.group = blob_.text();
    each.state = blob_.text();
    std::uint64_t known = blob_.number();
    if (known == 0) samples_.push_back(blob_.text());
    if (known > samples_.size()) blob_.reject();
    if (blob_.damaged()) return std::nullopt;
    each.sample = known == 0 ? samples_.back() : samples_[known - 1];
    return each;
  }
  [[nodiscard]] bool damaged() const { return blob_.damaged(); }

 private:
  spl::BlobReader blob_;
  std::vector<std::string_view> samples_;
};

Result<Delta> decode(const Contribution& each) {
  auto state = spl::GroupState::decode(each.state);
  if (!state) return std::unexpected(state.error());
  auto sample = Sample::decode(each.sample);
  if (!sample) return std::unexpected(sample.error());
  return Delta{*std::move(state), *std::move(sample)};
}

// Where a fold that was broken off had come to.
struct Progress {
  std::int64_t until = 0;  // 0: none was begun
  DeltaKey last;           // in `pane`, with all before it
};

Result<Progress> read_progress(Database& database) {
  auto row = database.prepare("SELECT until, scan, minute, grp FROM folding");
  if (!row) return std::unexpected(row.error());
  Progress progress;
  auto read = (*row)->each_row([&] {
    progress.until = (*row)->integer(0);
    progress.last = {static_cast<std::uint64_t>((*row)->integer(1)), (*row)->integer(2),
                     std::string((*row)->blob(3))};
  });
  if (!read) return std::unexpected(read.error());
  return progress;
}

}  // namespace

Result<std::vector<std::string>> Tail::load() {
  std::vector<Unreadable> unreadable;
  if (auto read = read_back(unreadable); !read) return std::unexpected(read.error());
  if (unreadable.empty()) return std::vector<std::string>();
  auto transaction = Transaction::begin(database_, Transaction::Kind::write);
  if (!transaction) return std::unexpected(transaction.error());
  if (auto kept = keep_unreadable(unreadable); !kept) return std::unexpected(kept.error());
  while (folded_ < newest_) {
    if (auto done = fold(folding_.size() + waiting_.size()); !done) return std::unexpected(done.error());
    panes_.committed();
    committed({});
  }
  if (auto done = transaction->commit(); !done) return std::unexpected(done.error());
  std::vector<std::string> told;
  for (const Unreadable& each : unreadable) {
    told.push_back(fmt::format("scan {:016x}, minute {}, {} bytes: {}", each.key.scan, each.key.minute,
                               each.bytes.size(), each.reason));
  }
  return told;
}

Result<void> Tail::read_back(std::vector<Unreadable>& unreadable) {
  auto progress = read_progress(database_);
  if (!progress) return std::unexpected(progress.error());
  auto rows = database_.prepare("SELECT seq, deltas FROM tail ORDER BY seq");
  if (!rows) return std::unexpected(rows.error());
  auto take = [&](DeltaSet& into, Contribution&& each) {
    auto delta = decode(each);
    if (delta) {
      into.at(std::move(each.key)).merge(*std::move(delta));
    } else {
      unreadable.push_back({std::move(each.key), delta.error().message, std::string(each.state)});
    }
  };
  auto read = (*rows)->each_row([&] {
    std::string_view row = (*rows)->blob(1);
    newest_ = (*rows)->integer(0);
    bool begun = newest_ <= progress->until;
    (begun ? folding_bytes_ : bytes_) += row.size();
    RowReader reader(row);
    while (auto each = reader.next()) {
      if (begun && place(each->key) <= place(progress->last)) continue;
      take(begun ? folding_ : waiting_, *std::move(each));
    }
    if (reader.damaged())
      unreadable.push_back({{}, "what one commit held cannot be read to its end", std::string(row)});
  });
  if (!read) return read;
  newest_ = std::max(newest_, progress->until);
  if (progress->until > 0) {
    until_ = progress->until;
    begin_folding();
  }
  return {};
}

Result<void> Tail::keep_unreadable(const std::vector<Unreadable>& unreadable) {
  auto insert = database_.prepare(
      "INSERT INTO damaged(found, reason, scan, minute, grp, state, sample) VALUES (?, ?, ?, ?, ?, ?, x'')");
  if (!insert) return std::unexpected(insert.error());
  for (const Unreadable& each : unreadable) {
    (*insert)->bind(1, clock_.now()).bind_text(2, each.reason);
    (*insert)->bind(3, static_cast<std::int64_t>(each.key.scan)).bind(4, each.key.minute);
    (*insert)->bind_blob(5, each.key.group).bind_blob(6, each.bytes);
    if (auto done = (*insert)->run(); !done) return done;
    if (each.key.scan == 0) continue;
    if (auto noted = panes_.note_missing(each.key); !noted) return noted;
  }
  return {};
}

Result<void> Tail::append(const DeltaSet& merged) {
  auto done = append_rows(merged);
  if (done || database_.last_code() != SQLITE_TOOBIG) return done;
  return write_at_once(merged);
}

Result<void> Tail::append_rows(const DeltaSet& merged) {
  std::optional<RowWriter> writer;
  for (const auto& [key, delta] : merged) {
    if (!writer) writer.emplace(row_);
    writer->add(key, delta);
    if (row_.size() < kBytesARow) continue;
    if (auto done = append_row(); !done) return done;
    writer.reset();
  }
  return writer ? append_row() : Result<void>();
}

Result<void> Tail::append_row() {
  auto insert = database_.prepare("INSERT INTO tail(seq, deltas) VALUES (?, ?)");
  if (!insert) return std::unexpected(insert.error());
  ++appended_;
  append_bytes_ += row_.size();
  return (*insert)->bind(1, newest()).bind_blob(2, row_).run();
}

Result<void> Tail::write_at_once(const DeltaSet& merged) {
  auto remove = database_.prepare("DELETE FROM tail WHERE seq > ?");
  if (!remove) return std::unexpected(remove.error());
  if (auto done = (*remove)->bind(1, newest_).run(); !done) return done;
  appended_ = 0;
  append_bytes_ = 0;
  at_once_ = true;
  std::vector<const Entry*> entries;
  for (const auto& entry : merged) entries.push_back(&entry);
  return panes_.write(entries);
}

Result<void> Tail::fold(std::size_t rows) {
  if (ended_) return {};
  if (!is_folding()) {
    if (folded_ == newest_) return {};
    folding_ = std::exchange(waiting_, {});
    folding_bytes_ = std::exchange(bytes_, 0);
    until_ = newest_;
    begin_folding();
  }
  std::size_t count = std::min(rows, ordered_.size() - next_);
  if (auto written = panes_.write({ordered_.data() + next_, count}); !written) return written;
  next_ += count;
  ended_ = next_ == ordered_.size();
  return ended_ ? end_folding() : note_progress();
}

// In the table's order, so that rows of one page are written together.
void Tail::begin_folding() {
  ordered_.reserve(folding_.size());
  for (auto& entry : folding_) ordered_.push_back(&entry);
  std::ranges::sort(ordered_,
                    [](const Entry* a, const Entry* b) { return place(a->first) < place(b->first); });
  done_ = next_ = 0;
}

Result<void> Tail::note_progress() {
  auto note = database_.prepare(
      "INSERT INTO folding(one, until, scan, minute, grp) VALUES (1, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
      " until = excluded.until, scan = excluded.scan, minute = excluded.minute, grp = excluded.grp");
  if (!note) return std::unexpected(note.error());
  const DeltaKey& last = ordered_[next_ - 1]->first;
  (*note)->bind(1, until_).bind(2, static_cast<std::int64_t>(last.scan)).bind(3, last.minute);
  return (*note)->bind_blob(4, last.group).run();
}

Result<void> Tail::end_folding() {
  auto remove = database_.prepare("DELETE FROM tail WHERE seq <= ?");
  if (!remove) return std::unexpected(remove.error());
  if (auto done = (*remove)->bind(1, until_).run(); !done) return done;
  auto forget = database_.prepare("DELETE FROM folding");
  if (!forget) return std::unexpected(forget.error());
  return (*forget)->run();
}

void Tail::committed(DeltaSet&& merged) {
  done_ = next_;
  if (std::exchange(ended_, false)) {
    folded_ = until_;
    ordered_.clear();
    folding_.clear();
    folding_bytes_ = 0;
    done_ = next_ = 0;
  }
  newest_ += std::exchange(appended_, 0);
  bytes_ += std::exchange(append_bytes_, 0);
  if (!std::exchange(at_once_, false)) waiting_.merge(std::move(merged));
}

void Tail::rolled_back() {
  next_ = done_;
  ended_ = at_once_ = false;
  appended_ = 0;
  append_bytes_ = 0;
}

Result<std::int64_t> count_unreadable_tail(Database& reader) {
  auto rows = reader.cursor("SELECT deltas FROM tail");
  if (!rows) return std::unexpected(rows.error());
  std::int64_t unreadable = 0;
  auto read = (*rows)->each_row([&] {
    RowReader row((*rows)->blob(0));
    bool readable = true;
    while (auto each = row.next()) readable = readable && decode(*each).has_value();
    unreadable += !readable || row.damaged();
  });
  if (!read) return std::unexpected(read.error());
  return unreadable;
}

}  // namespace hecate::store
