#include "pipeline/sources/source_table.h"

#include "pipeline/decode/shape.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::sources {
namespace {

constexpr Time kStart = 1'777'291'200 * kSecond;

// A table and what arrives, minute by minute.
class SourceTableTest : public ::testing::Test {
 protected:
  void arrive(Time at, const std::string& host = "dc1", const std::string& channel = "Security") {
    Arrivals arrivals;
    arrivals.host = host;
    arrivals.channel = channel;
    arrivals.events = 1;
    arrivals.first = arrivals.last = at;
    arrivals.newest_event = at - kSecond;
    arrivals.lag.observe(kSecond);
    (void)table.add(arrivals);
  }
  // From..to, one arrival each `every`.
  void flow(Time from, Time to, Time every, const std::string& host = "dc1") {
    for (Time at = from; at <= to; at += every) arrive(at, host);
  }
  [[nodiscard]] std::string state(Time now, std::size_t source = 0) const {
    return std::string(name_of(table.state(*table.sources()[source], now)));
  }

  SourceOptions options{.most = 4};
  SourceTable table{options, kStart};
};

TEST_F(SourceTableTest, OneThatWasSteadyForADayAndStopsIsSilentAfterAQuarterOfAnHour) {
  flow(kStart, kStart + 23 * kHour, kMinute);
  EXPECT_EQ(state(kStart + 23 * kHour), "new");
  EXPECT_EQ(state(kStart + 23 * kHour + 30 * kMinute), "new");
  Time end = kStart + 25 * kHour;
  flow(kStart + 23 * kHour, end, kMinute);
  EXPECT_EQ(state(end), "steady");
  EXPECT_EQ(state(end + 15 * kMinute), "steady");
  EXPECT_EQ(state(end + 15 * kMinute + 1), "silent");
  EXPECT_EQ(state(end + 6 * kDay), "silent");
}

TEST_F(SourceTableTest, OneThatComesBackIsSteadyAgainAfterAShortSilenceAndNewlyMeasuredAfterALongOne) {
  Time end = kStart + 25 * kHour;
  flow(kStart, end, kMinute);
  arrive(end + 20 * kMinute);
  EXPECT_EQ(state(end + 20 * kMinute), "steady");
  // Three times the pause that it has had since.
  EXPECT_EQ(table.patience(*table.sources()[0]), 60 * kMinute);
  arrive(end + 5 * kHour);
  EXPECT_EQ(state(end + 5 * kHour), "irregular");
  flow(end + 5 * kHour, end + 29 * kHour, kMinute);
  EXPECT_EQ(state(end + 29 * kHour), "steady");
}

TEST_F(SourceTableTest, OneWithPausesGetsThreeTimesThem) {
  Time end = kStart + 48 * kHour;
  flow(kStart, end, 50 * kMinute);
  Time last = table.sources()[0]->last_seen;
  EXPECT_EQ(state(last + 150 * kMinute), "steady");
  EXPECT_EQ(state(last + 150 * kMinute + 1), "silent");
}

TEST_F(SourceTableTest, AWorkstationThatIsOffAtNightIsNeverSilent) {
  for (int day = 0; day < 5; ++day) flow(kStart + day * kDay, kStart + day * kDay + 9 * kHour, kMinute);
  EXPECT_EQ(state(kStart + 4 * kDay + 20 * kHour), "irregular");
}

TEST_F(SourceTableTest, ALongPauseIsForgottenAfterTwoPeriods) {
  arrive(kStart);
  flow(kStart + 55 * kMinute, kStart + 24 * kHour, kMinute);
  EXPECT_EQ(table.patience(*table.sources()[0]), 165 * kMinute);
  flow(kStart + 24 * kHour, kStart + 49 * kHour, kMinute);
  EXPECT_EQ(table.patience(*table.sources()[0]), 15 * kMinute);
}

TEST_F(SourceTableTest, WhileHecateIsDownNobodyIsSilent) {
  Time end = kStart + 25 * kHour;
  flow(kStart, end, kMinute);
  Source stored = *table.sources()[0];
  Time started = end + 8 * kHour;
  SourceTable next(options, started);
  next.restore(stored);
  EXPECT_EQ(next.state(*next.sources()[0], started), Source::State::steady);
  EXPECT_EQ(next.state(*next.sources()[0], started + 15 * kMinute + 1), Source::State::silent);
  Arrivals again;
  again.host = stored.host;
  again.channel = stored.channel;
  again.first = again.last = started + 10 * kMinute;
  (void)next.add(again);
  EXPECT_EQ(next.state(*next.sources()[0], started + 20 * kMinute), Source::State::steady);
}

TEST_F(SourceTableTest, AClockThatStepsBackMakesNobodySilent) {
  flow(kStart, kStart + 25 * kHour, kMinute);
  arrive(kStart + 2 * kHour);
  EXPECT_EQ(state(kStart + 2 * kHour), "steady");
  EXPECT_EQ(state(kStart + 25 * kHour), "steady");
}

TEST_F(SourceTableTest, WhatSendsNothingForAWeekIsForgotten) {
  arrive(kStart, "a");
  arrive(kStart + kDay, "b");
  EXPECT_TRUE(table.forget(kStart + 7 * kDay).empty());
  auto gone = table.forget(kStart + 7 * kDay + 1);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0]->host, "a");
  EXPECT_EQ(table.sources().size(), 1u);
  arrive(kStart + 8 * kDay, "a");
  EXPECT_EQ(table.sources().size(), 2u);
}

