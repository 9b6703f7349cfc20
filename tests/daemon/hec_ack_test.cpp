// Acknowledgement over the wire, as far as time and stopping are about it; all else stands in
// tests/cases/hec/acks.yaml.
#include "tests/daemon/hec_fixture.h"
#include "tests/support/testing.h"

#include <future>

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kChannel = "X-Splunk-Request-Channel: fe0ecfad-13d5-401b-847d-77833bd77131\r\n";

std::string ack_post(std::string_view body) {
  return post(body, kChannel, "Splunk ack-token");
}
std::string ack_query(std::string_view body) {
  std::string request = ack_post(body);
  return request.replace(0, request.find(" HTTP"), "POST /services/collector/ack");
}
std::string ask(HttpClient& client, const std::string& request) {
  client.send(request);
  auto answer = client.receive();
  return answer ? answer->body : "none";
}

TEST(HecAck, TrueOnlyAfterTheCommit) {
  HecServer server;
  server.ingest.hold_commits(true);
  HttpClient client(server.port());
  EXPECT_EQ(ask(client, ack_post(R"({"event":"x"})")), R"({"text":"Success","code":0,"ackId":0})");
  EXPECT_EQ(ask(client, ack_query(R"({"acks":[0]})")), R"({"acks":{"0":false}})");
  EXPECT_TRUE(server.ingest.take_events().empty()) << "it is not stored yet";
  server.ingest.hold_commits(false);
  EXPECT_TRUE(
      eventually([&] { return ask(client, ack_query(R"({"acks":[0]})")) == R"({"acks":{"0":true}})"; }));
  EXPECT_EQ(server.ingest.take_events().size(), 1U);
}

TEST(HecAck, NeverTrueWhereTheDiskRefused) {
  HecServer server;
  server.ingest.disk_bad = true;
  HttpClient client(server.port());
  EXPECT_EQ(ask(client, ack_post(R"({"event":"x"})")), R"({"text":"Success","code":0,"ackId":0})");
  ASSERT_TRUE(eventually([&] { return server.ingest.finished() == 1; }));
  EXPECT_EQ(ask(client, ack_query(R"({"acks":[0]})")), R"({"acks":{"0":false}})");
  server.ingest.disk_bad = false;
  EXPECT_EQ(ask(client, ack_post(R"({"event":"x"})")), R"({"text":"Success","code":0,"ackId":1})");
  EXPECT_TRUE(eventually(
      [&] { return ask(client, ack_query(R"({"acks":[0,1]})")) == R"({"acks":{"0":false,"1":true}})"; }));
}

TEST(HecAck, ABadEventIsToldWhenThoseBeforeItAreStored) {
  HecServer server;
  server.ingest.hold_commits(true);
  HttpClient client(server.port());
  client.send(ack_post(R"({"event":"x"}{"event":null})"));
  auto answer = std::async(std::launch::async, [&] { return client.receive(); });
  HttpClient other(server.port());
  EXPECT_EQ(ask(other, ack_query(R"({"acks":[0]})")), R"({"acks":{"0":false}})");
  EXPECT_EQ(answer.wait_for(milliseconds(0)), std::future_status::timeout);
  server.ingest.hold_commits(false);
  EXPECT_EQ(answer.get()->body,
            R"({"text":"Event field cannot be blank","code":13,"invalid-event-number":1})");
  EXPECT_EQ(server.ingest.take_events().size(), 1U);
}

TEST(HecAck, DrainWaitsForWhatWasPromised) {
  HecServer server;
  server.ingest.hold_commits(true);
  HttpClient client(server.port());
  EXPECT_EQ(ask(client, ack_post(R"({"event":"x"})")), R"({"text":"Success","code":0,"ackId":0})");
  auto drained = std::async(std::launch::async, [&] { server.listener->drain(); });
  ASSERT_TRUE(eventually([&] {
    HttpClient each(server.port());
    return ask(each, "GET /services/collector/health HTTP/1.1\r\n\r\n").find("shutting down") !=
           std::string::npos;
  }));
  EXPECT_EQ(drained.wait_for(milliseconds(0)), std::future_status::timeout);
  HttpClient asking(server.port());
  EXPECT_EQ(ask(asking, ack_query(R"({"acks":[0]})")), R"({"acks":{"0":false}})");
  server.ingest.hold_commits(false);
  drained.get();
  EXPECT_EQ(server.ingest.take_events().size(), 1U);
}

TEST(HecAck, AnIdleChannelIsForgotten) {
  HecServer server(4096, {.channel = milliseconds(40)});
  HttpClient client(server.port());
  EXPECT_EQ(ask(client, ack_post(R"({"event":"x"})")), R"({"text":"Success","code":0,"ackId":0})");
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_hec_ack_channels") == 0; }));
  EXPECT_EQ(ask(client, ack_post(R"({"event":"x"})")), R"({"text":"Success","code":0,"ackId":0})");
}

TEST(HecAck, WhatIsKeptIsCounted) {
  HecServer server(4096, {.closing = milliseconds(20)});
  HttpClient client(server.port());
  for (int i = 0; i < 3; ++i) (void)ask(client, ack_post(R"({"event":"x"})"));
  ASSERT_TRUE(eventually([&] { return server.ingest.finished() == 3; }));
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_hec_ack_ids") == 3; }));
  EXPECT_EQ(server.metric("hecate_hec_ack_channels"), 1);
  EXPECT_EQ(ask(client, ack_query(R"({"acks":[0,1]})")), R"({"acks":{"0":true,"1":true}})");
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_hec_ack_ids") == 1; }));
}

}  // namespace
}  // namespace hecate::testing
