#include "pipeline/window/runner.h"

#include "pipeline/window/early_queue.h"
#include "pipeline/window/journal_rows.h"
#include "tests/window/simulation.h"

#include <gtest/gtest.h>

namespace hecate::window {
namespace {

using testing::Simulation;
using testing::time_of_day;
using Told = std::vector<std::string>;

constexpr const char* kByDest = "EventID=11 | stats count by dest";

void add_hourly(Simulation& simulation, const std::string& name, const std::string& search = kByDest,
                catalogue::Emit emit = catalogue::Emit::schedule) {
  simulation.add_detection(name, search, "0 * * * *", "-70m@m", "-10m@m", emit);
}

void many_groups(Simulation& simulation, int groups) {
  std::vector<std::pair<Time, Simulation::Fields>> events;
  for (int i = 0; i < groups; ++i) {
    events.push_back({time_of_day("02:30"), {{"EventID", "11"}, {"dest", std::to_string(10'000 + i)}}});
  }
  simulation.events(events);
}

TEST(Runner, ALargeRunIsWrittenInPiecesAndVisibleAtOnce) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d");
  simulation.start();
  many_groups(simulation, 1201);
  simulation.run_until(time_of_day("03:00"));
  EXPECT_EQ(simulation.sink.writes, 5);  // four of 250, and 201
  EXPECT_EQ(simulation.told().size(), 1201u);
  EXPECT_EQ(simulation.query("SELECT rows FROM run"), 1201);
  EXPECT_EQ(simulation.metric("hecate_window_rows_total", "d"), 1201);
  EXPECT_EQ(simulation.barriers, 1);
}

TEST(Runner, CountsGroupsThatComeIntoWindowsThatWereRun) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d", kByDest, catalogue::Emit::first_match);
  simulation.start();
  simulation.run_until(time_of_day("03:00"));  // [01:50, 02:50)
  simulation.event(time_of_day("02:49"), {{"EventID", "11"}, {"dest", "late"}});
  simulation.event(time_of_day("02:50"), {{"EventID", "11"}, {"dest", "in time"}});
  simulation.event(time_of_day("03:10"), {{"EventID", "11"}, {"dest", "soon"}});
  EXPECT_EQ(simulation.metric("hecate_window_late_groups_total"), 1);
  simulation.run_until(time_of_day("03:01"));
  EXPECT_EQ(simulation.metric("hecate_window_reruns_total", "d"), 1);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM late_minute"), 0);
  EXPECT_EQ(simulation.told(),
            (Told{"d 02:50-03:50 dest=in time count=1 early", "d 02:50-03:50 dest=soon count=1 early",
                  "d 01:50-02:50 dest=late count=1"}));
}

TEST(Runner, RemembersItsLastScheduledRunsAndWhatTheyTook) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d", kByDest, catalogue::Emit::first_match);
  add_hourly(simulation, "other");
  simulation.start();
  simulation.event(time_of_day("02:40"), {{"EventID", "11"}, {"dest", "a"}});
  simulation.run_until(time_of_day("05:00"));
  auto reader = simulation.store().reader();
  ASSERT_TRUE(reader);
  auto runs = read_done_runs(**reader, "d", 2);
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->size(), 2u);
  EXPECT_EQ((*runs)[0].scheduled, time_of_day("05:00"));
  EXPECT_EQ((*runs)[1].scheduled, time_of_day("04:00"));
  runs = read_done_runs(**reader, "d", 10);
  ASSERT_EQ(runs->size(), 3u);
  const DoneRun& first = runs->back();
  EXPECT_EQ(first.earliest, time_of_day("01:50"));
  EXPECT_EQ(first.latest, time_of_day("02:50"));
  EXPECT_EQ(first.evaluated, time_of_day("03:00"));
  EXPECT_GT(first.took, 0);
  EXPECT_EQ(first.rows, 1);
  EXPECT_FALSE(first.incomplete);
}

TEST(Runner, StopsBetweenTwoRuns) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d");
  simulation.start();
  simulation.clock.set(time_of_day("09:00"));
  simulation.runner().stop();
  EXPECT_EQ(simulation.advance(), 0);
}

// Whichever write breaks off, before or with the last: nothing is visible, and after a restart the run is
// done again and tells every row once.
TEST(Runner, ARunThatBreaksOffIsDoneAgain) {
  for (int broken = 1; broken <= 3; ++broken) {
    SCOPED_TRACE(broken);
    Simulation simulation(time_of_day("02:05"));
    simulation.options.grace = 0;
    add_hourly(simulation, "d");
    simulation.start();
    many_groups(simulation, 1201);
    simulation.sink.fail_at_write = broken;
    simulation.clock.set(time_of_day("03:00"));
    auto failed = simulation.advance();
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find("detection \"d\", run of 2026-04-27T03:00"), std::string::npos)
        << failed.error().message;
    EXPECT_EQ(simulation.told(), Told{});
    EXPECT_EQ(simulation.sink.pending(), 0u);
    EXPECT_EQ(simulation.runner().next_due(), time_of_day("03:00"));
    simulation.stop();
    simulation.clock.set(time_of_day("03:01"));
    simulation.start();
    EXPECT_EQ(simulation.advance(), 1);
    EXPECT_EQ(simulation.told().size(), 1201u);
    EXPECT_EQ(simulation.query("SELECT count(*) FROM run"), 1);
    EXPECT_EQ(simulation.sink.done_runs.size(), 1u);
  }
}

// What a sink cannot do is no reason to roll back what senders hand in at the same time.
TEST(Runner, ARunThatItsSinkRefusesFailsNoCommit) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d");
  simulation.start();
  many_groups(simulation, 600);
  simulation.sink.refuse = "d";
  simulation.clock.set(time_of_day("03:00"));
  auto failed = simulation.advance();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("what was told cannot be read"), std::string::npos);
  EXPECT_EQ(simulation.metric("hecate_journal_failures_total"), 0);
  EXPECT_EQ(simulation.store().trouble(), "");
  simulation.sink.refuse.clear();
  EXPECT_EQ(simulation.advance(), 1);
  EXPECT_EQ(simulation.told().size(), 600u);
}

