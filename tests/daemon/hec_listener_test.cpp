#include "daemon/hec_listener.h"

#include "tests/daemon/hec_fixture.h"
#include "tests/support/gzip.h"
#include "tests/support/testing.h"

#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace hecate::testing {
namespace {

using std::chrono::milliseconds;

TEST(HecListener, TellsWhyItCannotListen) {
  HecServer taken;
  daemon::Config config;
  config.hec.listen = "127.0.0.1:" + std::to_string(taken.port());
  FakeIngest ingest;
  prometheus::Registry registry;
  auto second = daemon::HecListener::start(config, ingest, [] { return true; }, registry);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(config.hec.listen), std::string::npos) << second.error().message;
}

TEST(HecListener, ManyRequestsOnOneConnection) {
  HecServer server;
  HttpClient client(server.port());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.send(post(R"({"event":"x"})")));
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, kSuccessBody);
  }
  EXPECT_EQ(server.ingest.take_events().size(), 50U);
  EXPECT_EQ(server.metric("hecate_hec_connections"), 1);
}

TEST(HecListener, PipelinedRequestsAreAnsweredInOrder) {
  HecServer server;
  HttpClient client(server.port());
  std::string all;
  for (int i = 0; i < 100; ++i) all += post(i % 2 == 0 ? R"({"event":"x"})" : R"({"event":""})");
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 100; ++i) {
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, i % 2 == 0 ? 200 : 400) << "answer " << i;
  }
}

TEST(HecListener, ContinueIsSaidBeforeTheBody) {
  HecServer server;
  HttpClient client(server.port());
  std::string body = R"({"event":"x"})";
  std::string request = post(body, "Expect: 100-continue\r\n");
  client.send(std::string_view(request).substr(0, request.size() - body.size()));
  auto interim = client.receive();
  ASSERT_TRUE(interim);
  EXPECT_EQ(interim->status, 100);
  client.send(body);
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, kSuccessBody);
}

TEST(HecListener, ContinueIsNotSaidToARefusedRequest) {
  HecServer server;
  HttpClient client(server.port());
  client.send(
      "POST /services/collector HTTP/1.1\r\nAuthorization: Splunk bad\r\nExpect: 100-continue\r\n"
      "Content-Length: 13\r\n\r\n");
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 403);
  EXPECT_TRUE(client.closed());
}

TEST(HecListener, TooLargeIsToldBeforeTheBodyComes) {
  HecServer server;
  HttpClient client(server.port());
  client.send(
      "POST /services/collector HTTP/1.1\r\nAuthorization: Splunk good-token\r\nContent-Length: "
      "5000\r\n\r\n");
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(answer->headers["connection"], "close");
  EXPECT_TRUE(client.closed());
}

TEST(HecListener, ALongHeaderIsRefused) {
  HecServer server;
  HttpClient client(server.port());
  client.send("POST /services/collector HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 431);
  EXPECT_TRUE(client.closed());
}

TEST(HecListener, WhatIsNoHttpIsRefused) {
  HecServer server;
  HttpClient client(server.port());
  client.send("\x16\x03\x01 this is no request\r\n\r\n");
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_TRUE(client.closed());
}

TEST(HecListener, ALargeBodyComesThroughWhole) {
  HecServer server(8 * 1024 * 1024, {}, 64 * 1024 * 1024);
  HttpClient client(server.port());
  std::string body;
  while (body.size() < 2'500'000)
    body += R"({"event":"0123456789 0123456789"})"
            "\n";
  auto expected = static_cast<std::size_t>(std::ranges::count(body, '\n'));
  for (int pass = 0; pass < 2; ++pass) {  // the second finds a used buffer in the pool
    ASSERT_TRUE(client.send(post(body)));
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, kSuccessBody);
    EXPECT_EQ(server.ingest.take_events().size(), expected);
  }
}

TEST(HecListener, BodiesOnTheirWayInAreBounded) {
  HecServer server(1024 * 1024, {}, 1024 * 1024);
  HttpClient slow(server.port());
  std::string body(1'000'000, ' ');
  std::string request = post(body);
  ASSERT_TRUE(slow.send(std::string_view(request).substr(0, request.size() - 100'000)));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") > 890'000; }));
  HttpClient second(server.port());
  second.send(request);
  auto answer = second.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, R"({"text":"Server is busy","code":9})");
  slow.send(std::string_view(request).substr(request.size() - 100'000));
  answer = slow.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, R"({"text":"No data","code":5})");
}

