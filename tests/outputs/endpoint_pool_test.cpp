#include "outputs/endpoint_pool.h"

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using namespace std::chrono_literals;
using Monotonic = EndpointPool::Monotonic;

class EndpointPoolTest : public ::testing::Test {
 protected:
  // The endpoint whose turn it is; -1 when none can.
  int turn(const EndpointPool& pool, int endpoints = 3) const {
    int found = -1;
    for (int i = 0; i < endpoints; ++i) {
      if (!pool.in_turn(static_cast<std::size_t>(i), now_)) continue;
      EXPECT_EQ(found, -1) << "two have their turn";
      found = i;
    }
    return found;
  }
  Monotonic::time_point now_{100s};
  BackOff back_off_{.first = 1s, .longest = 8s, .longest_asked = 60s};
};

TEST_F(EndpointPoolTest, FailOverTakesTheFirstThatWorks) {
  EndpointPool pool(3, Balance::fail_over, back_off_);
  EXPECT_EQ(turn(pool), 0);
  pool.failed(0, now_);
  EXPECT_EQ(turn(pool), 1);
  pool.failed(1, now_);
  EXPECT_EQ(turn(pool), 2);
  pool.failed(2, now_);
  EXPECT_EQ(turn(pool), -1);
  now_ += 1s;
  EXPECT_EQ(turn(pool), 0);
}

TEST_F(EndpointPoolTest, FailOverWaitsForAWorkingEndpointButNotForOneOnTrial) {
  EndpointPool pool(3, Balance::fail_over, back_off_);
  pool.begin(0);
  EXPECT_EQ(turn(pool), -1);
  pool.failed(0, now_);
  now_ += 1s;
  pool.begin(0);  // its trial
  EXPECT_EQ(turn(pool), 1);
  pool.succeeded(0);
  pool.begin(0);
  EXPECT_EQ(turn(pool), -1);
}

TEST_F(EndpointPoolTest, FullOnesArePassedOver) {
  for (Balance balance : {Balance::fail_over, Balance::round_robin}) {
    EndpointPool pool(3, balance, back_off_);
    pool.set_full(0, true);
    EXPECT_EQ(turn(pool), 1);
    pool.set_full(0, false);
    EXPECT_EQ(turn(pool), 0);
  }
}

TEST_F(EndpointPoolTest, RoundRobinGoesThroughThoseThatCan) {
  EndpointPool pool(3, Balance::round_robin, back_off_);
  std::vector<int> turns;
  for (int i = 0; i < 8; ++i) {
    int next = turn(pool);
    ASSERT_GE(next, 0);
    turns.push_back(next);
    auto endpoint = static_cast<std::size_t>(next);
    pool.begin(endpoint);
    pool.took_turn(endpoint);
    if (i == 4)
      pool.failed(endpoint, now_);
    else
      pool.succeeded(endpoint);
  }
  EXPECT_EQ(turns, (std::vector<int>{0, 1, 2, 0, 1, 2, 0, 2}));
  // A busy one waits for nobody, and nobody for it.
  now_ += 1s;
  pool.begin(0);
  EXPECT_EQ(turn(pool), 1);
}

TEST_F(EndpointPoolTest, PausesDoubleWithJitterUpToTheLongest) {
  EndpointPool pool(1, Balance::fail_over, back_off_);
  for (auto longest : {1s, 2s, 4s, 8s, 8s, 8s}) {
    auto pause = pool.failed(0, now_);
    EXPECT_GE(pause, longest / 2);
    EXPECT_LE(pause, longest);
    EXPECT_EQ(pool.ready_at(0), now_ + pause);
  }
  pool.succeeded(0);
  EXPECT_LE(pool.failed(0, now_), 1s);
}

TEST_F(EndpointPoolTest, PausesAreAsLongAsTheEndpointAsksWithinTheBound) {
  EndpointPool pool(1, Balance::fail_over, back_off_);
  EXPECT_EQ(pool.failed(0, now_, 30s), 30s);
  EXPECT_EQ(pool.failed(0, now_, 3600s), 60s);
  pool.succeeded(0);
  EXPECT_GE(pool.failed(0, now_, 0s), 500ms);  // never less than without
}

// However long it goes on.
TEST_F(EndpointPoolTest, PausesDoNotOverflow) {
  EndpointPool pool(1, Balance::fail_over, back_off_);
  for (int i = 0; i < 100; ++i) EXPECT_LE(pool.failed(0, now_), 8s);
}

}  // namespace
}  // namespace hecate::outputs
