#include "tests/store/store_fixture.h"
#include "tests/support/testing.h"

#include <atomic>
#include <filesystem>
#include <future>
#include <random>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hecate::store {
namespace {

using namespace testing;
using hecate::testing::eventually;

TEST_F(StoreTest, KeepsWhatWasCommittedOverReopening) {
  auto store = open();
  DeltaSet first;
  add_count(first, 1, 100, "a");
  add_count(first, 1, 101, "a", 2);
  add_count(first, 1, 101, "b");
  EXPECT_EQ(commit(*store, std::move(first)), Store::Outcome::committed);
  store.reset();
  store = open();
  DeltaSet second;
  add_count(second, 1, 100, "a", 10);
  add_count(second, UINT64_MAX, 100, "other");
  EXPECT_EQ(commit(*store, std::move(second)), Store::Outcome::committed);
  EXPECT_EQ(counts(*store, 1, 100, 102), (Counts{{"a", 13}, {"b", 1}}));
  EXPECT_EQ(counts(*store, 1, 100, 101), (Counts{{"a", 11}}));
  EXPECT_EQ(counts(*store, 1, 102, 200), Counts{});
  EXPECT_EQ(counts(*store, UINT64_MAX, 0, 1000), (Counts{{"other", 1}}));
}

TEST_F(StoreTest, CommitsWhatIsQueuedBeforeItCloses) {
  auto store = open();
  for (int i = 0; i < 50; ++i) {
    DeltaSet deltas;
    add_count(deltas, 1, i, "g");
    store->submit(std::move(deltas), nullptr);
  }
  store.reset();
  store = open();
  EXPECT_EQ(counts(*store, 1, 0, 50), (Counts{{"g", 50}}));
}

TEST_F(StoreTest, ManySendersGetTheSameSumAsOne) {
  auto store = open();
  std::atomic<int> answered = 0;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.emplace_back([&, sender] {
      std::mt19937 random(static_cast<unsigned>(sender));
      for (int i = 0; i < 100; ++i) {
        DeltaSet deltas;
        for (int k = 0; k < 10; ++k) add_count(deltas, 1, random() % 3, std::string(1, 'a' + random() % 4));
        store->submit(std::move(deltas),
                      [&](Store::Outcome result) { answered += result == Store::Outcome::committed; });
      }
    });
  }
  for (auto& sender : senders) sender.join();
  ASSERT_TRUE(eventually([&] { return answered == 400; }));
  std::uint64_t sum = 0;
  for (const auto& [group, count] : counts(*store, 1, 0, 3)) sum += count;
  EXPECT_EQ(sum, 4000u);
}

TEST_F(StoreTest, ReadGroupIsTheSameAsReadingAll) {
  auto store = open();
  DeltaSet deltas;
  std::mt19937 random(7);
  for (int i = 0; i < 500; ++i) add_count(deltas, 1, random() % 20, std::to_string(random() % 30));
  commit(*store, std::move(deltas));
  auto reader = reader_of(*store);
  auto all = read_counts(*reader, 1, 3, 17);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  for (const auto& [group, count] : all) {
    spl::GroupState state;
    Sample sample;
    auto found = read_group(*reader, 1, *read_minutes(*reader, 1, 3, 17), group, state, sample);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ(count_of(state), count);
  }
  spl::GroupState state;
  Sample sample;
  auto found = read_group(*reader, 1, *read_minutes(*reader, 1, 3, 17), "none", state, sample);
  EXPECT_TRUE(found && !*found);
}

