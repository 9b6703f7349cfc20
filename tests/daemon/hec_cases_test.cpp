// Every case under tests/cases/hec: the request is sent whole, one byte at a time, and twice in one go.

#include "tests/daemon/hec_fixture.h"
#include "tests/support/gzip.h"
#include "tests/support/testing.h"

#include <filesystem>

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
  std::vector<Case> all;
  for (const char* file : {"health_and_routes", "tokens", "bodies"}) {
    for (const YAML::Node& node :
         YAML::LoadFile(std::string(HECATE_SOURCE_DIR "/tests/cases/hec/") + file + ".yaml")) {
      all.push_back({std::string(file) + "_" + node["name"].as<std::string>(), node});
    }
  }
  return all;
}

std::string body_of(const YAML::Node& node) {
  std::string body;
  for (int i = 0; i < node["repeat"].as<int>(1); ++i) body += node["body"].as<std::string>("");
  if (!node["gzip"].as<bool>(false)) return body;
  std::size_t members = node["gzip_members"].as<std::size_t>(1);
  std::string packed;
  for (std::size_t i = 0; i < members; ++i) {
    std::size_t size = body.size() / members;
    packed += gzip(std::string_view(body).substr(i * size, i + 1 < members ? size : std::string::npos));
  }
  packed.resize(packed.size() - node["gzip_cut"].as<std::size_t>(0));
  return packed;
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
  std::string body = body_of(node);
  if (node["gzip"].as<bool>(false) && !node["headers"]) text += "Content-Encoding: gzip\r\n";
  if (node["chunked"]) {
    return text + "Transfer-Encoding: chunked\r\n\r\n" + in_chunks(body, node["chunked"].as<std::size_t>());
  }
  if (node["body"] && !node["no_length"]) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

void set_state(HecServer& server, const std::string& state) {
  if (state == "trouble") server.trouble = true;
  if (state == "disk_refused") server.ingest.disk_bad = true;
  if (state == "queue_full") {
    server.ingest.full = true;
    server.ingest.queued = 1024 * 1024;
  }
}

class HecCase : public ::testing::TestWithParam<Case> {
 protected:
  HecCase() { set_state(server_, node()["state"].as<std::string>("")); }

  [[nodiscard]] const YAML::Node& node() const { return GetParam().node; }
  [[nodiscard]] bool closes() const { return node()["closes"].as<bool>(false); }

  void expect_answer(HttpClient& client) {
    std::optional<HttpAnswer> answer = client.receive(node()["method"].as<std::string>("") != "HEAD");
    ASSERT_TRUE(answer) << "no answer came";
    EXPECT_EQ(answer->status, node()["status"].as<int>());
    EXPECT_EQ(answer->body, node()["answer"].as<std::string>());
    for (const auto& header : node()["header"]) {
      EXPECT_EQ(answer->headers[header.first.as<std::string>()], header.second.as<std::string>());
    }
  }

  void expect_events(std::size_t requests) {
    std::vector<FakeIngest::Event> events = server_.ingest.take_events();
    const YAML::Node& takes = node()["takes"];
    std::size_t each = takes ? takes.size() : node()["events"].as<std::size_t>(0);
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

  HecServer server_;
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
  HttpClient client(server_.port());
  client.send(request_of(node()) + request_of(node()));
  expect_answer(client);
  if (closes()) {
    EXPECT_TRUE(client.closed());
  } else {
    expect_answer(client);
  }
  expect_events(closes() ? 1 : 2);
}

INSTANTIATE_TEST_SUITE_P(cases, HecCase, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

TEST(HecCases, NoFileIsForgotten) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HECATE_SOURCE_DIR "/tests/cases/hec")) {
    files += entry.path().extension() == ".yaml" ? 1 : 0;
  }
  EXPECT_EQ(files, 3) << "name the new file in cases()";
}

}  // namespace
}  // namespace hecate::testing