TEST(HecListener, ASenderThatLeavesHurtsNobody) {
  HecServer server;
  {
    HttpClient client(server.port());
    std::string request = post(R"({"event":"x"})");
    client.send(std::string_view(request).substr(0, request.size() - 3));
    ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") > 0; }));
  }
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_hec_connections") == 0; }));
  EXPECT_TRUE(server.ingest.take_events().empty());
}

TEST(HecListener, TimeoutsCloseSilentConnections) {
  HecServer server(4096,
                   {.idle = milliseconds(40), .header = milliseconds(40), .progress = milliseconds(40)});
  HttpClient idle(server.port());
  EXPECT_TRUE(idle.closed());
  HttpClient in_header(server.port());
  in_header.send("POST /services/coll");
  EXPECT_TRUE(in_header.closed());
  HttpClient in_body(server.port());
  std::string request = post(R"({"event":"x"})");
  in_body.send(std::string_view(request).substr(0, request.size() - 3));
  EXPECT_TRUE(in_body.closed());
  for (const char* reason : {"idle", "header", "progress"})
    EXPECT_EQ(server.metric("hecate_hec_connections_closed_total", reason), 1) << reason;
}

TEST(HecListener, WaitingForTheDiskIsNoTimeout) {
  HecServer server(4096,
                   {.idle = milliseconds(20), .header = milliseconds(20), .progress = milliseconds(20)});
  server.ingest.hold(true);
  HttpClient client(server.port());
  client.send(post(R"({"event":"x"})"));
  ASSERT_TRUE(eventually([&] { return server.ingest.waiting() == 1; }));
  // Silent connections come and are closed meanwhile: the timeouts are at work.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(HttpClient(server.port()).closed());
  server.ingest.hold(false);
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, kSuccessBody);
}

TEST(HecListener, DrainAnswersWhatIsInFlightAndTurnsNewRequestsAway) {
  HecServer server;
  server.ingest.hold(true);
  HttpClient in_flight(server.port());
  HttpClient quiet(server.port());
  in_flight.send(post(R"({"event":"x"})"));
  quiet.send(post("", "", "Splunk bad"));
  ASSERT_TRUE(quiet.receive());
  ASSERT_TRUE(eventually([&] { return server.ingest.waiting() == 1; }));
  auto drained = std::async(std::launch::async, [&] { server.listener->drain(); });
  // Until the drain has begun, health still answers 200.
  ASSERT_TRUE(eventually([&] {
    HttpClient client(server.port());
    client.send("GET /services/collector/health HTTP/1.1\r\n\r\n");
    auto answer = client.receive();
    return answer && answer->body == R"({"text":"Server is shutting down","code":23})";
  }));
  HttpClient late(server.port());
  late.send(post(R"({"event":"y"})"));
  auto refused = late.receive();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->body, R"({"text":"Server is shutting down","code":23})");
  EXPECT_EQ(drained.wait_for(milliseconds(0)), std::future_status::timeout)
      << "a request is not yet answered";
  server.ingest.hold(false);
  auto answer = in_flight.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, kSuccessBody);
  EXPECT_EQ(answer->headers["connection"], "close");
  drained.get();
  EXPECT_TRUE(quiet.closed());
  EXPECT_EQ(server.ingest.take_events().size(), 1U);
}

TEST(HecListener, DrainDoesNotWaitForeverForABody) {
  HecServer server(4096, {.closing = milliseconds(30)});
  HttpClient client(server.port());
  std::string request = post(R"({"event":"x"})");
  client.send(std::string_view(request).substr(0, request.size() - 3));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") > 0; }));
  HttpClient header(server.port());
  header.send(std::string_view(request).substr(0, 20));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_hec_connections") == 2; }));
  ASSERT_TRUE(eventually([&] {
    return server.metric("hecate_bytes_received_total", "hec") ==
           static_cast<double>(request.size() - 3 + 20);
  }));
  HttpClient idle(server.port());
  server.listener->drain();
  // Whoever has begun a request is told to send it again.
  for (HttpClient* each : {&client, &header}) {
    auto answer = each->receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->body, R"({"text":"Server is shutting down","code":23})");
    EXPECT_EQ(answer->headers["connection"], "close");
    EXPECT_TRUE(each->closed());
  }
  EXPECT_TRUE(idle.closed());
}