// What another process sees: SQLite's lock that says that the database is in use, so that the log is not
// taken away.
TEST_F(StoreTest, TheDatabaseIsLockedWhileItIsOpen) {
  auto store = open();
  ASSERT_EQ(commit(*store, {}), Store::Outcome::committed);
  pid_t child = ::fork();
  if (child == 0) {
    int file = ::open((folder / "state/hecate.db").c_str(), O_RDWR | O_CLOEXEC);
    struct flock shared{};
    shared.l_type = F_WRLCK;
    shared.l_whence = SEEK_SET;
    shared.l_start = 0x40000000 + 2;
    shared.l_len = 510;
    bool locked = file >= 0 && ::fcntl(file, F_GETLK, &shared) == 0 && shared.l_type != F_UNLCK;
    ::_exit(locked ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(StoreTest, AVisitorMayStop) {
  auto store = open();
  DeltaSet deltas;
  for (const char* group : {"a", "b", "c"}) add_count(deltas, 1, 0, group);
  commit(*store, std::move(deltas));
  auto reader = reader_of(*store);
  std::vector<std::string> seen;
  auto read = read_groups(*reader, 1, 0, 1, [&](std::string_view key, spl::GroupState&&, const Sample&) {
    seen.emplace_back(key);
    return seen.size() < 2;
  });
  EXPECT_TRUE(read);
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read_counts(*reader, 1, 0, 1).size(), 3u);  // the reader is usable after
}

// A long visit takes new views of the database as it goes, so that commits meanwhile do not make the log
// grow; each group is visited once all the same.
class LongVisit : public StoreTest, public ::testing::WithParamInterface<bool> {};

TEST_P(LongVisit, LetsTheLogBeginAnew) {
  options.checkpointer = GetParam();
  options.log_pages = 20;
  auto store = open();
  DeltaSet deltas;
  std::map<std::string, std::uint64_t> expected;
  for (int i = 0; i < 9000; ++i) {
    // The group without BY values comes first.
    std::string group = i < 3 ? "" : std::to_string(100'000 + i / 3);
    add_count(deltas, 1, i % 3, group);
    ++expected[group];
  }
  ASSERT_EQ(commit(*store, std::move(deltas)), Store::Outcome::committed);
  auto log = [&] { return std::filesystem::file_size(folder / "state/hecate.db-wal"); };
  auto write = [&](std::int64_t minute) {
    DeltaSet more;
    for (int i = 0; i < 20; ++i) add_count(more, 2, minute, std::to_string(i) + std::string(3000, 'x'));
    return commit(*store, std::move(more)) == Store::Outcome::committed;
  };
  Counts found;
  auto reader = reader_of(*store);
  auto read =
      read_groups(*reader, 1, 0, 3, [&](std::string_view key, spl::GroupState&& state, const Sample&) {
        found.emplace_back(key, count_of(state));
        return found.size() % 20 != 0 || write(static_cast<std::int64_t>(found.size()));
      });
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(found, Counts(expected.begin(), expected.end()));
  EXPECT_LT(log(), 10u << 20);
}

INSTANTIATE_TEST_SUITE_P(StoreTest, LongVisit, ::testing::Bool());

// Beyond the number of cursors that are held open at once, SQLite sorts: the same groups in the same order.
TEST_F(StoreTest, AWindowOfVeryManyMinutesReadsTheSame) {
  auto store = open();
  DeltaSet deltas;
  std::map<std::string, std::uint64_t> expected;
  std::mt19937 random(11);
  for (int minute = 0; minute < 1600; ++minute) {
    auto group = std::string("g\0", 2) + std::to_string(random() % 100);
    add_count(deltas, 1, minute, group);
    ++expected[group];
  }
  commit(*store, std::move(deltas));
  EXPECT_EQ(counts(*store, 1, 0, 1600), Counts(expected.begin(), expected.end()));
}

TEST_F(StoreTest, TheEarliestEventOfAGroupIsItsSample) {
  auto store = open();
  auto sample = [](Time time, std::uint64_t arrival, const std::string& raw) {
    Sample made;
    made.time = time;
    made.arrival = arrival;
    made.raw = raw;
    made.fields = {{"user", raw + "'s user"}};
    return made;
  };
  auto put = [&](std::int64_t minute, Sample given) {
    DeltaSet deltas;
    add_count(deltas, 1, minute, "g");
    deltas.at({1, minute, "g"}).sample = std::move(given);
    commit(*store, std::move(deltas));
  };
  auto read = [&] {
    spl::GroupState state;
    Sample found;
    auto reader = reader_of(*store);
    EXPECT_TRUE(*read_group(*reader, 1, *read_minutes(*reader, 1, 0, 10), "g", state, found));
    return found;
  };
  put(5, {});
  EXPECT_TRUE(read().empty());
  put(5, sample(500, 3, "third"));
  put(5, sample(500, 2, "second"));
  put(5, sample(600, 1, "later"));
  EXPECT_EQ(read().raw, "second");
  put(3, sample(400, 9, "of an earlier minute"));
  EXPECT_EQ(read().raw, "of an earlier minute");
  EXPECT_EQ(read().fields.at(0).second, "of an earlier minute's user");
  put(7, sample(-1, 9, "before 1970"));
  EXPECT_EQ(read().raw, "before 1970");
}

TEST_F(StoreTest, AJobAndItsNeighboursAreKeptOrRefusedTogether) {
  options.retry = std::chrono::milliseconds(1);
  auto store = open();
  // Holds the writer, so that what follows is one commit.
  std::promise<void> held;
  std::promise<void> go;
  store->write(
      [&](Database&) -> Result<void> {
        held.set_value();
        go.get_future().wait();
        return {};
      },
      nullptr);
  held.get_future().wait();
  std::vector<std::string> order;
  auto note = [&](const std::string& who) {
    return [&order, who](Store::Outcome result) {
      order.push_back(who + (result == Store::Outcome::failed ? " failed" : " committed"));
    };
  };
  DeltaSet deltas;
  add_count(deltas, 1, 0, "g");
  store->submit(std::move(deltas), note("deltas"));
  store->write([](Database& database) { return database.execute("INSERT INTO schedule VALUES ('d', 1)"); },
               note("good job"));
  store->write([](Database& database) { return database.execute("INSERT INTO nowhere VALUES (1)"); },
               note("bad job"));
  go.set_value();
  // The journal tries again by itself, and all is well when that works.
  ASSERT_TRUE(
      eventually([&] { return metric("hecate_journal_failures_total") == 1 && store->trouble().empty(); }));
  EXPECT_EQ(order, (std::vector<std::string>{"deltas failed", "good job failed", "bad job failed"}));
  EXPECT_EQ(counts(*store, 1, 0, 1), Counts{});
  auto reader = reader_of(*store);
  auto rows = *reader->prepare("SELECT * FROM schedule");
  EXPECT_FALSE(*rows->step());
}

TEST_F(StoreTest, AFullDiskIsToldAndGetsBetterByItself) {
  auto store = open();
  auto set_room = [&](const std::string& pages) {
    auto done = store->write_and_wait(
        [&](Database& database) { return database.execute("PRAGMA max_page_count=" + pages); });
    EXPECT_TRUE(done) << done.error().message;
  };
  auto large = [] {
    DeltaSet deltas;
    for (int i = 0; i < 200; ++i) add_count(deltas, 1, 0, std::to_string(i) + std::string(1000, 'x'));
    return deltas;
  };
  set_room("1");  // SQLite takes it as: no more than there are
  EXPECT_EQ(commit(*store, large()), Store::Outcome::failed);
  EXPECT_NE(store->trouble().find("the disk is full; free space"), std::string::npos) << store->trouble();
  EXPECT_EQ(counts(*store, 1, 0, 1).size(), 0u);
  EXPECT_GE(metric("hecate_journal_failures_total", "full"), 1);
  set_room("1000000");
  EXPECT_EQ(store->trouble(), "");
  EXPECT_EQ(commit(*store, large()), Store::Outcome::committed);
  EXPECT_EQ(counts(*store, 1, 0, 1).size(), 200u);
}

TEST_F(StoreTest, TroubleLastsAsLongAsNothingCanBeWritten) {
  options.retry = std::chrono::milliseconds(1);
  auto store = open();
  auto execute = [&](const std::string& sql) {
    auto done = store->write_and_wait([&](Database& database) { return database.execute(sql); });
    EXPECT_TRUE(done) << done.error().message;
  };
  for (std::string table : {"tail", "meta"}) {
    execute("CREATE TEMP TRIGGER no_" + table + " BEFORE INSERT ON " + table +
            " BEGIN SELECT RAISE(ABORT, 'nothing can be written'); END");
  }
  DeltaSet deltas;
  add_count(deltas, 1, 0, "a");
  EXPECT_EQ(commit(*store, std::move(deltas)), Store::Outcome::failed);
  // The tries that the journal makes by itself fail too.
  ASSERT_TRUE(eventually([&] { return metric("hecate_journal_failures_total") >= 2; }));
  EXPECT_NE(store->trouble().find("nothing can be written"), std::string::npos) << store->trouble();
  execute("DROP TRIGGER no_tail; DROP TRIGGER no_meta");
  EXPECT_EQ(store->trouble(), "");
}

TEST_F(StoreTest, TheListenerSeesWhatACommitMerged) {
  auto store = open();
  std::promise<std::size_t> seen;
  store->set_commit_listener([&](const DeltaSet& merged) { seen.set_value(merged.size()); });
  ASSERT_TRUE(store->write_and_wait([](Database&) -> Result<void> { return {}; }));  // nothing to see
  DeltaSet deltas;
  add_count(deltas, 1, 0, "a");
  add_count(deltas, 1, 1, "a");
  commit(*store, std::move(deltas));
  EXPECT_EQ(seen.get_future().get(), 2u);
  store.reset();
}

TEST_F(StoreTest, FilesAreForTheOwnerOnly) {
  auto store = open();
  DeltaSet deltas;
  add_count(deltas, 1, 0, "a");
  commit(*store, std::move(deltas));
  auto mode = [&](const std::string& name) {
    struct stat info{};
    EXPECT_EQ(::stat((folder / name).c_str(), &info), 0) << name;
    return info.st_mode & 0777;
  };
  EXPECT_EQ(mode("state"), 0700u);
  for (const char* name : {"state/lock", "state/hecate.db", "state/hecate.db-wal", "state/hecate.db-shm"}) {
    EXPECT_EQ(mode(name), 0600u) << name;
  }
}

TEST_F(StoreTest, ASecondOpenerIsRefused) {
  auto store = open();
  EXPECT_NE(refusal().find("in use by another hecate, process " + std::to_string(::getpid())),
            std::string::npos)
      << refusal();
  store.reset();
  EXPECT_NE(open(), nullptr);
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsRefusedWithAdvice) {
  folder.write("state/hecate.db", std::string(20'000, 'x'));
  EXPECT_NE(refusal().find("the file is damaged; stop hecate, keep a copy"), std::string::npos) << refusal();
}

TEST_F(StoreTest, ADamagedSchemaIsRefusedWithAdvice) {
  open();
  {
    // The first page holds the schema; its header is left as it is.
    int file = ::open((folder / "state/hecate.db").c_str(), O_WRONLY);
    std::string rubbish(3000, '\x5a');
    ASSERT_EQ(::pwrite(file, rubbish.data(), rubbish.size(), 100), 3000);
    ::close(file);
  }
  EXPECT_NE(refusal().find("damaged"), std::string::npos) << refusal();
}

TEST_F(StoreTest, ANewerSchemaIsRefused) {
  ASSERT_TRUE(open()->write_and_wait([](Database& database) {
    return database.execute("UPDATE meta SET value = 99 WHERE key = 'schema.store'");
  }));
  EXPECT_NE(refusal().find("its store tables are of version 99"), std::string::npos) << refusal();
}

TEST_F(StoreTest, AFolderThatCannotBeMadeIsTold) {
  folder.write("state", "a file");
  EXPECT_NE(refusal().find("cannot make it: Not a directory"), std::string::npos) << refusal();
}

TEST_F(StoreTest, MetricsCountCommitsAndMergedRows) {
  auto store = open();
  DeltaSet deltas;
  add_count(deltas, 1, 0, "a", 7);
  add_count(deltas, 1, 0, "b");
  commit(*store, std::move(deltas));
  EXPECT_EQ(metric("hecate_journal_commits_total"), 1);
  EXPECT_EQ(metric("hecate_journal_rows_total"), 2);
  EXPECT_EQ(metric("hecate_journal_commit_seconds"), 1);
  EXPECT_GT(metric("hecate_journal_bytes"), 16384);
  EXPECT_GE(metric("hecate_journal_log_bytes_total"), kPageSize);
  EXPECT_LT(metric("hecate_journal_log_bytes_total"), 10 * kPageSize);
  EXPECT_GT(metric("hecate_journal_disk_free_bytes"), 0);
}

}  // namespace
}  // namespace hecate::store