TEST(Runner, ADetectionThatCannotBeRunDoesNotHoldUpTheOthers) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "broken", "EventID=12 | stats count by dest");
  add_hourly(simulation, "well");
  simulation.start();
  simulation.event(time_of_day("02:30"), {{"EventID", "11"}, {"dest", "a"}});
  simulation.event(time_of_day("02:30"), {{"EventID", "12"}, {"dest", "a"}});
  simulation.sink.refuse = "broken";
  simulation.clock.set(time_of_day("03:00"));
  EXPECT_FALSE(simulation.advance());
  ASSERT_EQ(simulation.told().size(), 1u);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM schedule WHERE last_run = " +
                             std::to_string(time_of_day("03:00"))),
            1);
}

// It goes aside; the others of its window are told, and the run says that something is missing.
TEST(Runner, ADamagedRowHoldsUpNobody) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d");
  simulation.start();
  for (const char* dest : {"a", "b", "c"})
    simulation.event(time_of_day("02:30"), {{"EventID", "11"}, {"dest", dest}});
  ASSERT_TRUE(simulation.store().fold());
  ASSERT_TRUE(simulation.store().write_and_wait([](store::Database& db) {
    return db.execute(
        "UPDATE pane SET state = x'ff' WHERE grp IN (SELECT grp FROM pane ORDER BY grp LIMIT 1 OFFSET 1)");
  }));
  simulation.run_until(time_of_day("03:00"));
  EXPECT_EQ(simulation.told(), (Told{"d 01:50-02:50 dest=a count=1", "d 01:50-02:50 dest=c count=1"}));
  EXPECT_EQ(simulation.query("SELECT incomplete FROM run WHERE done = 1"), 1);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM damaged"), 1);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM pane"), 2);
  EXPECT_EQ(simulation.metric("hecate_journal_damaged_rows_total"), 1);
  // A late event runs the window again: it is still incomplete.
  simulation.event(time_of_day("02:31"), {{"EventID", "11"}, {"dest", "a"}});
  simulation.run_until(time_of_day("03:01"));
  EXPECT_EQ(simulation.query("SELECT count(*) FROM run WHERE done = 1 AND incomplete = 1"), 2);
}

