#include "outputs/outbox.h"
#include "tests/outputs/outbox_fixture.h"
#include "tests/support/hec_double.h"
#include "tests/support/testing.h"

#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using testing::eventually;
using testing::HecDouble;
using testing::Lines;
using testing::many;
using namespace std::chrono_literals;

// An endpoint whose token has acknowledgement: it asks for a channel, counts ackIds from 0 a channel, and
// tells each `true` once. Thread-safe.
class AckingScript {
 public:
  // Which requests are indexed: all by default.
  using Indexed = std::function<bool(const std::string& channel, std::uint64_t id)>;
  void set_indexed(Indexed indexed) {
    std::lock_guard lock(mutex_);
    indexed_ = std::move(indexed);
  }
  // A restart: ids begin anew, and what was not asked for is forgotten.
  void restart() {
    std::lock_guard lock(mutex_);
    next_.clear();
    pending_.clear();
  }
  // Requests that were taken and not told to be indexed.
  std::size_t pending() {
    std::lock_guard lock(mutex_);
    return pending_.size();
  }
  std::size_t polls() {
    std::lock_guard lock(mutex_);
    return polls_;
  }
  // Lines of the requests of which a `true` was told.
  Lines told() {
    std::lock_guard lock(mutex_);
    return told_;
  }

  HecDouble::Answer operator()(const HecDouble::Request& request) {
    std::lock_guard lock(mutex_);
    if (request.channel.empty())
      return HecDouble::reply(400, R"({"text":"Data channel is missing","code":10})");
    return request.target.starts_with("/services/collector/ack") ? poll(request) : take(request);
  }

 private:
  using Key = std::pair<std::string, std::uint64_t>;

  HecDouble::Answer take(const HecDouble::Request& request) {
    std::uint64_t id = next_[request.channel]++;
    pending_[{request.channel, id}] = request.body;
    return HecDouble::reply(200, fmt::format(R"({{"text":"Success","code":0,"ackId":{}}})", id));
  }

  HecDouble::Answer poll(const HecDouble::Request& request) {
    ++polls_;
    std::string body;
    std::string_view ids = request.body;
    ids.remove_prefix(ids.find('[') + 1);
    while (!ids.empty() && ids[0] != ']') {
      std::size_t end = ids.find_first_of(",]");
      std::uint64_t id = std::stoull(std::string(ids.substr(0, end)));
      ids.remove_prefix(end + (ids[end] == ',' ? 1 : 0));
      body += fmt::format(R"({}"{}":{})", body.empty() ? "" : ",", id, told_now({request.channel, id}));
    }
    return HecDouble::reply(200, R"({"acks":{)" + body + "}}");
  }

  bool told_now(const Key& key) {
    auto found = pending_.find(key);
    if (found == pending_.end() || !indexed_(key.first, key.second)) return false;
    std::string& lines = found->second;
    for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1)
      told_.push_back(lines.substr(at, lines.find('\n', at) - at));
    pending_.erase(found);
    return true;
  }

  std::mutex mutex_;
  Indexed indexed_ = [](const std::string&, std::uint64_t) { return true; };
  std::map<std::string, std::uint64_t> next_;
  std::map<Key, std::string> pending_;
  Lines told_;
  std::size_t polls_ = 0;
};

class OutboxAckTest : public testing::OutboxFixture {
 protected:
  OutboxAckTest() {
    hec_.answer([this](const HecDouble::Request& request, std::size_t) { return acks_(request); });
  }
  void start(Time ack_timeout = kHour, std::size_t most_unacknowledged = 100) {
    OutboxOptions options = options_for({hec_.url()});
    options.batch = 2;
    options.ack_timeout = ack_timeout;
    options.most_unacknowledged = most_unacknowledged;
    start_outbox(options);
  }
  static std::set<std::string> set(const Lines& lines) { return {lines.begin(), lines.end()}; }

  AckingScript acks_;
  HecDouble hec_;
};

TEST_F(OutboxAckTest, EnvelopesLeaveWhenTheirIdIsTrue) {
  queue(many(5));
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), many(5));
  EXPECT_EQ(acks_.told(), many(5));
  EXPECT_TRUE(eventually([&] { return shows("hecate_outbox_acks_waiting{" + label_of(hec_) + "} 0"); }));
  EXPECT_TRUE(shows("hecate_outbox_ack_resends_total{" + label_of(hec_) + "} 0"));
}

TEST_F(OutboxAckTest, NothingLeavesBefore) {
  acks_.set_indexed([](auto&, std::uint64_t id) { return id == 1; });
  queue(many(6));
  start();
  ASSERT_TRUE(eventually([&] { return hec_.accepted().size() == 6; }));
  ASSERT_TRUE(eventually([&] { return left() == 4; }));
  EXPECT_EQ(acks_.told(), (Lines{"e2", "e3"}));
  std::size_t polls = acks_.polls();
  ASSERT_TRUE(eventually([&] { return acks_.polls() > polls + 3; }));
  EXPECT_EQ(left(), 4);
  EXPECT_TRUE(eventually([&] { return shows("hecate_outbox_acks_waiting{" + label_of(hec_) + "} 2"); }));
  EXPECT_TRUE(eventually([&] { return shows("hecate_outbox_findings 4"); }));
  EXPECT_EQ(hec_.accepted(), many(6));  // and nothing was posted twice
  acks_.set_indexed([](auto&, std::uint64_t) { return true; });
  EXPECT_TRUE(eventually([&] { return left() == 0; }));
}

