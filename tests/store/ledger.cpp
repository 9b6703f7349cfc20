#include "tests/store/ledger.h"

#include "tests/store/counts.h"

#include <map>
#include <set>

#include <fmt/format.h>

namespace hecate::store::testing {
namespace {

constexpr std::int64_t kMinutes = 4;

std::set<std::string> jobs_in(Database& reader) {
  std::set<std::string> found;
  auto rows = reader.prepare("SELECT detection FROM schedule");
  while (rows) {
    auto row = (*rows)->step();
    if (!row || !*row) break;
    found.emplace((*rows)->text(0));
  }
  return found;
}

}  // namespace

// Goes away with the completion, called or not.
struct Ledger::Ticket {
  Ticket(std::shared_ptr<Board> board, std::size_t index) : board(std::move(board)), index(index) {}
  ~Ticket() {
    std::lock_guard guard(board->mutex);
    --board->open;
    board->changed.notify_all();
  }
  std::shared_ptr<Board> board;
  std::size_t index;
};

Store::Completion Ledger::completion(Entry entry) {
  std::lock_guard guard(board_->mutex);
  board_->entries.push_back(std::move(entry));
  ++board_->open;
  auto ticket = std::make_unique<Ticket>(board_, board_->entries.size() - 1);
  return [ticket = std::move(ticket), alive = alive_](Store::Outcome outcome) {
    // A dead machine's refusal reaches nobody; that it says `committed` would be wrong in any case.
    if (outcome == Store::Outcome::failed && !alive()) return;
    std::lock_guard guard(ticket->board->mutex);
    ticket->board->entries[ticket->index].told =
        outcome == Store::Outcome::committed ? Told::committed : Told::failed;
  };
}

void Ledger::submit(Store& store, std::mt19937& random) {
  std::size_t number = 0;
  {
    std::lock_guard guard(board_->mutex);
    number = board_->entries.size();
  }
  Entry entry{fmt::format("s{}", number), {}};
  DeltaSet deltas;
  auto minute = static_cast<std::int64_t>(random() % kMinutes);
  add_count(deltas, 1, minute, entry.name);
  add_count(deltas, 1, (minute + 1) % kMinutes, entry.name);
  for (unsigned n = 1 + random() % 4; n > 0; --n) {
    Contribution each{static_cast<std::int64_t>(random() % kMinutes), fmt::format("g{}", random() % 12),
                      1 + random() % 3};
    // Long keys, so that the table has more than one page.
    each.group += std::string(random() % 2 * 900, 'x');
    add_count(deltas, 1, each.minute, each.group, each.count);
    entry.shared.push_back(std::move(each));
  }
  auto done = completion(std::move(entry));
  store.submit(std::move(deltas), std::move(done));
}

void Ledger::job(Store& store) {
  std::size_t number = 0;
  {
    std::lock_guard guard(board_->mutex);
    number = board_->entries.size();
  }
  auto name = fmt::format("j{}", number);
  auto done = completion({name, {}});
  store.write(
      [name](Database& database) {
        return database.execute("INSERT INTO schedule(detection, last_run) VALUES ('" + name + "', 1)");
      },
      std::move(done));
}

void Ledger::wait() {
  std::unique_lock lock(board_->mutex);
  board_->changed.wait(lock, [this] { return board_->open == 0; });
}

std::size_t Ledger::committed() const {
  std::lock_guard guard(board_->mutex);
  return static_cast<std::size_t>(std::ranges::count(board_->entries, Told::committed, &Entry::told));
}

std::size_t Ledger::refused() const {
  std::lock_guard guard(board_->mutex);
  return static_cast<std::size_t>(std::ranges::count(board_->entries, Told::failed, &Entry::told));
}

std::string Ledger::check(Store& store) {
  if (auto folded = store.fold(); !folded) return folded.error().message;
  auto reader = store.reader();
  if (!reader) return reader.error().message;
  std::map<std::string, std::uint64_t> stored;
  for (auto& [group, count] : read_counts(**reader, 1, 0, kMinutes)) stored.emplace(group, count);
  auto jobs = jobs_in(**reader);
  std::map<std::string, std::uint64_t> expected;
  std::lock_guard guard(board_->mutex);
  for (Entry& entry : board_->entries) {
    bool is_job = entry.shared.empty();
    auto found = stored.find(entry.name);
    bool there = is_job ? jobs.contains(entry.name) : found != stored.end();
    if (!is_job && there && found->second != 2)
      return fmt::format("{} counts {} of 2", entry.name, found->second);
    if (there && entry.told == Told::failed) return entry.name + " was refused and is there";
    if (!there && entry.told == Told::committed) return entry.name + " was committed and is gone";
    entry.told = there ? Told::committed : Told::failed;
    if (!there || is_job) continue;
    expected[entry.name] = 2;
    for (const auto& each : entry.shared) expected[each.group] += each.count;
  }
  for (const auto& [group, count] : expected) {
    auto found = stored.find(group);
    std::uint64_t have = found == stored.end() ? 0 : found->second;
    if (have != count) return fmt::format("group {:.20} counts {}, not {}", group, have, count);
  }
  for (const auto& [group, count] : stored) {
    if (!expected.contains(group)) return fmt::format("group {:.200} ({}) came from nowhere", group, count);
  }
  return {};
}

}  // namespace hecate::store::testing
