#include "tests/store/counts.h"
#include "tests/store/ledger.h"
#include "tests/support/faulty_disk.h"
#include "tests/support/testing.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

namespace hecate::store {
namespace {

using namespace testing;
using hecate::testing::FaultyDisk;

// A journal on a disk that loses what was not synced when the power goes.
class Machine {
 public:
  explicit Machine(unsigned seed, bool synchronous = true)
      : random(seed), synchronous_(synchronous), checkpointer_(seed % 2 == 0) {}

  // What is wrong; empty when nothing is.
  std::string start() {
    StoreOptions options;
    options.database = {disk.name(), synchronous_};
    options.log_pages = 3 + static_cast<int>(random() % 40);
    options.checkpointer = checkpointer_;
    options.tail_bytes = random() % 4000;
    options.fold_rows = 1 + random() % 10;
    options.fatal = [](const std::string&) {};
    registry = std::make_unique<prometheus::Registry>();
    auto opened = Store::open(disk / "state", clock, *registry, options);
    if (!opened) return opened.error().message;
    store = *std::move(opened);
    return {};
  }

  std::string check_after_start() {
    auto wrong = start();
    return wrong.empty() ? ledger.check(*store) : wrong;
  }

  std::string step() {
    switch (unsigned dice = random() % 100; dice) {
      case 0 ... 59:
        ledger.submit(*store, random);
        return {};
      case 60 ... 69:
        ledger.job(*store);
        return {};
      case 70 ... 87:
        ledger.wait();
        return {};
      case 88 ... 89:
        store.reset();
        return check_after_start();
      case 90 ... 92:
        disk.cut_power_at(1);
        store.reset();
        disk.restart_process();
        return check_after_start();
      default:
        return power_cut();
    }
  }

  // At a change somewhere in what follows: within a commit, in putting the log back, in closing, in starting.
  std::string power_cut() {
    disk.cut_power_at(1 + static_cast<int>(random() % 60));
    for (unsigned n = random() % 8; n > 0; --n) {
      ledger.submit(*store, random);
      if (random() % 2 == 0) ledger.wait();
    }
    store.reset();
    if (random() % 2 == 0) (void)start();
    store.reset();
    disk.cut_power_at(1);
    disk.restart_machine(random);
    return check_after_start();
  }

  std::mt19937 random;
  FaultyDisk disk;
  hecate::testing::ManualClock clock;
  std::unique_ptr<prometheus::Registry> registry;
  Ledger ledger{[this] { return disk.powered(); }};
  std::unique_ptr<Store> store;

 private:
  bool synchronous_;
  bool checkpointer_;
};

// Over `seeds` random histories of up to 64 steps; what went wrong first.
std::string loss_in(unsigned seeds, bool synchronous, std::size_t& committed) {
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    Machine machine(seed, synchronous);
    auto wrong = machine.start();
    unsigned steps = 1 + machine.random() % 64;
    for (unsigned step = 0; step < steps && wrong.empty(); ++step) wrong = machine.step();
    if (wrong.empty()) wrong = machine.power_cut();
    if (!wrong.empty()) return "seed " + std::to_string(seed) + ": " + wrong;
    committed += machine.ledger.committed();
  }
  return {};
}

TEST(LostPageCache, EveryAnsweredContributionIsThere) {
  std::size_t committed = 0;
  EXPECT_EQ(loss_in(1000, true, committed), "");
  EXPECT_GT(committed, 10'000u);
}

// The same with synchronous=OFF: it must be seen to lose something.
TEST(LostPageCache, IsSeenWhereCommitsDoNotWaitForTheDisk) {
  std::size_t committed = 0;
  auto loss = loss_in(100, false, committed);
  EXPECT_NE(loss.find("was committed and is gone"), std::string::npos) << loss;
}

}  // namespace
}  // namespace hecate::store