// A reset can overtake the answer: so a connection that has more to send is not just closed.
TEST(HecListener, TheLastAnswerOfAStopIsNotReset) {
  HecServer server(100'000, {.closing = milliseconds(200)});
  server.ingest.hold(true);
  HttpClient client(server.port());
  client.send(post(R"({"event":"x"})"));
  ASSERT_TRUE(eventually([&] { return server.ingest.waiting() == 1; }));
  client.send(post(std::string(90'000, ' ')));
  std::thread stop([&] { server.listener->drain(); });
  EXPECT_TRUE(eventually([&] {
    HttpClient probe(server.port());
    probe.send("GET /services/collector/health HTTP/1.1\r\nHost: t\r\n\r\n");
    auto answer = probe.receive();
    return answer && answer->status == 503;
  }));
  server.ingest.hold(false);
  auto stored = client.receive();
  EXPECT_TRUE(stored && stored->status == 200);
  EXPECT_TRUE(client.ended());
  stop.join();
}

// One that comes during the stop, to ask for what was acknowledged, has no more time than those that were
// there.
TEST(HecListener, DrainDoesNotWaitForWhoComesDuringIt) {
  HecServer server(4096, {.closing = milliseconds(30)});
  HttpClient first(server.port());
  server.ingest.hold(true);
  first.send(post(R"({"event":"x"})"));
  ASSERT_TRUE(eventually([&] { return server.ingest.waiting() == 1; }));
  std::thread stop([&] { server.listener->drain(); });
  EXPECT_TRUE(eventually([&] {
    HttpClient probe(server.port());
    probe.send("GET /services/collector/health HTTP/1.1\r\nHost: t\r\n\r\n");
    auto answer = probe.receive();
    return answer && answer->status == 503;
  }));
  HttpClient late(server.port());
  late.send(
      "POST /services/collector/ack?channel=FE0ECFAD-13D5-401B-847D-77833BD77131 HTTP/1.1\r\nHost: t\r\n"
      "Authorization: Splunk ack-token\r\nContent-Length: 100\r\n\r\n{\"acks\":");
  auto answer = late.receive();
  EXPECT_TRUE(answer && answer->status == 503);
  server.ingest.hold(false);
  stop.join();
  EXPECT_TRUE(first.receive());
}

// Files are left for the admin port and the database; who waits is taken when others have gone.
TEST(HecListener, TakesNoMoreConnectionsThanLeaveSomeFilesFree) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  {
    HecServer server;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    std::vector<std::unique_ptr<HttpClient>> clients;
    for (int i = 0; i < 33; ++i) {
      clients.push_back(std::make_unique<HttpClient>(server.port()));
      clients.back()->send(post(R"({"event":"x"})"));
    }
    for (int i = 0; i < 32; ++i) ASSERT_TRUE(clients[static_cast<std::size_t>(i)]->receive());
    EXPECT_EQ(server.metric("hecate_hec_connections"), 32);
    clients.front().reset();
    EXPECT_TRUE(clients.back()->receive());
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

// What is unpacked counts against the bound as much as what is read.
TEST(HecListener, UnpackedBytesAreBounded) {
  HecServer server(64 * 1024 * 1024, {}, 4 * 1024 * 1024);
  HttpClient client(server.port());
  std::string packed = gzip(R"({"event":")" + std::string(16 * 1024 * 1024, 'x') + "\"}");
  client.send(
      "POST /services/collector HTTP/1.1\r\nAuthorization: Splunk good-token\r\nContent-Encoding: gzip\r\n"
      "Content-Length: " +
      std::to_string(packed.size()) + "\r\n\r\n" + packed);
  auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
}

TEST(HecListener, CountsWhatItDoes) {
  HecServer server;
  HttpClient client(server.port());
  std::string all =
      post(R"({"event":"x"})") + post(R"({"event":"x"}{"event":null})") + post("", "", "Splunk bad");
  client.send(all);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.receive());
  // An answer is counted just after it was sent.
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_hec_request_seconds") == 3; }));
  EXPECT_EQ(server.metric("hecate_hec_requests_total", "0"), 1);
  EXPECT_EQ(server.metric("hecate_hec_requests_total", "13"), 1);
  EXPECT_EQ(server.metric("hecate_hec_requests_total", "4"), 1);
  EXPECT_EQ(server.metric("hecate_bytes_received_total", "hec"), static_cast<double>(all.size()));
}

TEST(HecListener, ManyConnectionsAtOnce) {
  HecServer server;
  std::vector<std::thread> senders;
  std::atomic<int> taken{0};
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&] {
      HttpClient client(server.port());
      for (int n = 0; n < 100; ++n) {
        client.send(post(R"({"event":"x"}{"event":"y"})"));
        auto answer = client.receive();
        if (answer && answer->body == kSuccessBody) ++taken;
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(taken, 800);
  EXPECT_EQ(server.ingest.take_events().size(), 1600U);
}

}  // namespace
}  // namespace hecate::testing
