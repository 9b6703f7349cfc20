// Tables that outputlookup writes: seen by later runs, by the next process, and only where the run counts.
#include "tests/window/simulation.h"

#include <gtest/gtest.h>

namespace hecate::window {
namespace {

using testing::Simulation;
using testing::time_of_day;
using Told = std::vector<std::string>;

// `writes` gathers hosts with the runs at each full hour, `reads` asks a minute later which it has.
void add_detections(Simulation& simulation) {
  simulation.add_local_table("seen", {"dest", "n"});
  simulation.add_detection("writes", "EventID=11 | stats count AS n by dest | outputlookup append=t seen",
                           "0 * * * *", "-70m@m", "-10m@m");
  simulation.add_detection("reads", "EventID=1 | stats count by dest | lookup seen dest OUTPUT n",
                           "1 * * * *", "-71m@m", "-11m@m");
}

void event(Simulation& simulation, const char* time, const char* code, const char* dest) {
  simulation.event(time_of_day(time), {{"EventID", code}, {"dest", dest}});
}

// Both detections, and what the first run of `writes` will put into the table.
void start_with_a(Simulation& simulation) {
  add_detections(simulation);
  simulation.start();
  event(simulation, "02:30", "11", "a");
}

TEST(LocalTables, LaterRunsAndTheNextProcessSeeThem) {
  Simulation simulation(time_of_day("02:05"));
  start_with_a(simulation);
  event(simulation, "02:30", "1", "a");
  event(simulation, "02:30", "1", "b");
  simulation.run_until(time_of_day("03:01"));
  simulation.stop();
  simulation.remove_detections();
  add_detections(simulation);  // with tables that hold nothing
  simulation.start();
  event(simulation, "03:30", "1", "a");
  event(simulation, "03:31", "11", "b");
  simulation.run_until(time_of_day("04:01"));
  EXPECT_EQ(simulation.told(), (Told{"writes 01:50-02:50 dest=a n=1", "reads 01:50-02:50 dest=a count=1 n=1",
                                     "reads 01:50-02:50 dest=b count=1", "writes 02:50-03:50 dest=b n=1",
                                     "reads 02:50-03:50 dest=a count=1 n=1"}));
  EXPECT_EQ(simulation.query("SELECT rows FROM lookup WHERE name = 'seen'"), 2);
}

// A reload makes tables of its own: they are filled as they are stored, and written by whoever runs.
TEST(LocalTables, AReloadKeepsThem) {
  Simulation simulation(time_of_day("02:05"));
  start_with_a(simulation);
  simulation.run_until(time_of_day("03:00"));
  simulation.remove_detections();
  add_detections(simulation);
  simulation.set_catalogue();
  event(simulation, "02:35", "1", "a");
  simulation.run_until(time_of_day("03:01"));
  EXPECT_EQ(simulation.told(),
            (Told{"writes 01:50-02:50 dest=a n=1", "reads 01:50-02:50 dest=a count=1 n=1"}));
}

// What comes late has its window run again, which is older than the table.
TEST(LocalTables, ARunThatIsDoneAgainDoesNotWrite) {
  Simulation simulation(time_of_day("02:05"));
  start_with_a(simulation);
  simulation.run_until(time_of_day("03:00"));
  event(simulation, "02:31", "11", "late");
  simulation.run_until(time_of_day("03:01"));
  EXPECT_EQ(simulation.metric("hecate_window_reruns_total", "writes"), 1);
  EXPECT_EQ(simulation.query("SELECT rows FROM lookup WHERE name = 'seen'"), 1);
}

// The table is written with the run's own commit, or not at all.
TEST(LocalTables, ARunThatFailsLeavesThemAsTheyWere) {
  Simulation simulation(time_of_day("02:05"));
  start_with_a(simulation);
  simulation.sink.fail_at_write = 1;
  simulation.clock.set(time_of_day("03:00"));
  EXPECT_FALSE(simulation.advance());
  EXPECT_EQ(simulation.query("SELECT count(*) FROM lookup"), 0);
  simulation.run_until(time_of_day("03:00"));
  EXPECT_EQ(simulation.query("SELECT rows FROM lookup WHERE name = 'seen'"), 1)
      << "once, though it was run twice";
}

TEST(LocalTables, ARunThatLacksRowsDoesNotWrite) {
  Simulation simulation(time_of_day("02:05"));
  simulation.options.run_memory = 10'000;
  add_detections(simulation);
  simulation.start();
  std::vector<std::pair<Time, Simulation::Fields>> events;
  for (int i = 0; i < 500; ++i)
    events.push_back({time_of_day("02:30"), {{"EventID", "11"}, {"dest", std::to_string(i)}}});
  simulation.events(events);
  simulation.run_until(time_of_day("03:00"));
  EXPECT_EQ(simulation.metric("hecate_window_incomplete_total", "writes"), 1);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM lookup"), 0);
}

// For people who look at the state: a search with a subsearch has two scans.
TEST(LocalTables, ScansAreNotedByDetection) {
  Simulation simulation(time_of_day("02:05"));
  add_detections(simulation);
  simulation.add_detection(
      "joins", "EventID=11 | stats count by dest | join dest [search EventID=1 | stats count by dest]",
      "0 * * * *", "-70m@m", "-10m@m");
  simulation.start();
  EXPECT_EQ(simulation.query("SELECT count(*) FROM scan_use WHERE detection = 'joins'"), 2);
  EXPECT_EQ(simulation.query("SELECT count(*) FROM scan_use"), 4);
  simulation.remove_detections();
  add_detections(simulation);
  simulation.set_catalogue();
  EXPECT_EQ(simulation.query("SELECT count(*) FROM scan_use"), 2);
}

}  // namespace
}  // namespace hecate::window
