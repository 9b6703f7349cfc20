#include "pipeline/match/matcher.h"
#include "tests/support/testing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::match {
namespace {

std::int64_t ticks = 0;
// Every look at it is a microsecond after the last.
std::int64_t stopwatch() {
  return ++ticks * 1000;
}

struct Costing {
  hecate::testing::TemporaryFolder folder;
  std::shared_ptr<const ScanSet> scans;
  std::unique_ptr<Matcher> matcher;
  store::DeltaSet deltas;

  Costing() {
    folder.write(
        "d.yml",
        "name: 1 rare\ntype: TTP\nsearch: 'EventID=11 Image=\"*\\\\rare.exe\" | stats count by Image'\n"
        "---\nname: 2 every\ntype: TTP\nsearch: 'EventID=11 NOT x=1 | stats count by Image'\n");
    catalogue::Sources sources;
    sources.detections = {folder / "d.yml"};
    auto loaded = catalogue::load(sources);
    EXPECT_TRUE(loaded.refused.empty());
    scans = std::make_shared<const ScanSet>(loaded.catalogue);
    matcher = std::make_unique<Matcher>(scans, Panes::one_window, Prefiltering::on, stopwatch);
  }

  void see(int code, const std::string& image, int times) {
    std::string raw = fmt::format(R"({{"EventID":{},"Image":"C:\\{}"}})", code, image);
    std::string padded = raw + std::string(64, '\0');
    EventView event;
    event.raw = std::string_view(padded).substr(0, raw.size());
    event.shape = Shape::json;
    for (int i = 0; i < times; ++i) matcher->evaluate(event, 0, deltas);
  }

  std::vector<Costs::Cost> take() {
    std::vector<Costs::Cost> costs(scans->scans.size());
    matcher->costs().take([&](std::size_t scan, const Costs::Cost& cost) { costs[scan] = cost; });
    return costs;
  }
};

TEST(Costs, EveryEventThatASearchIsTriedOnCounts) {
  Costing costing;
  costing.see(11, "rare.exe", 3);
  costing.see(11, "other.exe", 5);
  auto costs = costing.take();
  EXPECT_EQ(costs[0].events, 3U) << "the prefilter keeps the others from it";
  EXPECT_EQ(costs[1].events, 8U) << "it has no text to look for";
  costs = costing.take();
  EXPECT_EQ(costs[0].events + costs[1].events, 0U) << "only what came since";
}

// A timed event looks at the stopwatch when its decoding begins and ends, and behind each search.
TEST(Costs, TimeIsEstimatedFromASampleOfTheEvents) {
  Costing costing;
  ticks = 0;
  constexpr int kEvents = 16'000;
  costing.see(11, "other.exe", kEvents);
  auto costs = costing.take();
  EXPECT_EQ(costs[0].nanoseconds, 0) << "it was never tried";
  // Two microseconds each: decoding, which nobody shares, and the search.
  EXPECT_NEAR(static_cast<double>(costs[1].nanoseconds), 2000.0 * kEvents, 0.15 * 2000 * kEvents);
  EXPECT_NEAR(static_cast<double>(ticks), 3.0 * kEvents / Costs::kEventsASample, 100)
      << "looks at the stopwatch";

  costing.see(11, "rare.exe", kEvents);
  costs = costing.take();
  for (std::size_t scan : {0, 1})  // half of the decoding each, and its own
    EXPECT_NEAR(static_cast<double>(costs[scan].nanoseconds), 1500.0 * kEvents, 0.15 * 1500 * kEvents)
        << scan;
}

}  // namespace
}  // namespace hecate::match
