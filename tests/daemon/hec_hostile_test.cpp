// Senders that mean harm, or are broken: each costs itself an answer and nobody else anything.
#include "tests/daemon/hec_fixture.h"
#include "tests/support/gzip.h"
#include "tests/support/testing.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace hecate::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMiB = 1024 * 1024;

// A wrong limit would have the process killed rather than the test fail: so what is unpacked is what is
// measured.
TEST(HecHostile, ABombIsUnpackedNoFurtherThanTheLimit) {
  HecServer server(4 * kMiB, {}, 256 * kMiB);
  std::string bomb = gzip(std::string(64 * kMiB, 'x'));
  ASSERT_LT(bomb.size(), kMiB);
  for (std::string_view path : {"/services/collector/event", "/services/collector/raw"}) {
    HttpClient client(server.port());
    client.send(
        "POST " + std::string(path) +
        " HTTP/1.1\r\nAuthorization: Splunk good-token\r\nContent-Encoding: gzip\r\nContent-Length: " +
        std::to_string(bomb.size()) + "\r\n\r\n" + bomb);
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 413) << path;
    client.send(post(R"({"event":"x"})"));
    EXPECT_TRUE(client.receive()) << "the connection goes on";
  }
  EXPECT_EQ(server.metric("hecate_hec_decompressed_bytes_total", "hec"), 2 * (4 * kMiB + 1));
}

TEST(HecHostile, FieldsOfFiveMegabytes) {
  HecServer server(16 * kMiB, {}, 64 * kMiB);
  auto status = [&](const std::string& body) {
    HttpClient client(server.port());
    client.send(post(body));
    auto answer = client.receive();
    return answer ? answer->body : "none";
  };
  EXPECT_EQ(status(R"({"event":{"a":")" + std::string(4'999'000, 'x') + R"("}})"), kSuccessBody);
  EXPECT_EQ(status(R"({"event":"y"}{"event":{"a":")" + std::string(5'000'001, 'x') + R"("}})"),
            R"({"text":"Invalid data format","code":6,"invalid-event-number":1})");
  EXPECT_EQ(status(R"({"event":"y","host":")" + std::string(5'000'001, 'x') + R"("})"), kSuccessBody);
  EXPECT_EQ(status(R"({"event":"y","fields":{"a":")" + std::string(5'000'001, 'x') + R"("}})"), kSuccessBody);
  EXPECT_EQ(server.ingest.take_events().size(), 4U);
}

// Nesting costs neither stack nor memory that is not given back.
TEST(HecHostile, DeepNesting) {
  HecServer server(16 * kMiB, {}, 64 * kMiB);
  for (const char* piece : {"[", "{\"a\":", "{\"a\":[", "[{},"}) {
    std::string body = R"({"event":)";
    while (body.size() < 8 * kMiB) body += piece;
    HttpClient client(server.port());
    client.send(post(body));
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, R"({"text":"Invalid data format","code":6,"invalid-event-number":0})") << piece;
  }
}

// A sender that has begun a request and goes on a byte at a time.
class SlowSender {
 public:
  // Half of them have not even ended their header.
  SlowSender(int port, bool in_header) : client_(port), at_(in_header ? 30 : request().size() - 2000) {
    client_.send(std::string_view(request()).substr(0, at_));
  }
  void drip() {
    client_.send(std::string_view(request()).substr(at_, 1));
    ++at_;
  }

 private:
  static const std::string& request() {
    static const std::string text = post(std::string(2000, ' ') + R"({"event":"slow"})");
    return text;
  }
  HttpClient client_;
  std::size_t at_;
};

constexpr std::size_t kSenders = 10;
constexpr std::size_t kRequests = 100;

// Ten good senders with so many requests each: the 99th percentile of what a request takes. With each of them
// a slow one, if there are any, sends a byte.
Clock::duration good_senders(const HecServer& server, const std::vector<std::unique_ptr<SlowSender>>& slow) {
  std::vector<Clock::duration> took(kSenders * kRequests, Clock::duration::max());
  std::vector<std::thread> senders;
  for (std::size_t sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&, sender] {
      HttpClient client(server.port());
      for (std::size_t i = sender * kRequests; i < (sender + 1) * kRequests; ++i) {
        if (i < slow.size()) slow[i]->drip();
        auto before = Clock::now();
        client.send(post(R"({"event":"good"})"));
        auto answer = client.receive();
        if (answer && answer->body == kSuccessBody) took[i] = Clock::now() - before;
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  std::ranges::sort(took);
  EXPECT_NE(took.back(), Clock::duration::max()) << "each is answered";
  return took[took.size() * 99 / 100];
}

// Machines that run tests are busy with others: more than twice the time is let pass, in the best of some
// rounds.
TEST(HecHostile, AThousandSlowConnectionsHoldNobodyUp) {
  constexpr std::size_t kSlow = kSenders * kRequests;
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 4 * kSlow) GTEST_SKIP() << "needs 4,000 open files; see ulimit -n";
  HecServer server;
  Clock::duration alone = good_senders(server, {});
  std::vector<std::unique_ptr<SlowSender>> slow;
  for (std::size_t i = 0; i < kSlow; ++i)
    slow.push_back(std::make_unique<SlowSender>(server.port(), i % 2 == 0));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_hec_connections") == kSlow; }));
  constexpr int kRatio = 3;
  Clock::duration beside = Clock::duration::max();
  for (int round = 0; round < 10 && beside > kRatio * alone; ++round)
    beside = std::min(beside, good_senders(server, slow));
  EXPECT_LE(beside, kRatio * alone);
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_hec_connections") == kSlow; }))
      << "they are still there";
}

}  // namespace
}  // namespace hecate::testing