TEST(Runner, TheSampleOfARowIsItsGroupsFirstEvent) {
  for (const char* tail : {"", " | sort - count"}) {  // row by row, and with all rows kept
    SCOPED_TRACE(tail);
    Simulation simulation(time_of_day("02:05"));
    add_hourly(simulation, "d", kByDest + std::string(tail));
    simulation.start();
    simulation.event(time_of_day("02:31"), {{"EventID", "11"}, {"dest", "b"}});
    simulation.event(time_of_day("02:30"), {{"EventID", "11"}, {"dest", "b"}});
    simulation.event(time_of_day("02:20"), {{"EventID", "11"}, {"dest", "a"}});
    simulation.run_until(time_of_day("03:00"));
    auto samples = simulation.sink.samples;
    std::ranges::sort(samples);
    EXPECT_EQ(samples, (Told{"event 2", "event 3"}));
  }
}

TEST(Runner, RowsWithoutASingleGroupHaveNoSample) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d", "EventID=11 | stats count by dest | stats count");
  simulation.start();
  simulation.event(time_of_day("02:30"), {{"EventID", "11"}, {"dest", "a"}});
  simulation.event(time_of_day("02:30"), {{"EventID", "11"}, {"dest", "b"}});
  simulation.run_until(time_of_day("03:00"));
  EXPECT_EQ(simulation.told(), (Told{"d 01:50-02:50 count=2"}));
  EXPECT_EQ(simulation.sink.samples, Told{"none"});
}

TEST(Runner, PanesGoWhenNoWindowCanNeedThem) {
  Simulation simulation(time_of_day("02:05"));
  simulation.options.lateness = 2 * kHour;
  add_hourly(simulation, "hourly");
  simulation.add_detection("day", kByDest, "0 12 * * *", "-6h@h", "now");
  simulation.start();
  for (int hour = 2; hour < 12; ++hour) {
    auto time = time_of_day(std::to_string(hour) + ":30");
    simulation.event(time, {{"EventID", "11"}, {"dest", "a"}});
    simulation.run_until(time);
  }
  auto oldest = [&] { return simulation.query("SELECT min(minute) FROM pane"); };
  // At noon's run the window of `day` begins at 06:00; two hours of lateness before it.
  simulation.run_until(time_of_day("11:59"));
  EXPECT_EQ(oldest(), time_of_day("4:30") / kMinute);
  // After it an event may come two hours late, and then that window is run again.
  simulation.run_until(time_of_day("12:01"));
  EXPECT_EQ(oldest(), time_of_day("4:30") / kMinute);
  simulation.run_until(time_of_day("14:59"));
  EXPECT_EQ(oldest(), time_of_day("7:30") / kMinute);
}

TEST(Runner, PanesOfAScanThatNobodyUsesGo) {
  Simulation simulation(time_of_day("02:05"));
  simulation.options.lateness = kHour;
  add_hourly(simulation, "d");
  simulation.start();
  many_groups(simulation, 1300);
  simulation.remove_detections();
  simulation.set_catalogue();
  simulation.run_until(time_of_day("03:30"));
  EXPECT_EQ(simulation.query("SELECT count(*) FROM pane"), 1300);
  simulation.run_until(time_of_day("03:32"));
  EXPECT_EQ(simulation.query("SELECT count(*) FROM pane"), 0);
}

TEST(Runner, ADetectionThatComesBackStartsAnew) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d");
  simulation.start();
  simulation.remove_detections();
  simulation.set_catalogue();
  EXPECT_EQ(simulation.query("SELECT count(*) FROM schedule"), 0);
  simulation.run_until(time_of_day("08:30"));
  add_hourly(simulation, "d");
  simulation.set_catalogue();
  EXPECT_EQ(simulation.runner().next_due(), time_of_day("09:00"));
}

TEST(Runner, EmptyRunsAreForgottenAfterTheLateness) {
  Simulation simulation(time_of_day("02:05"));
  simulation.options.lateness = 3 * kHour;
  add_hourly(simulation, "d");
  simulation.start();
  simulation.event(time_of_day("02:30"), {{"EventID", "11"}, {"dest", "a"}});
  simulation.run_until(time_of_day("10:01"));
  EXPECT_EQ(simulation.metric("hecate_window_runs_total", "d"), 8);
  // Those of 08:00 to 10:00, and the one that told something.
  EXPECT_EQ(simulation.query("SELECT count(*) FROM run"), 4);
  // An id never names a second run.
  simulation.stop();
  ASSERT_NO_FATAL_FAILURE(simulation.start());
  simulation.run_until(time_of_day("11:00"));
  EXPECT_EQ(simulation.query("SELECT max(run) FROM run"), 9);
}

