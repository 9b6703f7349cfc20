#include "pipeline/spl/aggregate.h"
#include "pipeline/store/inspection.h"
#include "pipeline/store/pane_sizes.h"
#include "pipeline/store/recovery.h"
#include "pipeline/store/tail.h"
#include "tests/store/store_fixture.h"
#include "tests/support/faulty_disk.h"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace hecate::store {
namespace {

using namespace testing;
using hecate::testing::eventually;
using hecate::testing::read_file;
namespace fs = std::filesystem;

class DamageTest : public StoreTest {
 protected:
  static constexpr std::uintmax_t kPage = kPageSize;

  [[nodiscard]] std::string file() const { return folder / "state/hecate.db"; }
  [[nodiscard]] std::uintmax_t pages() const { return fs::file_size(file()) / kPage; }

  void overwrite(std::uintmax_t offset, const std::string& bytes) const {
    int descriptor = ::open(file().c_str(), O_WRONLY);
    ASSERT_GE(descriptor, 0);
    EXPECT_EQ(::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
    ::close(descriptor);
  }

  static DeltaSet some(int groups) {
    DeltaSet deltas;
    for (int i = 0; i < groups; ++i) add_count(deltas, 1, 0, std::to_string(i) + std::string(500, 'x'));
    return deltas;
  }

  void make(int groups) {
    auto store = open();
    ASSERT_EQ(commit(*store, some(groups)), Store::Outcome::committed);
  }

  static void execute(Store& store, const std::string& sql) {
    EXPECT_TRUE(store.fold());
    auto done = store.write_and_wait([&](Database& database) { return database.execute(sql); });
    EXPECT_TRUE(done) << done.error().message;
  }

  static std::int64_t number(Store& store, const std::string& sql) {
    auto reader = reader_of(store);
    auto statement = *reader->cursor(sql);
    return *statement->step() ? statement->integer(0) : -1;
  }
};

TEST_F(DamageTest, ATruncatedFileIsRefused) {
  make(200);
  fs::resize_file(file(), pages() / 2 * kPage);
  EXPECT_NE(refusal().find("the file is damaged; stop hecate, keep a copy"), std::string::npos) << refusal();
}

TEST_F(DamageTest, AFileCutOffWithinItsHeaderIsRefused) {
  make(1);
  fs::resize_file(file(), 50);
  EXPECT_NE(refusal().find("the file is damaged"), std::string::npos) << refusal();
}

TEST_F(DamageTest, AnyPageThatIsOverwrittenIsSeen) {
  make(200);
  // Without the free pages, which nobody reads.
  EXPECT_TRUE((*Database::open(file(), Database::Mode::read_write))->execute("VACUUM"));
  auto sound = read_file(file());
  ASSERT_GT(pages(), 10u);
  for (std::uintmax_t page = 0; page < pages(); ++page) {
    overwrite(page * kPage, std::string(16, '\xa5'));
    EXPECT_NE(refusal().find("the file is damaged"), std::string::npos) << page << ": " << refusal();
    std::ofstream(file(), std::ios::binary) << sound;
  }
  EXPECT_NE(open(), nullptr);
}

// Of a large database only the small tables are looked at when it is opened.
TEST_F(DamageTest, ASmallTableOfALargeDatabaseIsSeen) {
  make(200);
  auto roots = [&] {
    auto database = *Database::open(file(), Database::Mode::read_only);
    auto row = *database->cursor(
        "SELECT max(rootpage) FILTER (WHERE name = 'pane'), max(rootpage) FILTER (WHERE name = 'schedule')"
        " FROM sqlite_schema");
    EXPECT_TRUE(*row->step());
    return std::pair(row->integer(0), row->integer(1));
  }();
  auto look = [&](std::int64_t whole_up_to) {
    auto database = Database::open(file(), Database::Mode::read_only);
    return look_for_damage(**database, whole_up_to);
  };
  overwrite(static_cast<std::uintmax_t>(roots.first - 1) * kPage, std::string(16, '\xa5'));
  EXPECT_TRUE(look(0));
  EXPECT_FALSE(look(kWholeUpTo));
  overwrite(static_cast<std::uintmax_t>(roots.second - 1) * kPage, std::string(16, '\xa5'));
  auto seen = look(0);
  ASSERT_FALSE(seen);
  EXPECT_NE(seen.error().message.find("the file is damaged"), std::string::npos) << seen.error().message;
}

// What a process that was killed left, without its log: what was answered last is in that.
TEST_F(DamageTest, AMissingLogIsRefused) {
  auto store = open();
  commit(*store, some(3));
  auto rest = [&](const std::string& to, bool with_log) {
    fs::create_directories(folder / to);
    for (const char* name : {"hecate.db", "lock"})
      fs::copy_file(folder / "state/" + name, folder / to + "/" + name);
    if (with_log) fs::copy_file(file() + "-wal", folder / to + "/hecate.db-wal");
    auto opened = Store::open(folder / to, clock, registry);
    if (!opened) return opened.error().message;
    return std::to_string(counts(**opened, 1, 0, 1).size());
  };
  EXPECT_EQ(rest("whole", true), "3");
  // Killed before it has committed anything.
  store.reset();
  store = open();
  EXPECT_EQ(rest("idle", true), "3");
  auto refused = rest("without", false);
  EXPECT_NE(refused.find("hecate.db-wal is missing, though the last hecate here did not stop by itself"),
            std::string::npos)
      << refused;
  fs::remove(folder / "without/lock");
  EXPECT_TRUE(Store::open(folder / "without", clock, registry));
  // One that stopped by itself leaves none, and none is missed.
  store.reset();
  EXPECT_FALSE(fs::exists(file() + "-wal"));
  EXPECT_NE(open(), nullptr);
}

TEST_F(DamageTest, DamageThatShowsLaterEndsAllCommits) {
  options.log_pages = 1;  // so that pages are read from the file
  options.retry = std::chrono::milliseconds(1);
  make(200);
  auto store = open();
  ASSERT_EQ(commit(*store, some(1)), Store::Outcome::committed);
  execute(*store, "PRAGMA shrink_memory");
  for (std::uintmax_t page = 1; page < pages(); ++page) overwrite(page * kPage, std::string(16, '\xa5'));
  EXPECT_EQ(commit(*store, some(200)), Store::Outcome::failed);
  EXPECT_NE(store->trouble().find("the file is damaged"), std::string::npos) << store->trouble();
  EXPECT_GE(metric("hecate_journal_failures_total", "damaged"), 1);
  // It does not try its luck elsewhere in the file.
  bool tried = false;
  auto job = store->write_and_wait([&](Database&) -> Result<void> {
    tried = true;
    return {};
  });
  ASSERT_FALSE(job);
  EXPECT_FALSE(tried);
  EXPECT_NE(job.error().message.find("the file is damaged"), std::string::npos) << job.error().message;
}

TEST_F(DamageTest, AStoredRowThatCannotBeMergedGoesAsideWithAllItHolds) {
  auto store = open();
  auto both = [] {
    DeltaSet deltas;
    add_count(deltas, 1, 0, "bad", 5);
    add_count(deltas, 1, 0, "good", 5);
    return deltas;
  };
  commit(*store, both());
  execute(*store, "UPDATE pane SET state = x'01ff', sample = x'42' WHERE grp = x'626164'");
  EXPECT_EQ(commit(*store, both()), Store::Outcome::committed);
  EXPECT_EQ(store->trouble(), "");
  EXPECT_EQ(counts(*store, 1, 0, 1), (Counts{{"bad", 5}, {"good", 10}}));
  EXPECT_EQ(number(*store,
                   "SELECT count(*) FROM damaged WHERE scan = 1 AND minute = 0 AND grp = x'626164'"
                   " AND state = x'01ff' AND sample = x'42' AND reason LIKE '%damaged%' AND found > 0"),
            1);
  EXPECT_EQ(metric("hecate_journal_damaged_rows_total"), 1);
  EXPECT_EQ(commit(*store, both()), Store::Outcome::committed);
  EXPECT_EQ(metric("hecate_journal_damaged_rows_total"), 1);
}

TEST_F(DamageTest, ARowThatWouldBeTooLargeGoesAside) {
  auto store = open();
  auto list = [](std::int64_t minute, unsigned from) {
    spl::ListOf items;
    for (unsigned i = from; i < from + 10; ++i) items.add({i, i}, 0, std::string(200, 'x'));
    DeltaSet deltas;
    deltas.at({1, minute, "g"}).state.parts().accumulators.emplace_back(std::move(items));
    add_count(deltas, 1, 9, "other");
    return deltas;
  };
  auto allow = [&](int bytes) {
    auto done = store->write_and_wait([bytes](Database& database) -> Result<void> {
      sqlite3_limit(database.handle(), SQLITE_LIMIT_LENGTH, bytes);
      return {};
    });
    EXPECT_TRUE(done);
  };
  commit(*store, list(0, 0));
  EXPECT_TRUE(store->fold());
  allow(4000);
  EXPECT_EQ(commit(*store, list(0, 100)), Store::Outcome::committed);
  EXPECT_EQ(number(*store, "SELECT count(*) FROM damaged WHERE minute = 0 AND length(state) > 2000"), 1);
  EXPECT_EQ(number(*store, "SELECT length(state) > 2000 FROM pane WHERE minute = 0"), 1);
  // Of one that is too large by itself a trace is kept.
  allow(1000);
  EXPECT_EQ(commit(*store, list(1, 0)), Store::Outcome::committed);
  EXPECT_EQ(number(*store, "SELECT count(*) FROM damaged WHERE minute = 1 AND length(state) = 0"), 1);
  EXPECT_EQ(number(*store, "SELECT count(*) FROM pane WHERE minute = 1"), 0);
  EXPECT_EQ(counts(*store, 1, 9, 10), (Counts{{"other", 3}}));
  EXPECT_EQ(metric("hecate_journal_damaged_rows_total"), 2);
  EXPECT_EQ(store->trouble(), "");
}

// A start takes what it can read of the contributions that were not folded yet; the rest goes aside.
TEST_F(DamageTest, WhatCannotBeReadOfTheTailGoesAside) {
  options.fold_rows = 1;
  for (bool cut : {false, true}) {
    SCOPED_TRACE(cut);
    hecate::testing::FaultyDisk disk;
    options.database.vfs = disk.name();
    auto open_there = [&] { return *Store::open(disk / "state", clock, registry, options); };
    auto store = open_there();
    for (const char* group : {"a", "b", "c"}) {
      DeltaSet deltas;
      add_count(deltas, 1, 0, group, 5);
      EXPECT_EQ(commit(*store, std::move(deltas)), Store::Outcome::committed);
    }
    // The last byte of the state, before two that say that there is no sample, or all behind the scan.
    std::string change =
        cut ? "substr(deltas, 1, 12)" : "CAST(substr(deltas, 1, length(deltas) - 3) || x'ff0000' AS BLOB)";
    auto changed = store->write_and_wait([&](Database& database) {
      return database.execute("UPDATE tail SET deltas = " + change + " WHERE seq = 2");
    });
    EXPECT_TRUE(changed);
    auto reader = *store->reader();
    EXPECT_EQ(*count_unreadable_tail(*reader), 1);
    EXPECT_EQ(find_problems(*reader)->size(), 1u);
    reader.reset();
    disk.cut_power_at(1);
    store.reset();
    disk.restart_process();
    store = open_there();
    EXPECT_EQ(counts(*store, 1, 0, 1), (Counts{{"a", 5}, {"c", 5}}));
    EXPECT_EQ(
        number(*store, "SELECT count(*) FROM damaged WHERE reason LIKE '%read%' OR reason LIKE '%damaged%'"),
        1);
    EXPECT_EQ(number(*store, "SELECT count(*) FROM tail"), 0);
    // Runs of windows with that minute are incomplete, where it can be told which one it was.
    EXPECT_EQ(*read_dropped(*reader_of(*store), 1, 0, 1), cut ? 0 : 1);
  }
}

// What is thrown in the writer's thread is a failed commit, and the next one works.
TEST_F(DamageTest, ExceptionsAreFailedCommits) {
  options.retry = std::chrono::milliseconds(1);
  auto store = open();
  auto thrower = [](auto thrown) { return [thrown](Database&) -> Result<void> { throw thrown; }; };
  auto memory = store->write_and_wait(thrower(std::bad_alloc()));
  ASSERT_FALSE(memory);
  EXPECT_NE(memory.error().message.find("out of memory"), std::string::npos) << memory.error().message;
  EXPECT_EQ(metric("hecate_journal_failures_total", "memory"), 1);
  auto other = store->write_and_wait(thrower(std::runtime_error("odd")));
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("odd"), std::string::npos) << other.error().message;
  store->write(nullptr, [](Store::Outcome) { throw std::runtime_error("nobody listens"); });
  EXPECT_EQ(commit(*store, some(1)), Store::Outcome::committed);
  EXPECT_EQ(store->trouble(), "");
}

}  // namespace
}  // namespace hecate::store