TEST_F(SourceTableTest, AFullTableTakesNoMoreUntilOneThatNeverWasSteadyFallsQuiet) {
  flow(kStart, kStart + 25 * kHour, kMinute, "steady");
  Time now = kStart + 25 * kHour;
  for (const char* host : {"a", "b", "c"}) arrive(now, host);
  Arrivals more;
  more.host = "d";
  EXPECT_EQ(table.add(more), nullptr);
  EXPECT_TRUE(table.forget(now + kHour).empty());
  EXPECT_EQ(table.forget(now + kHour + 1).size(), 3u);
  EXPECT_EQ(state(now + kHour), "silent");
  EXPECT_NE(table.add(more), nullptr);
}

TEST(Lag, HasQuantiles) {
  Lag lag;
  EXPECT_EQ(lag.quantile(0.5), 0);
  for (int i = 0; i < 90; ++i) lag.observe(kSecond / 2);
  for (int i = 0; i < 9; ++i) lag.observe(20 * kSecond);
  lag.observe(3 * kDay);
  EXPECT_EQ(lag.quantile(0.5), 1);
  EXPECT_EQ(lag.quantile(0.95), 30);
  EXPECT_EQ(lag.quantile(1), 3 * 86'400);
  for (std::size_t i = 0; i < Lag::kBounds.size(); ++i) {
    Lag at_bound;
    auto bound = static_cast<Time>(Lag::kBounds[i]) * kSecond;
    at_bound.observe(bound);
    at_bound.observe(bound + 1);
    EXPECT_EQ(at_bound.buckets[i], 1u);
    EXPECT_EQ(at_bound.buckets[i + 1], 1u);
  }
  Lag ahead;
  ahead.observe(-5 * kSecond);
  EXPECT_EQ(ahead.last, -5 * kSecond);
  EXPECT_EQ(ahead.buckets[0], 1u);
  EXPECT_EQ(ahead.sum, 0);
}

TEST(TallyTest, CountsByHostAndChannelAndBoundsItself) {
  Tally tally(2);
  auto add = [&](const char* host, const char* sourcetype, Time time, Time arrived) {
    EventView view;
    view.host = host;
    view.sourcetype = sourcetype;
    view.source = "s";
    view.envelope_time = time;
    tally.add(view, arrived);
  };
  add("a", "x", kStart, kStart + 3 * kSecond);
  add("b", "x", kStart, kStart + 4 * kSecond);
  add("a", "x", kStart + kSecond, kStart + 5 * kSecond);
  add("c", "x", kStart, kStart);
  auto taken = tally.take();
  ASSERT_EQ(taken.sources.size(), 2u);
  EXPECT_EQ(taken.untracked, 1u);
  EXPECT_EQ(taken.sources[0].events, 2u);
  EXPECT_EQ(taken.sources[0].first, kStart + 3 * kSecond);
  EXPECT_EQ(taken.sources[0].last, kStart + 5 * kSecond);
  EXPECT_EQ(taken.sources[0].newest_event, kStart + kSecond);
  EXPECT_EQ(taken.sources[0].lag.buckets[2], 2u);
  EXPECT_TRUE(tally.take().sources.empty());
  std::string endless(100'000, 'h');
  add(endless.c_str(), "x", kStart, kStart);
  EXPECT_EQ(tally.take().sources[0].host.size(), 256u);
}

// Names of one length with the same begin, middle and end are looked up in one place.
TEST(TallyTest, CountsNamesThatDifferInTheMiddleApart) {
  Tally tally(100);
  auto host = [](int i) { return "workstation-" + std::to_string(i + 10) + "-of-the-office.corp.example"; };
  for (int take = 0; take < 2; ++take) {
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 40; ++i) {
        EventView view;
        std::string name = host(i / 2);
        view.host = name;
        view.sourcetype = i % 2 == 0 ? "sourcetype-a-of-it" : "sourcetype-b-of-it";
        tally.add(view, kStart);
      }
    }
    auto taken = tally.take();
    ASSERT_EQ(taken.sources.size(), 40u);
    for (std::size_t i = 0; i < 40; ++i) {
      EXPECT_EQ(taken.sources[i].host, host(static_cast<int>(i / 2)));
      EXPECT_EQ(taken.sources[i].channel, i % 2 == 0 ? "sourcetype-a-of-it" : "sourcetype-b-of-it");
      EXPECT_EQ(taken.sources[i].events, 3u);
    }
  }
}

TEST(TallyTest, CountsInNothingThatWasTaken) {
  Tally tally(100);
  EventView view;
  view.host = "a";
  tally.add(view, kStart);
  auto taken = tally.take();
  tally.add(view, kStart);
  EXPECT_EQ(taken.sources[0].events, 1u);
  EXPECT_EQ(tally.take().sources.size(), 1u);
}

}  // namespace
}  // namespace hecate::sources
