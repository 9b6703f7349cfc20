#include "outputs/hec_client.h"

#include "outputs/hec_url.h"
#include "tests/support/certificate.h"
#include "tests/support/hec_double.h"
#include "tests/support/testing.h"

#include <future>

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using testing::HecDouble;
using namespace std::chrono_literals;

std::unique_ptr<HecClient> client_of(HecEndpoint endpoint) {
  auto client = HecClient::make(std::move(endpoint));
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
  ASSERT_TRUE(testing::eventually([&] { return hec.requests().size() == 1; }));
  client->cancel();
  EXPECT_FALSE(running.get());
  EXPECT_FALSE(client->post("b"));
  EXPECT_EQ(hec.requests().size(), 1u);
}

class HecClientTls : public ::testing::Test {
 protected:
  HecClientTls() { testing::make_certificate(folder_ / "cert.pem", folder_ / "key.pem"); }
  testing::TemporaryFolder folder_;
};

TEST_F(HecClientTls, TrustsTheGivenCa) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  auto client = client_of({.url = hec.url(), .token = "T", .ca_file = folder_ / "cert.pem"});
  auto answer = client->post("a");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->accepted());
  ASSERT_TRUE(client->post("b"));
  EXPECT_EQ(hec.connections(), 1);
}

TEST_F(HecClientTls, RefusesACertificateThatNobodyVouchesFor) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  auto client = client_of({.url = hec.url(), .token = "T"});
  auto answer = client->post("a");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("certificate"), std::string::npos) << answer.error().message;
  EXPECT_TRUE(hec.requests().empty());
}

TEST_F(HecClientTls, VerificationCanBeTurnedOff) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  auto client = client_of({.url = hec.url(), .token = "T", .verify = false});
  EXPECT_TRUE(client->post("a"));
}

TEST_F(HecClientTls, ACaFileThatIsNoneIsRefused) {
  folder_.write("bad.pem", "no certificate");
  auto client = HecClient::make({.url = "https://h", .token = "T", .ca_file = folder_ / "bad.pem"});
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("bad.pem"), std::string::npos);
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
  EXPECT_EQ(parse_hec_url("http://[::1]:8088/")->host, "::1");
  EXPECT_EQ(parse_hec_url("http://[::1]:8088/")->authority(), "[::1]:8088");
}

TEST(HecUrl, Refused) {
  for (const char* url :
       {"", "h:8088", "ftp://h", "http://", "http://:80", "http://h:", "http://h:0", "http://h:99999",
        "http://h:8o", "http://user:token@h", "http://[::1", "http://h?x=1"})
    EXPECT_FALSE(parse_hec_url(url)) << url;
}

}  // namespace
}  // namespace hecate::outputs
