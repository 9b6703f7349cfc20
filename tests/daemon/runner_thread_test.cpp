#include "daemon/runner_thread.h"

#include "tests/support/testing.h"

#include <atomic>

#include <gtest/gtest.h>

namespace hecate::daemon {
namespace {

using testing::eventually;

// A runner that refuses a catalogue so many times, as one does whose disk is full.
class ReluctantRunner final : public window::Runner {
 public:
  Result<void> set_catalogue(std::shared_ptr<const catalogue::Catalogue> catalogue) override {
    if (refusals-- > 0) return fail("the disk is full");
    taken = catalogue.get();
    return {};
  }
  Result<int> advance(Time) override { return 0; }
  void pass_over(Time) override {}
  void stop() override { stopped = true; }
  [[nodiscard]] Time next_due() const override { return INT64_MAX; }
  void set_feed_listener(FeedListener) override {}
  Result<void> committing(store::Database&, const store::DeltaSet&) override { return {}; }
  void committed(const store::DeltaSet&) override {}
  void set_wake(std::function<void()>) override {}

  std::atomic<int> refusals{0};
  std::atomic<const catalogue::Catalogue*> taken{nullptr};
  std::atomic<bool> stopped{false};
};

// Ingest must not go ahead of the runner: it would gather for searches that nobody runs.
TEST(RunnerThread, ACatalogueIsTriedUntilTheRunnerTakesItAndThenTold) {
  ReluctantRunner runner;
  runner.refusals = 1;
  testing::ManualClock clock;
  std::atomic<const catalogue::Catalogue*> accepted{nullptr};
  std::atomic<bool> in_order{false};
  auto catalogue = std::make_shared<const catalogue::Catalogue>();
  {
    RunnerThread thread(runner, clock, [&](const auto& each) {
      in_order = runner.taken == each.get();
      accepted = each.get();
    });
    thread.set_catalogue(catalogue);
    EXPECT_TRUE(eventually([&] { return accepted == catalogue.get(); }));
  }
  EXPECT_TRUE(in_order);
  EXPECT_LT(runner.refusals, 0);
  EXPECT_TRUE(runner.stopped);
}

}  // namespace
}  // namespace hecate::daemon
