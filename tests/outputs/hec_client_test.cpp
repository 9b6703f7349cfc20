#include "outputs/hec_client.h"

#include "outputs/hec_url.h"
#include "tests/support/hec_double.h"
#include "tests/support/testing.h"

#include <atomic>
#include <future>
#include <stdexcept>
#include <utility>

#include <gmock/gmock-matchers.h>
#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using testing::eventually;
using testing::HecDouble;
using namespace std::chrono_literals;

// Whatever this machine's environment says of proxies does not matter here.
HecNetwork no_proxy() {
  HecNetwork network;
  network.environment = [](const std::string&) { return ""; };
  return network;
}

std::unique_ptr<HecClient> client_of(HecEndpoint endpoint, HecNetwork network = no_proxy()) {
  auto client = HecClient::make(std::move(endpoint), std::move(network));
  EXPECT_TRUE(client) << client.error().message;
  return client ? std::move(*client) : nullptr;
}

TEST(HecClient, PostsAsHecWantsIt) {
  HecDouble hec;
  auto client = client_of({.url = hec.url(), .token = "T-1"});
  auto answer = client->post(R"({"event":"x"})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->accepted());
  EXPECT_EQ(answer->text, "Success");
  HecDouble::Request request = hec.requests().at(0);
  EXPECT_EQ(request.target, "/services/collector/event");
  EXPECT_EQ(request.authorization, "Splunk T-1");
  EXPECT_EQ(request.body, R"({"event":"x"})");
}

TEST(HecClient, KeepsTheConnection) {
  HecDouble hec;
  auto client = client_of({.url = hec.url(), .token = "T"});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client->post("x"));
  EXPECT_EQ(hec.requests().size(), 3u);
  EXPECT_EQ(hec.connections(), 1);
}

TEST(HecClient, ConnectsAgainWhenTheEndpointClosedAnIdleConnection) {
  HecDouble hec;
  // It says keep-alive, and closes when the next request comes: what a client sees after an idle timeout.
  hec.answer([](const HecDouble::Request& request, std::size_t number) {
    return number == 1 && request.connection == 1 ? HecDouble::reset() : HecDouble::success();
  });
  auto client = client_of({.url = hec.url(), .token = "T"});
  ASSERT_TRUE(client->post("a"));
  auto answer = client->post("b");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(hec.connections(), 2);
}

TEST(HecClient, ConnectsAgainWhenTheAnswerSaidClose) {
  HecDouble hec;
  hec.answer([](auto&, std::size_t) { return HecDouble::success_and_close(); });
  auto client = client_of({.url = hec.url(), .token = "T"});
  ASSERT_TRUE(client->post("a"));
  ASSERT_TRUE(client->post("b"));
  EXPECT_EQ(hec.connections(), 2);
}

TEST(HecClient, HandsOnWhatTheEndpointSays) {
  HecDouble hec;
  hec.answer([](auto&, std::size_t number) {
    return number == 0 ? HecDouble::busy() : HecDouble::reply(200, "<html>a proxy</html>");
  });
  auto client = client_of({.url = hec.url(), .token = "T"});
  auto busy = client->post("a");
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->status, 503);
  EXPECT_EQ(busy->code, 9);
  auto proxy = client->post("a");
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->code, -1);
  EXPECT_FALSE(proxy->accepted());
}

TEST(HecClient, NoAnswerIsAnError) {
  HecDouble hec;
  hec.answer([](auto&, std::size_t) { return HecDouble::reset(); });
  auto client = client_of({.url = hec.url(), .token = "T"});
  EXPECT_FALSE(client->post("a"));
  EXPECT_EQ(hec.requests().size(), 1u);  // a new connection that dies is not tried twice
  hec.answer([](auto&, std::size_t) { return HecDouble::success(); });
  EXPECT_TRUE(client->post("a"));
}

TEST(HecClient, GivesUpAfterTheTimeout) {
  HecDouble hec;
  hec.answer([](auto&, std::size_t) { return HecDouble::never(); });
  auto client = client_of({.url = hec.url(), .token = "T", .timeout = 20ms});
  auto answer = client->post("a");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("20 ms"), std::string::npos) << answer.error().message;
}

TEST(HecClient, NobodyListening) {
  std::string url;
  {
    HecDouble gone;
    url = gone.url();
  }
  auto client = client_of({.url = url, .token = "T"});
  auto answer = client->post("a");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("connecting to " + url), std::string::npos) << answer.error().message;
}

TEST(HecClient, CancelEndsARunningPost) {
  HecDouble hec;
  hec.answer([](auto&, std::size_t) { return HecDouble::never(); });
  auto client = client_of({.url = hec.url(), .token = "T"});
  auto running = std::async(std::launch::async, [&] { return client->post("a"); });
  ASSERT_TRUE(eventually([&] { return hec.requests().size() == 1; }));
  client->cancel();
  EXPECT_FALSE(running.get());
  EXPECT_FALSE(client->post("b"));
  EXPECT_EQ(hec.requests().size(), 1u);
}

