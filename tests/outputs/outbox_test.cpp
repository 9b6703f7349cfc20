#include "outputs/outbox.h"

#include "outputs/findings.h"
#include "tests/support/hec_double.h"
#include "tests/support/testing.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace hecate::outputs {
namespace {

using testing::eventually;
using testing::HecDouble;
using namespace std::chrono_literals;

class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = store::Store::open(folder_.path(), clock_, registry_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    ASSERT_TRUE(prepare_tables(*store_));
    auto reader = store_->reader();
    ASSERT_TRUE(reader);
    reader_ = std::move(*reader);
    add_run(1, true);
  }

  void execute(const std::string& sql) {
    auto written = store_->write_and_wait([&](store::Database& database) { return database.execute(sql); });
    ASSERT_TRUE(written) << written.error().message;
  }
  void add_run(int run, bool done) {
    execute("INSERT INTO run (run, detection, scheduled, earliest, latest, rows, done) VALUES (" +
            std::to_string(run) + ", 'N', 0, 0, 0, 0, " + (done ? "1)" : "0)"));
  }
  void queue(const std::vector<std::string>& payloads, int run = 1) {
    for (const std::string& payload : payloads) {
      execute("INSERT INTO outbox (run, finding, kind, queued, payload) VALUES (" + std::to_string(run) +
              ", 'id', 'notable', " + std::to_string(clock_.now() - 5 * kSecond) + ", '" + payload + "')");
    }
  }
  void start(int batch = 100) {
    OutboxOptions options;
    options.endpoint = {.url = hec_.url(), .token = "T", .timeout = 100ms};
    options.batch = batch;
    options.first_retry = 1ms;
    options.longest_retry = 4ms;
    auto outbox = Outbox::start(*store_, clock_, options, registry_);
    ASSERT_TRUE(outbox) << outbox.error().message;
    outbox_ = std::move(*outbox);
  }
  std::int64_t number(const std::string& sql) {
    auto statement = reader_->prepare(sql);
    EXPECT_TRUE(statement);
    EXPECT_TRUE((*statement)->step().value_or(false));
    std::int64_t value = (*statement)->integer(0);
    (*statement)->reset();
    return value;
  }
  std::int64_t left() { return number("SELECT count(*) FROM outbox"); }
  bool shows(const std::string& line) {
    return prometheus::TextSerializer().Serialize(registry_.Collect()).find(line) != std::string::npos;
  }

  testing::TemporaryFolder folder_;
  testing::ManualClock clock_;
  prometheus::Registry registry_;
  HecDouble hec_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Database> reader_;
  std::unique_ptr<Outbox> outbox_;
};

using Lines = std::vector<std::string>;

TEST_F(OutboxTest, PostsInOrderAndInBatches) {
  queue({"a", "b", "c", "d", "e"});
  start(2);
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(hec_.requests().size(), 3u);
  EXPECT_TRUE(eventually([&] { return shows("hecate_outbox_findings 0"); }));
  EXPECT_TRUE(shows("hecate_outbox_posts_total{outcome=\"accepted\"} 3"));
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
      default:
        return HecDouble::success();
    }
  });
  queue({"a", "b"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.requests().size(), 9u);
  for (const HecDouble::Request& request : hec_.requests()) EXPECT_EQ(request.body, "a\nb\n");
  EXPECT_EQ(number("SELECT count(*) FROM parked"), 0);
  EXPECT_TRUE(shows("hecate_outbox_posts_total{outcome=\"busy\"} 3"));
  // The reset came on a kept connection: the client tried that one again by itself.
  EXPECT_TRUE(shows("hecate_outbox_posts_total{outcome=\"no_answer\"} 1"));
  EXPECT_TRUE(shows("hecate_outbox_posts_total{outcome=\"refused\"} 3"));
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

TEST(Outbox, RefusesAUrlThatIsNone) {
  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  prometheus::Registry registry;
  auto store = store::Store::open(folder.path(), clock, registry);
  ASSERT_TRUE(store);
  OutboxOptions options;
  options.endpoint.url = "splunk:8088";
  auto outbox = Outbox::start(**store, clock, options, registry);
  ASSERT_FALSE(outbox);
  EXPECT_NE(outbox.error().message.find("https://splunk:8088"), std::string::npos);
}

}  // namespace
}  // namespace hecate::outputs
