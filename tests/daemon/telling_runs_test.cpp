#include "daemon/telling_runs.h"

#include <map>

#include <gtest/gtest.h>

namespace hecate::daemon {
namespace {

constexpr Time kStart = 1'777'291'200 * kSecond;  // 2026-04-27T12:00:00Z

std::shared_ptr<const catalogue::Catalogue> load(const std::map<std::string, std::string>& crons_by_search) {
  catalogue::Sources sources;
  auto all = std::make_shared<catalogue::Catalogue>();
  for (const auto& [search, cron] : crons_by_search) {
    auto plan = spl::compile(search, {}, all->names);
    auto schedule = schedule::Schedule::parse(cron, "-70m@m", "-10m@m");
    EXPECT_TRUE(plan.has_value() && schedule.has_value()) << search;
    all->detections.push_back({{}, std::move(*schedule), std::move(*plan), {}});
  }
  return all;
}

// Something of detection `number` in these minutes after the start.
void add(store::DeltaSet& deltas, const catalogue::Catalogue& catalogue, std::size_t number,
         std::initializer_list<int> minutes) {
  std::uint64_t scan = catalogue.detections[number].plan->scan().id();
  for (int minute : minutes) deltas.at({scan, kStart / kMinute + minute, "g"});
}

std::vector<int> minutes_of_runs(TellingRuns& runs, Time last) {
  std::vector<int> minutes;
  for (Time run = runs.next(kStart); run <= last; run = runs.next(run + 1))
    minutes.push_back(static_cast<int>((run - kStart) / kMinute));
  return minutes;
}

TEST(TellingRuns, AreThoseWhoseWindowsHoldSomething) {
  auto catalogue = load({{"x=1 | stats count by y", "*/10 * * * *"}});
  store::DeltaSet deltas;
  add(deltas, *catalogue, 0, {0, 1, 600});
  Time last = kStart + kDay;
  TellingRuns runs(*catalogue, deltas, last);
  // A run at T sees [T-70m, T-10m).
  EXPECT_EQ(minutes_of_runs(runs, last),
            (std::vector<int>{20, 30, 40, 50, 60, 70, 620, 630, 640, 650, 660, 670}));
}

TEST(TellingRuns, OfSeveralDetectionsTheFirstComesFirst) {
  auto catalogue = load({{"x=1 | stats count by y", "0 * * * *"}, {"x=2 | stats count by y", "5 * * * *"}});
  store::DeltaSet deltas;
  add(deltas, *catalogue, 0, {300});
  add(deltas, *catalogue, 1, {0});
  TellingRuns runs(*catalogue, deltas, kStart + kDay);
  EXPECT_EQ(minutes_of_runs(runs, kStart + kDay), (std::vector<int>{65, 360}));
}

TEST(TellingRuns, AreAllWhereAnEmptyWindowHasARow) {
  auto catalogue = load({{"x=1 | stats count", "0 * * * *"}});
  TellingRuns all(*catalogue, {}, kStart + 3 * kHour);
  EXPECT_EQ(minutes_of_runs(all, kStart + 3 * kHour), (std::vector<int>{0, 60, 120, 180}));
  catalogue = load({{"x=1 | stats count | where count > 5", "0 * * * *"}});
  TellingRuns none(*catalogue, {}, kStart + 3 * kHour);
  EXPECT_EQ(minutes_of_runs(none, kStart + 3 * kHour), std::vector<int>());
  catalogue = load({{"x=1 | stats count by y | stats count", "0 * * * *"}});
  TellingRuns second(*catalogue, {}, kStart);
  EXPECT_EQ(minutes_of_runs(second, kStart), std::vector<int>{0});
}

}  // namespace
}  // namespace hecate::daemon
