#include "outputs/outbox.h"

#include "tests/outputs/outbox_fixture.h"
#include "tests/support/hec_double.h"
#include "tests/support/testing.h"

#include <atomic>
#include <stdexcept>

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using testing::eventually;
using testing::HecDouble;
using testing::Lines;
using namespace std::chrono_literals;

class OutboxTest : public testing::OutboxFixture {
 protected:
  void start(int batch = 100, std::chrono::milliseconds timeout = 30s) {
    OutboxOptions options = options_for({hec_.url()});
    options.batch = batch;
    options.endpoints[0].timeout = timeout;
    start_outbox(options);
  }
  HecDouble hec_;
};

TEST_F(OutboxTest, PostsInOrderAndInBatches) {
  queue({"a", "b", "c", "d", "e"});
  start(2);
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(hec_.requests().size(), 3u);
  EXPECT_TRUE(eventually([&] { return shows("hecate_outbox_findings 0"); }));
  EXPECT_TRUE(shows("hecate_outbox_posts_total{" + label_of(hec_) + ",outcome=\"accepted\"} 3"));
}

TEST_F(OutboxTest, WakesForWhatComesLater) {
  start();
  queue({"a"});
  outbox_->wake();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), Lines{"a"});
}

TEST_F(OutboxTest, LeavesRunsAloneThatAreNotDone) {
  add_run(2, false);
  queue({"unseen"}, 2);
  queue({"seen"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 1; }));
  EXPECT_EQ(hec_.accepted(), Lines{"seen"});
  execute("UPDATE run SET done = 1 WHERE run = 2");
  outbox_->wake();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"seen", "unseen"}));
}

TEST_F(OutboxTest, TriesAgainUntilTheEndpointTakesIt) {
  hec_.answer([](auto&, std::size_t number) {
    switch (number) {
      case 0:
        return HecDouble::busy();
      case 1:
        return HecDouble::reply(429, "slow down");
      case 2:
        return HecDouble::reset();
      case 3:
        return HecDouble::reply(500, "");
      case 4:
        return HecDouble::reply(200, "<html>");
      case 5:
        return HecDouble::reply(403, R"({"text":"Invalid token","code":4})");
      case 6:  // a port that wants TLS, or a proxy: no word about the events
        return HecDouble::reply(400, "<html>The plain HTTP request was sent to HTTPS port");
      case 7:
        return HecDouble::never();
      case 8:
        return HecDouble::cut();
      default:
        return HecDouble::success();
    }
  });
  queue({"a", "b"});
  start(100, 1s);
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.requests().size(), 10u);
  for (const HecDouble::Request& request : hec_.requests()) EXPECT_EQ(request.body, "a\nb\n");
  EXPECT_EQ(number("SELECT count(*) FROM parked"), 0);
  EXPECT_TRUE(shows("hecate_outbox_posts_total{" + label_of(hec_) + ",outcome=\"busy\"} 3"));
  // The reset came on a kept connection: the client tried that one again by itself.
  EXPECT_TRUE(shows("hecate_outbox_posts_total{" + label_of(hec_) + ",outcome=\"no_answer\"} 2"));
  EXPECT_TRUE(shows("hecate_outbox_posts_total{" + label_of(hec_) + ",outcome=\"refused\"} 3"));
}

TEST_F(OutboxTest, ShowsHowLongTheOldestWaits) {
  hec_.answer([](auto&, std::size_t) { return HecDouble::busy(); });
  queue({"a", "b"});
  start();
  EXPECT_TRUE(eventually([&] { return shows("hecate_outbox_oldest_age_seconds 5"); }));
  EXPECT_TRUE(shows("hecate_outbox_findings 2"));
  clock_.advance(60 * kSecond);
  EXPECT_TRUE(eventually([&] { return shows("hecate_outbox_oldest_age_seconds 65"); }));
}

// One finding that the endpoint will never take must not hold up the rest.
TEST_F(OutboxTest, PutsThePoisonAside) {
  hec_.answer([](const HecDouble::Request& request, std::size_t) {
    bool poisoned = request.body.find("poison") != std::string::npos;
    return poisoned ? HecDouble::reply(400, R"({"text":"Incorrect index","code":7,"invalid-event-number":3})")
                    : HecDouble::success();
  });
  queue({"a", "b", "poison", "c", "d", "e", "f"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(number("SELECT count(*) FROM parked WHERE payload = 'poison' AND status = 400 AND code = 7"), 1);
  EXPECT_TRUE(shows("hecate_outbox_parked_total 1"));
}

// The halves that were not posted yet are not forgotten.
TEST_F(OutboxTest, AnEndpointThatBecomesBusyWhileABatchIsHalvedLosesNothing) {
  hec_.answer([](const HecDouble::Request& request, std::size_t number) {
    if (number == 1) return HecDouble::busy();
    return request.body.find("poison") == std::string::npos
               ? HecDouble::success()
               : HecDouble::reply(400, R"({"text":"Incorrect index","code":7})");
  });
  queue({"a", "poison", "b", "c"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "b", "c"}));
  EXPECT_EQ(number("SELECT count(*) FROM parked"), 1);
}

TEST_F(OutboxTest, NothingIsPutAsideForAWrongToken) {
  hec_.answer(
      [](auto&, std::size_t) { return HecDouble::reply(401, R"({"text":"Token is required","code":2})"); });
  queue({"a"});
  start();
  ASSERT_TRUE(eventually([&] { return hec_.requests().size() >= 3; }));
  outbox_.reset();
  EXPECT_EQ(left(), 1);
  EXPECT_EQ(number("SELECT count(*) FROM parked"), 0);
}

TEST_F(OutboxTest, WhatWasNotConfirmedIsThereAfterARestart) {
  hec_.answer([](auto&, std::size_t) { return HecDouble::busy(); });
  queue({"a"});
  start();
  ASSERT_TRUE(eventually([&] { return !hec_.requests().empty(); }));
  outbox_.reset();
  EXPECT_EQ(left(), 1);
  hec_.answer([](auto&, std::size_t) { return HecDouble::success(); });
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), Lines{"a"});
}