TEST_F(OutboxAckTest, WhatStaysFalseIsPostedAgainAfterTheBound) {
  acks_.set_indexed([](auto&, std::uint64_t) { return false; });
  queue(many(3));
  start(20 * kMillisecond);
  ASSERT_TRUE(eventually([&] { return hec_.accepted().size() >= 9; }));  // three times
  EXPECT_EQ(left(), 3);
  EXPECT_FALSE(shows("hecate_outbox_ack_resends_total{" + label_of(hec_) + "} 0"));
  acks_.set_indexed([](auto&, std::uint64_t) { return true; });
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(set(acks_.told()), set(many(3)));
}

TEST_F(OutboxAckTest, OnlySoManyRequestsWait) {
  acks_.set_indexed([](auto&, std::uint64_t) { return false; });
  queue(many(20));
  start(kHour, 3);
  ASSERT_TRUE(eventually([&] { return hec_.accepted().size() == 6; }));
  for (int i = 0; i < 5; ++i) {
    outbox_->wake();
    ASSERT_TRUE(eventually([&, polls = acks_.polls()] { return acks_.polls() > polls; }));
  }
  EXPECT_EQ(hec_.accepted().size(), 6u);
  acks_.set_indexed([](auto&, std::uint64_t) { return true; });
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), many(20));
}

TEST_F(OutboxAckTest, WhatWaitedIsPostedAgainAfterARestart) {
  acks_.set_indexed([](auto&, std::uint64_t) { return false; });
  queue(many(3));
  start();
  ASSERT_TRUE(eventually([&] { return acks_.pending() == 2; }));
  outbox_.reset();
  EXPECT_EQ(left(), 3);
  acks_.set_indexed([](auto&, std::uint64_t) { return true; });
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(acks_.told(), many(3));
}

// The endpoint restarts and counts anew on the same channel: an id that is given a second time could stand
// for either request, so neither may be believed.
TEST_F(OutboxAckTest, AnIdThatComesTwiceIsNotBelieved) {
  acks_.set_indexed([](auto&, std::uint64_t) { return false; });
  queue({"first"});
  start();
  ASSERT_TRUE(eventually([&] { return acks_.pending() == 1; }));
  acks_.restart();
  queue({"second"});
  outbox_->wake();
  // Both go out again, on another channel.
  ASSERT_TRUE(eventually([&] { return hec_.accepted().size() >= 4; }));
  std::vector<std::string> channels;
  for (const HecDouble::Request& request : hec_.requests())
    if (request.target == "/services/collector/event" && !request.channel.empty())
      channels.push_back(request.channel);
  ASSERT_GE(channels.size(), 3u);
  EXPECT_EQ(channels[1], channels[0]);
  EXPECT_NE(channels[2], channels[0]);
  acks_.set_indexed([](auto&, std::uint64_t) { return true; });
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(set(acks_.told()), (std::set<std::string>{"first", "second"}));
  EXPECT_TRUE(shows("hecate_outbox_ack_resends_total{" + label_of(hec_) + "} 2"));
}

TEST_F(OutboxAckTest, PoisonIsTakenOutAndTheRestWaits) {
  hec_.answer([this](const HecDouble::Request& request, std::size_t) {
    if (request.body.find("poison") != std::string::npos && !request.channel.empty())
      return HecDouble::reply(400, R"({"text":"Incorrect index","code":7,"invalid-event-number":1})");
    return acks_(request);
  });
  queue({"a", "poison", "b", "c"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(acks_.told(), (Lines{"a", "b", "c"}));
  EXPECT_EQ(number("SELECT count(*) FROM parked WHERE payload = 'poison' AND code = 7"), 1);
}

TEST_F(OutboxAckTest, PollsThatFailAreTriedAgain) {
  std::size_t polls = 0;
  hec_.answer([this, &polls](const HecDouble::Request& request, std::size_t) {
    if (request.target.find("/ack") == std::string::npos) return acks_(request);
    switch (polls++) {
      case 0:
        return HecDouble::busy();
      case 1:
        return HecDouble::never();
      case 2:
        return HecDouble::cut();
      case 3:
        return HecDouble::reply(404, "<html>");
      default:
        return acks_(request);
    }
  });
  queue(many(2));
  OutboxOptions options = options_for({hec_.url()});
  options.endpoints[0].timeout = 1s;
  start_outbox(options);
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), many(2));
}

// The token lost its acknowledgement while something waited for it.
TEST_F(OutboxAckTest, WhereAcknowledgementIsTurnedOffItIsPostedAgain) {
  hec_.answer([this](const HecDouble::Request& request, std::size_t) {
    if (request.target.find("/ack") != std::string::npos)
      return HecDouble::reply(400, R"({"text":"ACK is disabled","code":14})");
    return acks_.pending() == 0 ? acks_(request) : HecDouble::success();
  });
  queue({"a"});
  start();
  ASSERT_TRUE(eventually([&] { return left() == 0; }));
  EXPECT_EQ(hec_.accepted(), (Lines{"a", "a"}));
}

}  // namespace
}  // namespace hecate::outputs
