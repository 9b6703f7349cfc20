#include "tests/window/simulation.h"

#include <algorithm>
#include <map>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::window {
namespace {

using testing::Simulation;
using testing::time_of_day;
using testing::to_time_of_day;

constexpr unsigned kSeeds = 10'000;
constexpr unsigned kSeedsATest = 100;

struct Event {
  Time time;
  Time arrival;
  std::string dest;
  [[nodiscard]] bool from_the_future() const { return time > arrival + 10 * kMinute; }
};

struct Spec {
  const char* name;
  const char* cron;
  int earliest, latest;  // minutes before the run
};

std::string pick(std::mt19937& random, std::initializer_list<const char*> choices) {
  return choices.begin()[random() % choices.size()];
}

// What must be told, worked out from the events alone: each run counts the events that arrived before it and
// lie in its window.
std::vector<std::string> model(const std::vector<Spec>& specs, const std::vector<Event>& events, Time from,
                               Time to) {
  std::vector<std::string> told;
  for (Time minute = from + kMinute; minute <= to; minute += kMinute) {
    for (const auto& spec : specs) {
      if (schedule::Cron::parse(spec.cron)->next(minute - kMinute) != minute) continue;
      std::map<std::string, int> counts;
      Time earliest = minute - spec.earliest * kMinute;
      Time latest = minute - spec.latest * kMinute;
      for (const auto& event : events) {
        if (event.from_the_future()) continue;
        if (event.arrival < minute && event.time >= earliest && event.time < latest) ++counts[event.dest];
      }
      for (const auto& [dest, count] : counts) {
        told.push_back(fmt::format("{} {}-{} dest={} count={}", spec.name, to_time_of_day(earliest),
                                   to_time_of_day(latest), dest, count));
      }
    }
  }
  return told;
}

// Late and early ones, some from the future, ties, and times at the very edges of minutes.
std::vector<Event> random_events(std::mt19937& random, Time from) {
  std::vector<Event> events;
  for (unsigned n = 40 + random() % 60; n > 0; --n) {
    Time arrival = from + static_cast<Time>(random() % (2 * kHour));
    Time time =
        arrival - static_cast<Time>(random() % 4 == 0 ? random() % (90 * kMinute) : random() % (5 * kMinute));
    if (random() % 16 == 0) time = arrival + static_cast<Time>(random() % 4) * 5 * kMinute;
    if (random() % 3 == 0) time = floor_to(time, kMinute) - static_cast<Time>(random() % 2);
    events.push_back({time, arrival, pick(random, {"a", "b", "c"})});
  }
  std::ranges::stable_sort(events, {}, &Event::arrival);
  return events;
}

// Each event when it arrives; a stop now and then, so that runs that come due meanwhile are made up.
void play(Simulation& simulation, const std::vector<Event>& events, Time to, std::mt19937& random) {
  for (const auto& event : events) {
    ASSERT_NO_FATAL_FAILURE(simulation.run_until(event.arrival));
    if (random() % 40 == 0) {
      simulation.stop();
      ASSERT_NO_FATAL_FAILURE(simulation.start());
    }
    simulation.event(event.time, {{"EventID", "11"}, {"dest", event.dest}});
  }
  ASSERT_NO_FATAL_FAILURE(simulation.run_until(to));
}

std::int64_t aside_for_the_future(Simulation& simulation) {
  return simulation.query("SELECT count(*) FROM aside WHERE reason = 'future'");
}

class Model : public ::testing::TestWithParam<unsigned> {};

TEST_P(Model, WindowsTellWhatCountingByHandTells) {
  std::size_t rows = 0;
  for (unsigned seed = GetParam(); seed < GetParam() + kSeedsATest; ++seed) {
    std::mt19937 random(seed);
    Time from = time_of_day("04:00") + static_cast<Time>(random() % 60) * kMinute;
    int reach = 1 + static_cast<int>(random() % 60);
    std::vector<Spec> specs = {{"a", "0 * * * *", 70, 10},
                               {"b", random() % 2 ? "*/10 * * * *" : "3-59/20 * * * *", 5 + reach, 5},
                               {"c", "*/15 * * * *", reach, 0}};
    Simulation simulation(from);
    simulation.options.lateness = 0;  // panes go as soon as a window cannot need them
    simulation.options.grace = 0;
    simulation.options.future_skew = 10 * kMinute;
    for (const auto& spec : specs) {
      simulation.add_detection(spec.name, "EventID=11 | stats count by dest", spec.cron,
                               fmt::format("-{}m@m", spec.earliest), fmt::format("-{}m@m", spec.latest));
    }
    simulation.start();
    auto events = random_events(random, from);
    Time to = from + 3 * kHour + 20 * kMinute;
    ASSERT_NO_FATAL_FAILURE(play(simulation, events, to, random));
    auto expected = model(specs, events, from, to);
    ASSERT_EQ(simulation.told(), expected) << "seed " << seed;
    ASSERT_EQ(aside_for_the_future(simulation), std::ranges::count_if(events, &Event::from_the_future))
        << seed;
    rows += expected.size();
  }
  EXPECT_GT(rows, kSeedsATest * 20);
}

// Whatever comes late, in the end each window has told what all of its events amount to, and no revision
// twice.
TEST_P(Model, LateEventsComeToWhatTheyWouldHaveInTime) {
  std::size_t revised = 0;
  for (unsigned seed = GetParam(); seed < GetParam() + kSeedsATest; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Time from = time_of_day("04:00") + static_cast<Time>(random() % 60) * kMinute;
    std::vector<Spec> specs = {{"a", "0 * * * *", 70, 10},
                               {"b", random() % 2 ? "*/10 * * * *" : "3-59/20 * * * *", 25, 5}};
    Simulation simulation(from);
    simulation.options.grace = 0;
    simulation.options.future_skew = 10 * kMinute;
    simulation.use_findings();
    for (const auto& spec : specs) {
      simulation.add_detection(
          spec.name, "EventID=11 | stats count by dest | where count != 2 | eval many=if(count > 3, 1, 0)",
          spec.cron, fmt::format("-{}m@m", spec.earliest), fmt::format("-{}m@m", spec.latest));
      simulation.detection().notable = true;
    }
    simulation.start();
    auto events = random_events(random, from);
    Time to = from + 3 * kHour + 20 * kMinute;
    ASSERT_NO_FATAL_FAILURE(play(simulation, events, to, random));
    std::erase_if(events, [](const Event& event) { return event.from_the_future(); });
    for (auto& event : events) event.arrival = event.time;
    std::vector<std::string> expected;
    for (const auto& row : model(specs, events, from, to)) {
      int count = std::stoi(row.substr(row.rfind('=') + 1));
      std::string::size_type dest = row.find(" dest=");
      if (count != 2)
        expected.push_back(fmt::format("{} count={} {} many={}", row.substr(0, dest), count,
                                       row.substr(dest + 1, row.rfind(' ') - dest - 1), count > 3 ? 1 : 0));
    }
    std::vector<std::string> stored;
    for (auto row : simulation.stored()) {
      if (row.ends_with(" withdrawn")) continue;
      auto revision = row.rfind(" r");
      if (revision != std::string::npos) row.resize(revision);
      stored.push_back(row);
    }
    std::ranges::sort(expected);
    std::ranges::sort(stored);
    ASSERT_EQ(stored, expected);
    auto posted = simulation.posted();
    revised += static_cast<std::size_t>(
        std::ranges::count_if(posted, [](const auto& row) { return row.find(" r2") != std::string::npos; }));
    EXPECT_EQ(simulation.query("SELECT count(*) - count(DISTINCT told) FROM outbox WHERE kind = 'notable'"),
              0);
  }
  EXPECT_GT(revised, kSeedsATest);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Model, ::testing::Range(0U, kSeeds, kSeedsATest));

}  // namespace
}  // namespace hecate::window