TEST_F(OutboxTest, ConnectionsThatDieInTheMiddleOfABodyLoseNothing) {
  hec_.cut_bodies(3);
  queue({"a", "b"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "b"}));
  EXPECT_TRUE(shows("hecate_outbox_posts_total{" + label_of(hec_) + ",outcome=\"no_answer\"} 3"));
}

// A proxy with a limit says 413 before it has read the body.
TEST_F(OutboxTest, WhatIsTooLargeIsPutAside) {
  hec_.refuse_over(1000);
  std::string large(16 << 20, 'x');
  queue({"a", large, "b"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "b"}));
  EXPECT_EQ(number("SELECT count(*) FROM parked WHERE status = 413 AND length(payload) = 16777216"), 1);
}

// What the endpoint has must not be posted again and again because the disk is full.
TEST_F(OutboxTest, WhatCannotLeaveTheTableIsNotPostedAgain) {
  execute("CREATE TRIGGER full BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'no space'); END");
  queue({"a", "b", "c"});
  start(2);
  ASSERT_TRUE(eventually([&] { return !hec_.requests().empty(); }));
  outbox_->wake();
  ASSERT_TRUE(eventually([&] { return shows("hecate_journal_failures_total{reason=\"other\"} 2"); }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "b"}));
  EXPECT_EQ(left(), 3);
  execute("DROP TRIGGER full");
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "b", "c"}));
}

// A clock that breaks now and then, for something unexpected on the outbox's thread.
class BrokenClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override {
    if (left_ > 0 && left_-- > 0) throw std::runtime_error("the clock broke");
    return 1'777'000'000 * kSecond;
  }
  void break_next(int times) { left_ = times; }

 private:
  mutable std::atomic<int> left_ = 0;
};

// What cannot be made of the stored finding stops nobody.
TEST_F(OutboxTest, ADamagedFindingIsPutAside) {
  execute(
      "INSERT INTO finding(seq, id, revision, run, detection, created, earliest, latest, status, plain, "
      "seen, rule,"
      " body) VALUES (7, 'bad', 1, 1, 'd', 0, 0, 0, 'new', 0, 1, 3, 'no JSON');"
      "INSERT INTO rule VALUES (3, 0, '{}');"
      "INSERT INTO outbox(run, told, finding, kind, queued) VALUES (1, 7, 'bad', 'notable', 1), (1, 8, "
      "'gone', "
      "'notable', 1)");
  queue({"good"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), Lines{"good"});
  EXPECT_EQ(number("SELECT count(*) FROM parked WHERE status = 0 AND answer LIKE '%cannot be read%'"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM parked WHERE status = 0 AND answer LIKE '%is missing%'"), 1);
}

TEST_F(OutboxTest, GoesOnAfterWhatNobodyExpected) {
  hec_.answer([](const HecDouble::Request& request, std::size_t) {
    return request.body.find("poison") == std::string::npos
               ? HecDouble::success()
               : HecDouble::reply(400, R"({"text":"Invalid data format","code":6})");
  });
  queue({"poison", "b"});
  BrokenClock clock;
  clock.break_next(3);  // measuring and parking ask for the time
  auto outbox = Outbox::start(*store_, clock, options_for({hec_.url()}), registry_);
  ASSERT_TRUE(outbox) << outbox.error().message;
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), Lines{"b"});
  EXPECT_EQ(number("SELECT count(*) FROM parked"), 1);
}

TEST_F(OutboxTest, RefusesWhatCannotBePostedTo) {
  auto outbox = Outbox::start(*store_, clock_, options_for({hec_.url(), "splunk:8088"}), registry_);
  ASSERT_FALSE(outbox);
  EXPECT_NE(outbox.error().message.find("https://splunk:8088"), std::string::npos);
  EXPECT_FALSE(Outbox::start(*store_, clock_, options_for({}), registry_));
}

}  // namespace
}  // namespace hecate::outputs