TEST(HecClient, ConnectionsThatDieInTheMiddleAreNoAnswer) {
  HecDouble hec;
  auto client = client_of({.url = hec.url(), .token = "T"});
  hec.cut_bodies(1);
  EXPECT_FALSE(client->post(std::string(8 << 20, 'x')));
  hec.answer([](auto&, std::size_t) { return HecDouble::cut(); });
  EXPECT_FALSE(client->post("a"));
  EXPECT_EQ(hec.requests().size(), 1u);
  hec.answer([](auto&, std::size_t) { return HecDouble::success(); });
  EXPECT_TRUE(client->post("a"));
}

// Else a body that a proxy finds too large would be posted for ever.
TEST(HecClient, ReadsARefusalThatComesBeforeTheBodyIsSent) {
  HecDouble hec;
  hec.refuse_over(1000);
  auto client = client_of({.url = hec.url(), .token = "T"});
  auto answer = client->post(std::string(16 << 20, 'x'));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
  EXPECT_TRUE(client->post("a"));
}

TEST(HecClient, SendsAChannelWhereTheEndpointAsksForOne) {
  HecDouble hec;
  hec.answer([](const HecDouble::Request& request, std::size_t number) {
    if (request.channel.empty())
      return HecDouble::reply(400, R"({"text":"Data channel is missing","code":10})");
    return HecDouble::reply(200, R"({"text":"Success","code":0,"ackId":)" + std::to_string(number) + "}");
  });
  auto client = client_of({.url = hec.url(), .token = "T"});
  auto answer = client->post("a");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->accepted());
  EXPECT_EQ(answer->ack_id, 1u);
  EXPECT_THAT(answer->channel,
              ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(client->post("b")->channel, answer->channel);
  ASSERT_EQ(hec.requests().size(), 3u);
  EXPECT_EQ(hec.requests()[1].channel, answer->channel);
  client->renew_channel();
  EXPECT_NE(client->post("c")->channel, answer->channel);
}

TEST(HecClient, AsksForAcknowledgements) {
  HecDouble hec;
  hec.answer(
      [](auto&, std::size_t) { return HecDouble::reply(200, R"({"acks":{"3":true,"4":false,"10":true}})"); });
  auto client = client_of({.url = hec.url(), .token = "T"});
  std::vector<std::uint64_t> acknowledged;
  auto answer = client->query_acks("C-1", {3, 4, 10}, acknowledged);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(acknowledged, (std::vector<std::uint64_t>{3, 10}));
  HecDouble::Request request = hec.requests().at(0);
  EXPECT_EQ(request.target, "/services/collector/ack?channel=C-1");
  EXPECT_EQ(request.channel, "C-1");
  EXPECT_EQ(request.authorization, "Splunk T");
  EXPECT_EQ(request.body, R"({"acks":[3,4,10]})");
}

// The endpoint may have given an ackId that nobody read, and after a restart it counts anew.
TEST(HecClient, TakesAnotherChannelAfterALostAnswer) {
  HecDouble hec;
  auto client = client_of({.url = hec.url(), .token = "T"});
  client->renew_channel();
  hec.answer([](auto&, std::size_t) { return HecDouble::cut(); });
  EXPECT_FALSE(client->post("a"));
  hec.answer([](auto&, std::size_t) { return HecDouble::success(); });
  EXPECT_TRUE(client->post("a"));
  ASSERT_EQ(hec.requests().size(), 2u);
  EXPECT_FALSE(hec.requests()[1].channel.empty());
  EXPECT_NE(hec.requests()[0].channel, hec.requests()[1].channel);
}

// How a load balancer keeps a client at one indexer.
TEST(HecClient, BringsCookiesBack) {
  HecDouble hec;
  hec.answer([](auto&, std::size_t number) {
    HecDouble::Answer answer = HecDouble::success();
    if (number == 0) answer.headers = {{"Set-Cookie", "LB=one; Path=/; HttpOnly"}, {"Set-Cookie", "S=x"}};
    if (number == 1) answer.headers = {{"Set-Cookie", "LB=two"}};
    return answer;
  });
  auto client = client_of({.url = hec.url(), .token = "T"});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client->post("a"));
  EXPECT_EQ(hec.requests()[0].cookie, "");
  EXPECT_EQ(hec.requests()[1].cookie, "LB=one; S=x");
  EXPECT_EQ(hec.requests()[2].cookie, "LB=two; S=x");
}

TEST(HecClient, HandsOnHowLongToWait) {
  HecDouble hec;
  hec.answer([](auto&, std::size_t) {
    HecDouble::Answer answer = HecDouble::busy();
    answer.headers = {{"Retry-After", "7"}};
    return answer;
  });
  auto client = client_of({.url = hec.url(), .token = "T"});
  auto answer = client->post("a");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->retry_after, std::chrono::milliseconds(7s));
}

TEST(HecAnswer, RetryAfter) {
  EXPECT_EQ(read_retry_after("0", ""), 0ms);
  EXPECT_EQ(read_retry_after("Tue, 24 Nov 2026 08:01:30 GMT", "Tue, 24 Nov 2026 08:00:00 GMT"), 90s);
  for (const char* none : {"", "soon", "-1", "1.5", "Tue, 24 Nov 2026 08:01:30 GMT"})
    EXPECT_EQ(read_retry_after(none, ""), std::nullopt) << none;
  EXPECT_EQ(read_retry_after("99999999999999", ""), std::chrono::hours(24));
}

