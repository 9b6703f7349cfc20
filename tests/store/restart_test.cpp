#include "tests/store/store_fixture.h"
#include "tests/support/faulty_disk.h"

namespace hecate::store {
namespace {

using namespace testing;
using hecate::testing::FaultyDisk;

struct Group {
  std::string key;
  std::uint64_t count;
  std::string sample;
  friend bool operator==(const Group&, const Group&) = default;
};

std::vector<Group> groups(Store& store, std::int64_t from, std::int64_t to) {
  std::vector<Group> found;
  EXPECT_TRUE(store.fold());
  auto reader = *store.reader();
  auto read = read_groups(*reader, 7, from, to,
                          [&](std::string_view key, spl::GroupState&& state, const Sample& sample) {
                            found.push_back({std::string(key), count_of(state), sample.raw});
                            return true;
                          });
  EXPECT_TRUE(read) << read.error().message;
  return found;
}

DeltaSet deltas_of(std::mt19937& random) {
  DeltaSet deltas;
  // Searches may keep different things of one event.
  auto time = static_cast<Time>(random() % 50);
  std::uint64_t arrival = random();
  for (unsigned n = 1 + random() % 5; n > 0; --n) {
    auto minute = static_cast<std::int64_t>(random() % 6);
    auto group = "g" + std::to_string(random() % 9);
    add_count(deltas, 7, minute, group, 1 + random() % 3);
    Sample& sample = deltas.at({7, minute, group}).sample;
    if (!sample.empty()) continue;
    sample.time = time;
    sample.arrival = arrival;
    sample.raw = "event " + std::to_string(arrival) + (random() % 2 == 0 ? " for " + group : "");
  }
  return deltas;
}

// A store that is stopped, killed and cut off the power after what it answered, beside one that runs through.
class RestartTest : public StoreTest {
 protected:
  std::unique_ptr<Store> open_on(FaultyDisk& disk) {
    options.database.vfs = disk.name();
    auto store = Store::open(disk / "state", clock, registry, options);
    EXPECT_TRUE(store) << store.error().message;
    return store ? *std::move(store) : nullptr;
  }
  void restart(std::unique_ptr<Store>& store, FaultyDisk& disk, std::mt19937& random) {
    unsigned way = random() % 3;
    if (way > 0) disk.cut_power_at(1);
    store.reset();
    if (way == 1) disk.restart_process();
    if (way == 2) disk.restart_machine(random);
    store = open_on(disk);
  }
};

TEST_F(RestartTest, RestartsChangeNothing) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    FaultyDisk calm;
    FaultyDisk disk;
    options.log_pages = 1 + static_cast<int>(random() % 30);
    options.tail_bytes = random() % 2 * 1000 * (random() % 10);
    options.fold_rows = 1 + random() % 10;
    options.checkpointer = seed % 2 == 0;
    auto through = open_on(calm);
    auto restarted = open_on(disk);
    ASSERT_TRUE(through && restarted);
    for (unsigned steps = 20 + random() % 60; steps > 0; --steps) {
      auto fork = random;
      auto first = deltas_of(random);
      ASSERT_EQ(commit(*through, std::move(first)), Store::Outcome::committed);
      ASSERT_EQ(commit(*restarted, deltas_of(fork)), Store::Outcome::committed);
      if (random() % 6 == 0) restart(restarted, disk, random);
      ASSERT_TRUE(restarted);
    }
    auto from = static_cast<std::int64_t>(random() % 3);
    ASSERT_EQ(groups(*restarted, from, 6), groups(*through, from, 6));
    ASSERT_FALSE(groups(*restarted, from, 6).empty());
  }
}

}  // namespace
}  // namespace hecate::store