TEST(Runner, LagIsTheAgeOfTheNewestRun) {
  Simulation simulation(time_of_day("02:05"));
  add_hourly(simulation, "d");
  simulation.start();
  simulation.run_until(time_of_day("03:20"));
  EXPECT_EQ(simulation.metric("hecate_window_lag_seconds", "d"), 20 * 60);
  EXPECT_EQ(simulation.metric("hecate_window_next_run_seconds", "d"), time_of_day("04:00") / kSecond);
  EXPECT_EQ(simulation.metric("hecate_window_run_seconds"), 1);
  EXPECT_GT(simulation.metric("hecate_window_seconds_total", "d"), 0);
}

TEST(Runner, ManyEarlyRowsAreOneRunInPieces) {
  Simulation simulation(time_of_day("02:30"));
  add_hourly(simulation, "d", "EventID=11 | stats count by dest | fields dest", catalogue::Emit::first_match);
  simulation.start();
  ASSERT_EQ(simulation.advance(), 0);  // has looked at what was stored before
  int woken = 0;
  simulation.runner().set_wake([&] { ++woken; });
  many_groups(simulation, 1201);
  EXPECT_EQ(woken, 1);
  ASSERT_EQ(simulation.advance(), 0);
  EXPECT_EQ(simulation.told().size(), 1201u);
  EXPECT_EQ(simulation.sink.writes, 5);
  EXPECT_EQ(simulation.query("SELECT rows FROM run"), 1201);
  EXPECT_EQ(simulation.sink.done_runs.size(), 1u);
  ASSERT_EQ(simulation.advance(), 0);  // nothing waits any more
  EXPECT_EQ(simulation.query("SELECT count(*) FROM run"), 1);
}

TEST(Runner, WhatIsStoredIsToldEarlyThoughAnotherDetectionCannotTell) {
  Simulation simulation(time_of_day("02:05"));
  const std::string search = "EventID=11 | stats count by dest | fields dest";
  add_hourly(simulation, "a", search, catalogue::Emit::first_match);
  add_hourly(simulation, "b", search, catalogue::Emit::first_match);
  simulation.start();
  simulation.event(time_of_day("02:30"), {{"EventID", "11"}, {"dest", "x"}});
  simulation.stop();
  simulation.clock.set(time_of_day("02:40"));
  simulation.sink.refuse = "a";
  simulation.start();
  EXPECT_FALSE(simulation.advance());
  EXPECT_EQ(simulation.told(), (Told{"b 01:50-02:50 dest=x early"}));
  simulation.sink.refuse.clear();
  EXPECT_EQ(simulation.advance(), 0);
  EXPECT_EQ(simulation.told(), (Told{"b 01:50-02:50 dest=x early", "a 01:50-02:50 dest=x early"}));
}

// What was put aside goes by age and number, the oldest first; the names of events with their minutes.
TEST(Runner, WhatIsPutAsideAndRememberedIsBounded) {
  Simulation simulation(time_of_day("02:05"));
  simulation.options.lateness = kHour;
  simulation.options.aside_age = 5 * kHour;
  simulation.options.aside_most = 2;
  simulation.dedup = true;
  add_hourly(simulation, "d");
  simulation.start();
  for (int i = 0; i < 4; ++i)
    simulation.event(time_of_day("00:30"), {{"EventID", "11"}, {"n", std::to_string(i)}, {"dest", "a"}});
  simulation.event(time_of_day("02:30"), {{"EventID", "11"}, {"dest", "a"}});
  EXPECT_EQ(simulation.aside().size(), 4u);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM seen"), 5);
  simulation.run_until(time_of_day("03:00"));
  EXPECT_EQ(simulation.aside(), (Told{"late 00:30 event 3", "late 00:30 event 4"}));
  EXPECT_EQ(simulation.metric("hecate_aside_removed_total"), 2);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM seen"), 1);
  simulation.run_until(time_of_day("08:00"));
  EXPECT_EQ(simulation.aside(), Told{});
  EXPECT_EQ(simulation.query("SELECT count(*) FROM seen"), 0);
}

