#include "tests/store/ledger.h"
#include "tests/support/faulty_disk.h"
#include "tests/support/testing.h"

#include <atomic>

#include <gtest/gtest.h>
#include <prometheus/registry.h>

namespace hecate::store {
namespace {

using namespace testing;
using hecate::testing::eventually;
using hecate::testing::FaultyDisk;
using Fault = FaultyDisk::Fault;

class FaultTest : public ::testing::Test {
 protected:
  void open() {
    StoreOptions options;
    options.database.vfs = disk->name();
    options.log_pages = 20;
    options.checkpointer = checkpointer;
    options.tail_bytes = random() % 2 * 2000;
    options.fold_rows = 1 + random() % 10;
    options.retry = std::chrono::milliseconds(1);
    options.fatal = [this](const std::string& why) {
      fatal_text = why;
      ++fatal;
    };
    registry = std::make_unique<prometheus::Registry>();
    auto opened = Store::open(*disk / "state", clock, *registry, options);
    ASSERT_TRUE(opened) << opened.error().message;
    store = *std::move(opened);
  }

  // A machine of its own, with the nth write (or sync) and all after it to fail.
  void begin(Fault fault, int nth) {
    store.reset();
    disk = std::make_unique<FaultyDisk>();
    ledger = std::make_unique<Ledger>([] { return true; });
    random.seed(static_cast<unsigned>(nth));
    fatal = 0;
    checkpointer = nth % 2 == 0;
    open();
    disk->fail_from(fault, nth);
  }

  // Work until the disk has failed; enough to put the log back several times.
  void work_until_failure() {
    for (int i = 0; i < 400 && !disk->failed(); ++i) {
      ledger->submit(*store, random);
      if (i % 3 == 0) ledger->job(*store);
      if (i % 2 == 0) ledger->wait();
    }
    ledger->wait();
    ASSERT_TRUE(disk->failed());
  }

  hecate::testing::ManualClock clock;
  std::mt19937 random;
  bool checkpointer = false;
  std::unique_ptr<FaultyDisk> disk;
  std::unique_ptr<prometheus::Registry> registry;
  std::unique_ptr<Ledger> ledger;
  std::atomic<int> fatal = 0;
  std::string fatal_text;
  std::unique_ptr<Store> store;
};

// A full disk and a disk that refuses to write: told, undone, and over by itself.
TEST_F(FaultTest, AfterAFailedWriteWorkGoesOnByItself) {
  for (Fault fault : {Fault::full, Fault::write_error}) {
    std::size_t refused = 0;
    for (int nth = 1; nth <= 200; ++nth) {
      SCOPED_TRACE(nth);
      begin(fault, nth);
      work_until_failure();
      ASSERT_TRUE(eventually([&] { return !store->trouble().empty(); }));
      const char* advice =
          fault == Fault::full ? "the disk is full; free space" : "the disk reports an error";
      ASSERT_NE(store->trouble().find(advice), std::string::npos) << store->trouble();
      disk->mend();
      ASSERT_TRUE(eventually([&] { return store->trouble().empty(); }));
      ledger->submit(*store, random);
      ledger->wait();
      refused += ledger->refused();
      ASSERT_EQ(ledger->check(*store), "");
      ASSERT_EQ(fatal, 0);
      store.reset();
      open();
      ASSERT_EQ(ledger->check(*store), "");
    }
    EXPECT_GT(refused, 100u);
  }
}

// A failed sync: nobody is told anything any more, and the next start is right, even where the system shows
// what the disk does not have and the power goes then.
TEST_F(FaultTest, AfterAFailedSyncNothingIsAnsweredAndTheNextStartIsRight) {
  for (int nth = 1; nth <= 200; ++nth) {
    SCOPED_TRACE(nth);
    begin(Fault::sync_error, nth);
    work_until_failure();
    ASSERT_TRUE(eventually([&] { return fatal == 1; }));
    ASSERT_NE(fatal_text.find("the disk did not confirm"), std::string::npos) << fatal_text;
    auto committed = ledger->committed();
    for (int i = 0; i < 5; ++i) ledger->submit(*store, random);
    EXPECT_FALSE(store->write_and_wait([](Database&) -> Result<void> { return {}; }));
    ledger->wait();
    ASSERT_EQ(ledger->committed(), committed);
    ASSERT_EQ(ledger->refused(), 0u);
    ASSERT_EQ(store->trouble(), fatal_text);
    store.reset();
    ASSERT_EQ(fatal, 1);
    open();
    ASSERT_EQ(ledger->check(*store), "");
    for (int i = 0; i < 5; ++i) ledger->submit(*store, random);
    ledger->wait();
    disk->cut_power_at(1);
    store.reset();
    disk->restart_machine(random);
    open();
    ASSERT_EQ(ledger->check(*store), "");
  }
}

// What the daemon does: it says why, and ends.
TEST(FaultDeathTest, AFailedSyncEndsTheProcess) {
  auto fail = [] {
    hecate::testing::ManualClock clock;
    prometheus::Registry registry;
    FaultyDisk disk;
    StoreOptions options;
    options.database.vfs = disk.name();
    auto store = Store::open(disk / "state", clock, registry, options);
    disk.fail_from(Fault::sync_error, 1);
    (void)(*store)->write_and_wait([](Database& database) { return database.execute("CREATE TABLE t(a)"); });
  };
  EXPECT_EXIT(fail(), ::testing::ExitedWithCode(74), "");
}

}  // namespace
}  // namespace hecate::store