TEST(HecAnswer, WhatIsNoAnswerToAcksAcknowledgesNothing) {
  for (const char* body : {"", "{}", "<html>", R"({"acks":[1]})", R"({"acks":{"a":true,"-1":true,"2":1}})"})
    EXPECT_TRUE(read_acknowledged(body).empty()) << body;
}

TEST(HecClient, LooksNamesUp) {
  HecDouble hec;
  std::string asked;
  HecNetwork network = no_proxy();
  network.lookup = [&](const std::string& host) -> Result<Addresses> {
    asked = host;
    return Addresses{"127.0.0.1"};
  };
  auto client = client_of({.url = "http://siem.test:" + std::to_string(hec.port()), .token = "T"}, network);
  auto answer = client->post("a");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(asked, "siem.test");
}

// A resolver that answers only when it is let go.
class StuckResolver {
 public:
  ~StuckResolver() { let_go(); }
  [[nodiscard]] HecNetwork network() const {
    HecNetwork network = no_proxy();
    network.lookup = [state = state_](const std::string&) -> Result<Addresses> {
      ++state->lookups;
      state->future.wait();
      return Addresses{"127.0.0.1"};
    };
    return network;
  }
  void let_go() {
    if (!std::exchange(gone_, true)) state_->gone.set_value();
  }
  [[nodiscard]] int lookups() const { return state_->lookups; }

 private:
  struct State {
    std::promise<void> gone;
    std::shared_future<void> future = gone.get_future().share();
    std::atomic<int> lookups = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  bool gone_ = false;
};

TEST(HecClient, GivesUpOnAResolverThatDoesNotAnswer) {
  StuckResolver resolver;
  HecDouble hec;
  auto client = client_of(
      {.url = "http://siem.test:" + std::to_string(hec.port()), .token = "T", .connect_timeout = 20ms},
      resolver.network());
  for (int i = 0; i < 3; ++i) {
    auto answer = client->post("a");
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message.find("finding the address of"), std::string::npos)
        << answer.error().message;
    EXPECT_NE(answer.error().message.find("20 ms"), std::string::npos) << answer.error().message;
  }
  EXPECT_EQ(resolver.lookups(), 1);  // one thread is left behind, not one a try
  resolver.let_go();
  EXPECT_TRUE(eventually([&] { return client->post("a").has_value(); }));
}

TEST(HecClient, CancelEndsALookup) {
  StuckResolver resolver;
  auto client =
      client_of({.url = "http://siem.test", .token = "T", .connect_timeout = 1h}, resolver.network());
  auto running = std::async(std::launch::async, [&] { return client->post("a"); });
  ASSERT_TRUE(eventually([&] { return resolver.lookups() == 1; }));
  client->cancel();
  EXPECT_FALSE(running.get());
  EXPECT_FALSE(client->post("b"));
}

TEST(HecClient, ResolversMayFailInAnyWay) {
  HecNetwork network = no_proxy();
  network.lookup = [](const std::string&) -> Result<Addresses> { throw std::runtime_error("no such thing"); };
  auto client = client_of({.url = "http://siem.test", .token = "T"}, network);
  auto answer = client->post("a");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("no such thing"), std::string::npos) << answer.error().message;
}

TEST(HecUrl, Parts) {
  auto url = parse_hec_url("https://splunk.example:8088");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "splunk.example");
  EXPECT_EQ(url->port, "8088");
  EXPECT_EQ(url->target, "/services/collector/event");
  EXPECT_EQ(parse_hec_url("http://h/")->port, "80");
  EXPECT_EQ(parse_hec_url("https://h")->port, "443");
  EXPECT_EQ(parse_hec_url("http://h/own/path?x=1")->target, "/own/path?x=1");
  EXPECT_EQ(parse_hec_url("http://h")->ack_target(), "/services/collector/ack");
  EXPECT_EQ(parse_hec_url("http://h/own/path?x=1")->ack_target(), "/services/collector/ack");
  EXPECT_EQ(parse_hec_url("http://h/siem/services/collector/event/1.0")->ack_target(),
            "/siem/services/collector/ack");
  EXPECT_EQ(parse_hec_url("http://[::1]:8088/")->host, "::1");
  EXPECT_EQ(parse_hec_url("http://[::1]:8088/")->authority(), "[::1]:8088");
}

TEST(HecUrl, ASecretStandsInNoMessage) {
  auto url = parse_hec_url("https://user:secret@h");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().message.find("secret"), std::string::npos) << url.error().message;
}

TEST(HecUrl, Refused) {
  for (const char* url :
       {"", "h:8088", "ftp://h", "http://", "http://:80", "http://h:", "http://h:0", "http://h:99999",
        "http://h:8o", "http://user:token@h", "http://[::1", "http://h?x=1"})
    EXPECT_FALSE(parse_hec_url(url)) << url;
}

}  // namespace
}  // namespace hecate::outputs
