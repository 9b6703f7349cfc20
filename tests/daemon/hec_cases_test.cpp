// Every case under tests/cases/hec: the request is sent whole, one byte at a time, and twice in one go.

#include "tests/daemon/hec_fixture.h"
#include "tests/support/gzip.h"
#include "tests/support/testing.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <sstream>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::testing {
namespace {

struct Case {
  std::string name;
  YAML::Node node;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

std::vector<Case> cases() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(HECATE_SOURCE_DIR "/tests/cases/hec"))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<Case> all;
  for (const auto& file : files) {
    for (const YAML::Node& node : YAML::LoadFile(file.string()))
      all.push_back({file.stem().string() + "_" + node["name"].as<std::string>(), node});
  }
  return all;
}

std::string from_hex(const std::string& hex) {
  std::string digits = hex;
  std::erase(digits, ' ');
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string repeated(const std::string& piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

std::string plain_body_of(const YAML::Node& node) {
  if (node["hex"]) return from_hex(node["hex"].as<std::string>());
  if (const YAML::Node& made = node["body_of"]) {
    auto part = [&](const char* name) { return made[name].as<std::string>(); };
    int times = made["times"].as<int>();
    return part("before") + repeated(part("piece"), times) + part("inside") +
           repeated(part("closing"), times) + part("after");
  }
  return repeated(node["body"].as<std::string>(""), node["repeat"].as<int>(1));
}

std::string body_of(const YAML::Node& node) {
  std::string body = plain_body_of(node);
  if (!node["gzip"].as<bool>(false)) return body;
  std::size_t members = node["gzip_members"].as<std::size_t>(1);
  std::string packed;
  for (std::size_t i = 0; i < members; ++i) {
    std::size_t size = body.size() / members;
    packed += gzip(std::string_view(body).substr(i * size, i + 1 < members ? size : std::string::npos));
  }
  packed.resize(packed.size() - node["gzip_cut"].as<std::size_t>(0));
  if (node["gzip_flip"]) packed[packed.size() - node["gzip_flip"].as<std::size_t>()] ^= 1;
  return packed + node["gzip_tail"].as<std::string>("");
}

std::string in_chunks(const std::string& body, std::size_t size) {
  std::string chunked;
  for (std::size_t at = 0; at < body.size(); at += size) {
    std::string piece = body.substr(at, size);
    char head[32];
    std::snprintf(head, sizeof head, "%zx\r\n", piece.size());
    chunked += head + piece + "\r\n";
  }
  return chunked + "0\r\n\r\n";
}

std::string request_of(const YAML::Node& node) {
  std::string text = node["method"].as<std::string>("POST") + " " +
                     node["path"].as<std::string>("/services/collector/event") + " HTTP/" +
                     node["version"].as<std::string>("1.1") + "\r\nHost: test\r\n";
  std::string authorization = node["authorization"].as<std::string>("Splunk good-token");
  if (authorization != "none") text += "Authorization: " + authorization + "\r\n";
  for (const auto& header : node["headers"]) {
    text += header.first.as<std::string>() + ": " + header.second.as<std::string>() + "\r\n";
  }
  if (const YAML::Node& made = node["headers_of"])
    text +=
        made["name"].as<std::string>() + ": " + std::string(made["times"].as<std::size_t>(), 'x') + "\r\n";
  std::string body = body_of(node);
  if (node["gzip"].as<bool>(false) && !node["headers"]) text += "Content-Encoding: gzip\r\n";
  if (node["chunked"]) {
    return text + "Transfer-Encoding: chunked\r\n\r\n" + in_chunks(body, node["chunked"].as<std::size_t>());
  }
  bool has_body = node["body"] || node["hex"] || node["body_of"];
  if (has_body && !node["no_length"]) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

bool is_state(const YAML::Node& node, std::string_view state) {
  std::istringstream words(node["state"].as<std::string>(""));
  for (std::string word; words >> word;)
    if (word == state) return true;
  return false;
}

// The server with its state, which comes about after the requests before.
class HecCase : public ::testing::TestWithParam<Case> {
 protected:
  HecCase() {
    server_.ingest.hold_commits(is_state(node(), "uncommitted"));
    server_.ingest.disk_bad = is_state(node(), "disk_refused");
    for (const YAML::Node& before : node()["first"]) send_before(before);
    if (is_state(node(), "acks_full")) fill_acks();
    if (is_state(node(), "queue_full")) {
      server_.ingest.full = true;
      server_.ingest.queued = 1024 * 1024;
    }
    if (is_state(node(), "stopping")) stop();
    server_.trouble = is_state(node(), "trouble");
  }
  ~HecCase() override {
    server_.ingest.hold(false);
    server_.ingest.hold_commits(false);
    if (drained_.valid()) drained_.get();
  }

  [[nodiscard]] const YAML::Node& node() const { return GetParam().node; }
  [[nodiscard]] bool closes() const { return node()["closes"].as<bool>(false); }

  // What it comes to is stored, or refused, when this returns; unless nothing is.
  void send_before(const YAML::Node& before) {
    HttpClient client(server_.port());
    client.send(request_of(before));
    ASSERT_TRUE(client.receive());
    if (is_state(node(), "uncommitted")) return;
    ++sent_before_;
    ASSERT_TRUE(eventually([&] { return server_.ingest.finished() == sent_before_; }));
    (void)server_.ingest.take_events();
  }
  void fill_acks() {
    YAML::Node request = YAML::Load(
        R"({authorization: Splunk ack-token, path: "/services/collector?channel=00000000-0000-0000-0000-000000000000"})");
    request["body"] = R"({"event":"a"})";
    send_before(request);
  }
  // In the middle of it: a request is in flight, and others are turned away.
  void stop() {
    server_.ingest.hold(true);
    in_flight_ = std::make_unique<HttpClient>(server_.port());
    in_flight_->send(post(R"({"event":"in flight"})"));
    ASSERT_TRUE(eventually([&] { return server_.ingest.waiting() == 1; }));
    drained_ = std::async(std::launch::async, [this] { server_.listener->drain(); });
    ASSERT_TRUE(eventually([&] {
      HttpClient client(server_.port());
      client.send("GET /services/collector/health HTTP/1.1\r\n\r\n");
      auto answer = client.receive();
      return answer && answer->body.find("shutting down") != std::string::npos;
    }));
  }

  void expect_answer(HttpClient& client, const char* which = "answer") {
    std::optional<HttpAnswer> answer = client.receive(node()["method"].as<std::string>("") != "HEAD");
    ASSERT_TRUE(answer) << "no answer came";
    EXPECT_EQ(answer->status, node()["status"].as<int>());
    EXPECT_EQ(answer->body, node()[which].as<std::string>());
    for (const auto& header : node()["header"]) {
      EXPECT_EQ(answer->headers[header.first.as<std::string>()], header.second.as<std::string>());
    }
    for (const auto& header : node()["no_header"])
      EXPECT_FALSE(answer->headers.contains(header.as<std::string>()));
  }

  void expect_events(std::size_t requests) {
    const YAML::Node& takes = node()["takes"];
    std::size_t each = takes ? takes.size() : node()["events"].as<std::size_t>(0);
    // With an ackId the answer goes before the commit.
    std::vector<FakeIngest::Event> events;
    EXPECT_TRUE(eventually([&] {
      for (auto& event : server_.ingest.take_events()) events.push_back(std::move(event));
      return events.size() >= each * requests;
    }));
    ASSERT_EQ(events.size(), each * requests);
    for (std::size_t i = 0; takes && i < events.size(); ++i) expect_event(events[i], takes[i % each]);
  }

  static void expect_event(const FakeIngest::Event& event, const YAML::Node& expected) {
    EXPECT_EQ(event.raw, expected["raw"].as<std::string>());
    EXPECT_EQ(event.host, expected["host"].as<std::string>(""));
    EXPECT_EQ(event.source, expected["source"].as<std::string>(""));
    EXPECT_EQ(event.sourcetype, expected["sourcetype"].as<std::string>(""));
    EXPECT_EQ(event.index, expected["index"].as<std::string>(""));
    if (expected["time"]) {
      EXPECT_EQ(event.time, expected["time"].as<Time>());
    }
  }

  HecServer server_{
      4096,
      {},
      1024 * 1024,
      is_state(node(), "acks_full") ? daemon::HecAckLimits{.channels = 1} : daemon::HecAckLimits{}};
  std::size_t sent_before_ = 0;
  std::unique_ptr<HttpClient> in_flight_;
  std::future<void> drained_;
};

TEST_P(HecCase, whole) {
  HttpClient client(server_.port());
  client.send(request_of(node()));
  expect_answer(client);
  if (closes()) {
    EXPECT_TRUE(client.closed());
  }
  expect_events(1);
}

TEST_P(HecCase, byte_by_byte) {
  HttpClient client(server_.port());
  client.send_byte_by_byte(request_of(node()));
  expect_answer(client);
  if (closes()) {
    EXPECT_TRUE(client.closed());
  }
  expect_events(1);
}

TEST_P(HecCase, pipelined) {
  if (!node()["pipelined"].as<bool>(true)) GTEST_SKIP() << "not in this state";
  HttpClient client(server_.port());
  client.send(request_of(node()) + request_of(node()));
  expect_answer(client);
  if (closes()) {
    EXPECT_TRUE(client.closed());
  } else {
    expect_answer(client, node()["answer_again"] ? "answer_again" : "answer");
  }
  expect_events(closes() ? 1 : 2);
}

INSTANTIATE_TEST_SUITE_P(cases, HecCase, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

TEST(HecCases, ThereAreMany) {
  EXPECT_GE(cases().size(), 250U);
}

}  // namespace
}  // namespace hecate::testing
