// `hecate serve` as its operator meets it: what the log and the admin port say.
#include "tests/e2e/process.h"

#include <csignal>
#include <regex>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

constexpr std::string_view kToken = "11111111-2222-4333-8444-555555555555";

std::string configuration(const std::string& more) {
  return fmt::format(R"(
inputs: {{hec: {{listen: "127.0.0.1:0", tokens: [{{name: test, token: {}}}]}}}}
admin: {{listen: "127.0.0.1:0"}}
state: {{path: "@STATE@"}}
{})",
                     kToken, more);
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++found;
  return found;
}

TEST(Operator, TheBuildIsAMetric) {
  Serving hecate(configuration(""));
  std::string metrics = http(hecate.admin_port(), "GET", "/metrics").body;
  std::size_t at = metrics.find("\nhecate_build_info{");
  ASSERT_NE(at, std::string::npos);
  std::string line = metrics.substr(at + 1, metrics.find('\n', at + 1) - at - 1);
  std::string version = run({hecate_binary(), "--version"}).output;
  EXPECT_NE(line.find("version=\"" + version.substr(7, version.find_first_of(" \n", 7) - 7) + "\""),
            std::string::npos)
      << line << " and " << version;
  EXPECT_NE(line.find("revision=\""), std::string::npos) << line;
  EXPECT_TRUE(line.ends_with("} 1")) << line;
}

TEST(Operator, TheListOfFindingsTakesKnownParametersOnly) {
  Serving hecate(configuration(""));
  HttpReply wrong = http(hecate.admin_port(), "GET", "/api/findings?limt=5&since=0");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_NE(wrong.body.find("limt: no such parameter; known are since, until, before, limit, detection"),
            std::string::npos)
      << wrong.body;
  HttpReply right = http(hecate.admin_port(), "GET", "/api/findings?since=0&limit=5&detection=No+such");
  EXPECT_EQ(right.status, 200);
  EXPECT_EQ(right.body, "[]\n");
}

TEST(Operator, AReloadNamesTheKeysThatNeedARestart) {
  Serving hecate(configuration("log: {level: info}\ndetections: {defaults: {cron: 0 * * * *}}\n"));
  hecate.configure(configuration(
      "log: {level: debug}\ndetections: {defaults: {cron: 5 * * * *}}\nwindows: {lateness: 2h}\n"));
  hecate.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return count(hecate.process().errors(), "reloaded: ") == 1; }));
  ASSERT_TRUE(eventually([&] { return count(hecate.process().errors(), "need a restart") == 1; }))
      << hecate.process().errors();
  EXPECT_NE(hecate.process().errors().find("changes of log.level, windows.lateness: they need a restart"),
            std::string::npos)
      << hecate.process().errors();
}

TEST(Operator, AReloadNamesTheMacroThatIsWrong) {
  TemporaryFolder content;
  content.write("d/d.yml", "name: A\ntype: TTP\nsearch: '`ours` | stats count by host'\n");
  content.write("m/m.yml", "name: ours\ndefinition: x=1\n");
  Serving hecate(configuration(
      fmt::format("detections: {{paths: [\"{}\"], macros: [\"{}\"]}}\n", content / "d", content / "m")));
  content.write("m/m.yml", "name: ours\ndefinition: x=1 | frobnicate\n");
  hecate.process().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    return hecate.process().errors().find("in macro `ours` (" + (content / "m/m.yml") + ":2)") !=
           std::string::npos;
  })) << hecate.process().errors();
}

bool has_source(const Serving& hecate, const std::string& query, const std::string& part) {
  std::string body = http(hecate.admin_port(), "GET", "/api/sources?" + query).body;
  return body.find(part) != std::string::npos;
}

// Sends until it is steady, then no more.
TEST(Operator, ASourceThatStopsIsReported) {
  Serving hecate(configuration("sources: {steady_after: 2s, silent_after: 1s}\n"));
  auto send = [&] {
    return http(hecate.hec_port(), "POST", "/services/collector/event",
                {{"Authorization", fmt::format("Splunk {}", kToken)}},
                R"({"event":{"Hostname":"dc1","Channel":"Security","EventID":1}})")
        .status;
  };
  ASSERT_TRUE(eventually(
      [&] {
        EXPECT_EQ(send(), 200);
        return has_source(hecate, "host=dc1&channel=Security", R"("state":"steady")");
      },
      std::chrono::seconds(60)));
  ASSERT_TRUE(eventually([&] { return has_source(hecate, "state=silent", R"("host":"dc1")"); },
                         std::chrono::seconds(60)));
  EXPECT_EQ(hecate.metric(R"(hecate_source_silent{channel="Security",host="dc1"})"), 1);
  EXPECT_EQ(hecate.metric(R"(hecate_sources{state="silent"})"), 1);
  Finished status =
      run({hecate_binary(), "status", "--address", fmt::format("127.0.0.1:{}", hecate.admin_port())});
  EXPECT_NE(status.output.find("silent: dc1 Security, nothing for "), std::string::npos) << status.output;
  // A restart knows it still, and that it sends again.
  hecate.stop();
  hecate.restart();
  ASSERT_TRUE(eventually([&] { return has_source(hecate, "state=silent", R"("host":"dc1")"); },
                         std::chrono::seconds(60)));
  EXPECT_EQ(send(), 200);
  EXPECT_TRUE(has_source(hecate, "host=dc1", R"("last_seen":)"));
  EXPECT_FALSE(has_source(hecate, "state=silent", R"("host":"dc1")"));
}

TEST(Operator, TheListOfSourcesTakesKnownParametersOnly) {
  Serving hecate(configuration(""));
  for (const char* wrong : {"stat=silent", "state=asleep", "limit=0", "limit=9x"})
    EXPECT_EQ(http(hecate.admin_port(), "GET", fmt::format("/api/sources?{}", wrong)).status, 400) << wrong;
  EXPECT_EQ(http(hecate.admin_port(), "GET", "/api/sources").status, 200);
}

// One that has no output but that.
TEST(Operator, FindingsThatCannotBePrintedAreLoggedOnceAndListed) {
  TemporaryFolder folder;
  folder.write("d/d.yml", "name: A\ntype: TTP\nsearch: 'source=t | stats count by host'\n");
  folder.write("hecate.yaml",
               std::regex_replace(configuration("detections: {paths: [d], defaults: {emit: first_match}}\n"),
                                  std::regex("@STATE@"), folder / "state"));
  Process process(
      {"sh", "-c", "exec \"$0\" serve --config \"$1\" > /dev/full", hecate_binary(), folder / "hecate.yaml"});
  std::smatch ports;
  std::string log;
  ASSERT_TRUE(eventually([&] {
    log = process.errors();
    return std::regex_search(log, ports, std::regex("HEC on port (\\d+), admin on port (\\d+)"));
  })) << log;
  for (const char* host : {"a", "b"}) {
    HttpReply reply = http(std::stoi(ports[1]), "POST", "/services/collector/event",
                           {{"Authorization", fmt::format("Splunk {}", kToken)}},
                           fmt::format(R"({{"event":"x","source":"t","host":"{}"}})", host));
    EXPECT_EQ(reply.status, 200) << reply.body;
    ASSERT_TRUE(eventually([&] {
      std::string list = http(std::stoi(ports[2]), "GET", "/api/findings").body;
      return list.find(fmt::format("\"host\":\"{}\"", host)) != std::string::npos;
    }));
  }
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 0);
  EXPECT_EQ(count(process.errors(), "findings cannot be written to standard output: No space left on device"),
            1u)
      << process.errors();
}

}  // namespace
}  // namespace hecate::testing