// A search with too many groups loses some of its own, says so, and takes nothing from the others; once its
// minutes are gone there is room again, also after a restart.
TEST(Runner, ADetectionOverItsDiskBudgetIsIncompleteAndTheOthersAreNot) {
  Simulation simulation(time_of_day("02:05"));
  simulation.store_options.scan_budget = 20'000;
  simulation.options.lateness = kHour;
  add_hourly(simulation, "noisy");
  add_hourly(simulation, "quiet", "EventID=11 dest=10000 | stats count by EventID");
  simulation.start();
  many_groups(simulation, 1201);
  ASSERT_TRUE(simulation.store().fold());
  EXPECT_GT(simulation.metric("hecate_journal_over_budget_groups_total"), 500);
  simulation.stop();
  ASSERT_NO_FATAL_FAILURE(simulation.start());
  many_groups(simulation, 1);
  simulation.run_until(time_of_day("03:00"));
  auto told = simulation.told();
  EXPECT_GT(told.size(), 50u);
  EXPECT_LT(told.size(), 700u);
  EXPECT_EQ(std::ranges::count(told, "quiet 01:50-02:50 EventID=11 count=2"), 1);
  EXPECT_EQ(simulation.metric("hecate_window_incomplete_total", "noisy"), 1);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM run WHERE incomplete = 1"), 1);
  simulation.run_until(time_of_day("05:30"));
  EXPECT_EQ(simulation.query("SELECT count(*) FROM pane_size"), 0);
  simulation.event(time_of_day("05:20"), {{"EventID", "11"}, {"dest", "a"}});
  simulation.run_until(time_of_day("06:00"));
  EXPECT_EQ(simulation.told().back(), "noisy 04:50-05:50 dest=a count=1");
  EXPECT_EQ(simulation.metric("hecate_window_incomplete_total", "noisy"), 1);
}

TEST(Runner, ARunThatNeedsTooMuchMemoryIsIncomplete) {
  for (const char* tail :
       {"sort - count", "eventstats sum(count) AS all", "stats count by dest", "dedup dest", "reverse",
        "streamstats count by dest", "streamstats window=2 global=false count by dest"}) {
    SCOPED_TRACE(tail);
    Simulation simulation(time_of_day("02:05"));
    simulation.options.run_memory = 50'000;
    add_hourly(simulation, "d", kByDest + std::string(" | ") + tail);
    add_hourly(simulation, "row by row");
    simulation.start();
    many_groups(simulation, 2000);
    simulation.run_until(time_of_day("03:00"));
    EXPECT_EQ(simulation.metric("hecate_window_incomplete_total", "d"), 1);
    auto of_d =
        std::ranges::count_if(simulation.told(), [](const auto& row) { return row.starts_with("d "); });
    EXPECT_GT(of_d, 50);
    EXPECT_LT(of_d, 1500);
    EXPECT_EQ(simulation.query("SELECT rows FROM run WHERE detection = 'row by row' AND incomplete = 0"),
              2000);
  }
}

TEST(EarlyQueue, KeepsEachGroupOnceAndNoMoreThanItsBound) {
  EarlyQueue queue;
  store::DeltaSet deltas;
  (void)deltas.at({1, 5, "a"});
  (void)deltas.at({2, 5, "a"});
  EXPECT_FALSE(queue.add(deltas).any);  // nobody watches
  queue.watch({1});
  EXPECT_TRUE(queue.add(deltas).any);
  EXPECT_FALSE(queue.add(deltas).any);
  store::DeltaSet flood;
  for (std::size_t i = 0; i < EarlyQueue::kMost; ++i) (void)flood.at({1, 6, std::to_string(i)});
  EXPECT_EQ(queue.add(flood).dropped, 1u);
  auto taken = queue.take();
  EXPECT_EQ(taken.size(), EarlyQueue::kMost);
  EXPECT_EQ(taken.front().group, "a");
  EXPECT_TRUE(queue.take().empty());
}

}  // namespace
}  // namespace hecate::window
