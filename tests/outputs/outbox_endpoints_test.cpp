#include "outputs/outbox.h"
#include "tests/outputs/outbox_fixture.h"
#include "tests/support/hec_double.h"
#include "tests/support/testing.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using testing::eventually;
using testing::HecDouble;
using testing::Lines;
using testing::many;
using namespace std::chrono_literals;

// Two endpoints, one envelope a request.
class OutboxEndpointsTest : public testing::OutboxFixture {
 protected:
  OutboxOptions options(Balance balance) {
    OutboxOptions options = options_for({one_.url(), two_.url()});
    options.balance = balance;
    options.batch = 1;
    return options;
  }
  std::set<std::string> both() {
    std::set<std::string> lines;
    for (HecDouble* each : {&one_, &two_})
      for (const std::string& line : each->accepted()) lines.insert(line);
    return lines;
  }
  static std::set<std::string> set(const Lines& lines) { return {lines.begin(), lines.end()}; }

  HecDouble one_, two_;
};

TEST_F(OutboxEndpointsTest, TheFirstTakesAllWhileItWorks) {
  queue(many(10));
  start_outbox(options(Balance::fail_over));
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(one_.accepted(), many(10));
  EXPECT_EQ(two_.connections(), 0);
}

// Who gets how many of them depends on who answers sooner (RoundRobinGivesEachItsTurn).
TEST_F(OutboxEndpointsTest, TwoOnOneHostAreCountedApart) {
  queue(many(40));
  start_outbox(options(Balance::round_robin));
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  for (HecDouble* each : {&one_, &two_}) {
    std::size_t posts = each->accepted().size();
    EXPECT_GT(posts, 0u);
    EXPECT_TRUE(shows("hecate_outbox_posts_total{" + testing::label_of(*each) + ",outcome=\"accepted\"} " +
                      std::to_string(posts)));
  }
}

TEST_F(OutboxEndpointsTest, FailsOverAndBack) {
  one_.answer([](auto&, std::size_t) { return HecDouble::busy(); });
  queue(many(10));
  start_outbox(options(Balance::fail_over));
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(set(two_.accepted()), set(many(10)));
  EXPECT_TRUE(one_.accepted().empty());
  one_.answer([](auto&, std::size_t) { return HecDouble::success(); });
  // While it is on trial the other may still take some; then it takes all.
  EXPECT_TRUE(eventually([&] {
    std::size_t of_one = one_.accepted().size();
    std::size_t of_two = two_.accepted().size();
    queue({"x", "y", "z"});
    outbox_->wake();
    return eventually([&] { return left() == 0; }) && one_.accepted().size() == of_one + 3 &&
           two_.accepted().size() == of_two;
  }));
}

TEST_F(OutboxEndpointsTest, RoundRobinGivesEachItsTurn) {
  queue(many(40));
  start_outbox(options(Balance::round_robin));
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(both(), set(many(40)));
  EXPECT_EQ(one_.accepted().size() + two_.accepted().size(), 40u);
  for (HecDouble* each : {&one_, &two_}) {
    EXPECT_GE(each->accepted().size(), 10u);
    // What one endpoint gets, it gets in order.
    Lines expected;
    auto got = set(each->accepted());
    for (const std::string& line : many(40))
      if (got.contains(line)) expected.push_back(line);
    EXPECT_EQ(each->accepted(), expected);
  }
}

// An endpoint that takes what it gets and never answers holds up what it was given, and nothing else.
TEST_F(OutboxEndpointsTest, ADeadEndpointBlocksNoLivingOne) {
  one_.answer([](auto&, std::size_t) { return HecDouble::never(); });
  queue(many(40));
  OutboxOptions both_living = options(Balance::round_robin);
  for (HecEndpoint& each : both_living.endpoints) each.timeout = 3'600'000ms;
  start_outbox(both_living);
  ASSERT_TRUE(eventually([&] { return left() == 1; }));
  EXPECT_EQ(two_.accepted().size(), 39u);
  outbox_.reset();  // the request in flight does not keep it from stopping
  EXPECT_EQ(left(), 1);
  OutboxOptions impatient = options(Balance::round_robin);
  impatient.endpoints[0].timeout = 100ms;
  start_outbox(impatient);
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(set(two_.accepted()), set(many(40)));
}

TEST_F(OutboxEndpointsTest, AFirstThatNeverAnswersIsLeftAfterItsTimeout) {
  one_.answer([](auto&, std::size_t) { return HecDouble::never(); });
  queue(many(10));
  OutboxOptions impatient = options(Balance::fail_over);
  impatient.endpoints[0].timeout = 100ms;
  start_outbox(impatient);
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(set(two_.accepted()), set(many(10)));
}

// With back-offs of milliseconds it would be asked again at once.
TEST_F(OutboxEndpointsTest, AnEndpointThatAsksForAPauseGetsIt) {
  one_.answer([](auto&, std::size_t) {
    HecDouble::Answer answer = HecDouble::busy();
    answer.headers = {{"Retry-After", "3600"}};
    return answer;
  });
  queue(many(100));
  start_outbox(options(Balance::fail_over));
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(two_.accepted(), many(100));
  EXPECT_EQ(one_.requests().size(), 1u);
}

// Ids count from 0 at each endpoint: a `true` of one says nothing of the other's.
TEST_F(OutboxEndpointsTest, AckIdsBelongToTheEndpointThatGaveThem) {
  auto acking = [](bool indexed) {
    return [indexed](const HecDouble::Request& request, std::size_t) {
      if (request.channel.empty())
        return HecDouble::reply(400, R"({"text":"Data channel is missing","code":10})");
      if (request.target.find("/ack") == std::string::npos)
        return HecDouble::reply(200, R"({"text":"Success","code":0,"ackId":0})");
      return HecDouble::reply(200, indexed ? R"({"acks":{"0":true}})" : R"({"acks":{"0":false}})");
    };
  };
  one_.answer(acking(false));
  two_.answer(acking(true));
  queue(many(2));
  OutboxOptions waiting = options(Balance::round_robin);
  waiting.most_unacknowledged = 1;
  start_outbox(waiting);
  ASSERT_TRUE(eventually([&] { return left() == 1; }));
  std::size_t polls = one_.requests().size();
  ASSERT_TRUE(eventually([&] { return one_.requests().size() > polls + 5; }));
  EXPECT_EQ(left(), 1);
  one_.answer(acking(true));
  EXPECT_TRUE(eventually([&] { return left() == 0; }));
}

// What one endpoint took and does not acknowledge goes to the other after the bound.
TEST_F(OutboxEndpointsTest, WhatOneNeverAcknowledgesTheOtherGets) {
  one_.answer([](const HecDouble::Request& request, std::size_t) {
    if (request.target.find("/ack") == std::string::npos)
      return HecDouble::reply(200, R"({"text":"Success","code":0,"ackId":0})");
    return HecDouble::reply(200, R"({"acks":{}})");
  });
  queue({"a"});
  OutboxOptions impatient = options(Balance::fail_over);
  impatient.ack_timeout = 10 * kMillisecond;
  impatient.back_off.first = impatient.back_off.longest = 3'600'000ms;
  start_outbox(impatient);
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(two_.accepted(), Lines{"a"});
}

}  // namespace
}  // namespace hecate::outputs
