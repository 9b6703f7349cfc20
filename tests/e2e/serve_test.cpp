// `hecate serve` as senders, the SIEM and the operator meet it: the real binary, HEC in, HEC out.
#include "pipeline/base/clock.h"
#include "tests/e2e/process.h"
#include "tests/support/hec_double.h"

#include <csignal>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <sys/stat.h>

namespace hecate::testing {
namespace {

constexpr std::string_view kToken = "11111111-2222-4333-8444-555555555555";

// A configuration on loopback; `more` is appended.
std::string configuration(const std::string& more) {
  return fmt::format(R"(
inputs:
  hec:
    listen: 127.0.0.1:0
    tokens: [{{name: test, token: {}}}]
admin: {{listen: "127.0.0.1:0"}}
state: {{path: "@STATE@"}}
{})",
                     kToken, more);
}

std::string first_match_to(const std::string& url) {
  return configuration(fmt::format(R"(
detections: {{defaults: {{emit: first_match}}}}
outputs: {{hec: {{url: "{}", token: out, index: notable}}}}
)",
                                   url));
}

// A file-created event of MsMpEng, now.
std::string event(std::string_view target, std::string_view image = "C:\\\\Defender\\\\MsMpEng.exe") {
  Time now = SystemClock().now();
  std::string utc = format_iso(now).substr(0, 23);
  utc[10] = ' ';
  return fmt::format(
      R"({{"time":{},"source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational","event":{{"EventID":11,)"
      R"("SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"ws-1",)"
      R"("UtcTime":"{}","CreationUtcTime":"{}","ProcessGuid":"{{2b1f0a6e}}","ProcessId":"7","User":"NT AUTHORITY\\SYSTEM",)"
      R"("UserID":"S-1-5-18","Image":"{}","TargetFilename":"{}"}}}})",
      format_epoch(now), utc, utc, image, target);
}

std::string planted(int number) {
  return event(fmt::format("C:\\\\Windows\\\\System32\\\\drivers\\\\d{}.sys", number));
}

HttpReply post(const Serving& hecate, const std::string& body) {
  return http(hecate.hec_port(), "POST", "/services/collector/event",
              {{"Authorization", fmt::format("Splunk {}", kToken)}}, body);
}

std::string findings(const Serving& hecate) {
  return http(hecate.admin_port(), "GET", "/api/findings").body;
}

std::size_t count_findings(const Serving& hecate) {
  simdjson::dom::parser parser;
  simdjson::dom::array list;
  return parser.parse(findings(hecate)).get(list) == simdjson::SUCCESS ? list.size() : 0;
}

TEST(Serve, AnEventGoesInAndItsFindingIsPostedThroughABusyEndpoint) {
  HecDouble siem;
  siem.answer([](const HecDouble::Request&, std::size_t number) {
    return number < 2 ? HecDouble::busy() : HecDouble::success();
  });
  Serving hecate(first_match_to(siem.url()));
  std::string body = event("C:\\\\Users\\\\a.txt") + planted(1) +
                     event("C:\\\\Windows\\\\System32\\\\x.sys", "C:\\\\NotMsMpEng.exe");
  HttpReply reply = post(hecate, body);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"text":"Success","code":0})");

  ASSERT_TRUE(eventually([&] { return siem.accepted().size() == 1; }));
  EXPECT_EQ(siem.requests()[0].authorization, "Splunk out");
  simdjson::dom::parser parser;
  simdjson::dom::element envelope = parser.parse(siem.accepted()[0]);
  EXPECT_EQ(std::string_view(envelope["sourcetype"]), "stash");
  EXPECT_EQ(std::string_view(envelope["index"]), "notable");
  EXPECT_EQ(std::string_view(envelope["source"]), "ESCU - Windows MsMpEng Writing to System32 - Rule");
  std::string text{std::string_view(envelope["event"])};
  for (
      std::string_view part :
      {R"(search_name="ESCU - Windows MsMpEng Writing to System32 - Rule")", R"(dest="ws-1")",
       R"(user="SYSTEM")", R"(TargetFilename="C:\\Windows\\System32\\drivers\\d1.sys")",
       R"(rule_title="Windows MsMpEng Writing to System32")", R"(risk_object="ws-1")", R"(risk_score="50")",
       R"(severity="medium")",
       R"(risk_message="C:\\Defender\\MsMpEng.exe wrote a File or an Alternate Data Stream C:\\Windows\\System32\\drivers\\d1.sys on ws-1.")"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;

  EXPECT_EQ(hecate.metric(R"(hecate_events_received_total{input="hec"})"), 3);
  EXPECT_EQ(hecate.metric(R"(hecate_events_evaluated_total{input="hec"})"), 3);
  EXPECT_EQ(hecate.metric(R"(hecate_matches_total{detection="Windows MsMpEng Writing to System32"})"), 1);
  EXPECT_EQ(hecate.metric(R"(hecate_findings_total{detection="Windows MsMpEng Writing to System32"})"), 1);
  hecate.stop();
}

TEST(Serve, ARequestCutOffInItsLastEventIsToldWhichAndThoseBeforeCount) {
  HecDouble siem;
  Serving hecate(first_match_to(siem.url()));
  std::string body = planted(1) + planted(2) + planted(3);
  HttpReply reply = post(hecate, body.substr(0, body.size() - 20));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body, R"({"text":"Invalid data format","code":6,"invalid-event-number":2})");
  ASSERT_TRUE(eventually([&] { return siem.accepted().size() == 2; }));
  EXPECT_EQ(hecate.metric(R"(hecate_events_received_total{input="hec"})"), 3);
  EXPECT_EQ(hecate.metric(R"(hecate_events_evaluated_total{input="hec"})"), 2);
}

TEST(Serve, WithoutAnOutputFindingsAreListedAndPrinted) {
  Serving hecate(configuration("detections: {defaults: {emit: first_match}}"));
  EXPECT_EQ(post(hecate, planted(1)).status, 200);
  ASSERT_TRUE(eventually([&] { return count_findings(hecate) == 1; }));
  ASSERT_TRUE(eventually([&] { return hecate.process().output().find("d1.sys") != std::string::npos; }));
  EXPECT_EQ(post(hecate, planted(2)).status, 200);
  ASSERT_TRUE(eventually([&] { return count_findings(hecate) == 2; }));
  // Newest first; limit and since.
  EXPECT_LT(findings(hecate).find("d2.sys"), findings(hecate).find("d1.sys"));
  std::string one = http(hecate.admin_port(), "GET", "/api/findings?limit=1").body;
  EXPECT_EQ(one.find("d1.sys"), std::string::npos) << one;
  EXPECT_EQ(http(hecate.admin_port(), "GET", "/api/findings?since=2999-01-01T00:00:00Z").body, "[]\n");
  EXPECT_EQ(http(hecate.admin_port(), "GET", "/api/findings?since=yesterday").status, 400);
  EXPECT_EQ(http(hecate.admin_port(), "GET", "/api/findings?limit=0").status, 400);
}

TEST(Serve, WhatWasAnsweredIsThereAfterARestartAndToldOnce) {
  Serving hecate(configuration("detections: {defaults: {emit: first_match}}"));
  EXPECT_EQ(post(hecate, planted(1)).status, 200);
  ASSERT_TRUE(eventually([&] { return count_findings(hecate) == 1; }));
  hecate.process().signal(SIGKILL);
  EXPECT_EQ(hecate.process().wait(), 128 + SIGKILL);
  hecate.restart();
  EXPECT_EQ(count_findings(hecate), 1u);
  EXPECT_EQ(post(hecate, planted(1)).status, 200);
  EXPECT_EQ(post(hecate, planted(2)).status, 200);
  ASSERT_TRUE(eventually([&] { return count_findings(hecate) == 2; }));
}

TEST(Serve, HangupReloadsAndKeepsTheOldDetectionsWhenTheNewDoNotLoad) {
  TemporaryFolder content;
  auto detection = [](std::string_view search) {
    return fmt::format("name: Site Detection\ntype: TTP\nsearch: '{}'\ndeployment: {{scheduling: {{}}}}\n",
                       search);
  };
  content.write("site.yml", detection("EventID=11 TargetFilename=*one* | stats count by TargetFilename"));
  Serving hecate(configuration(
      fmt::format("detections: {{paths: [\"{}\"], defaults: {{emit: first_match}}}}", content.path())));
  auto matches = [&] { return hecate.metric(R"(hecate_matches_total{detection="Site Detection"})"); };
  EXPECT_EQ(post(hecate, event("one") + event("two")).status, 200);
  EXPECT_EQ(matches(), 1);

  content.write("site.yml", detection("EventID=11 | frobnicate"));
  hecate.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return hecate.process().errors().find("frobnicate") != std::string::npos; }));
  EXPECT_EQ(post(hecate, event("one")).status, 200);
  EXPECT_EQ(matches(), 2);

  content.write("site.yml", detection("EventID=11 TargetFilename=*two* | stats count by TargetFilename"));
  hecate.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return hecate.process().errors().find("reloaded") != std::string::npos; }));
  EXPECT_EQ(post(hecate, event("one") + event("two") + event("two")).status, 200);
  // The old search finishes its windows beside the new one: `one` counts for it, `two` for the new.
  EXPECT_EQ(matches(), 5);
  hecate.stop();
}

TEST(Serve, TermAnswersWhatIsInFlightAndStopsWithZero) {
  Serving hecate(configuration(""));
  EXPECT_EQ(post(hecate, planted(1)).status, 200);
  hecate.process().signal(SIGTERM);
  EXPECT_EQ(hecate.process().wait(), 0) << hecate.process().errors();
  EXPECT_NE(hecate.process().errors().find("stopped"), std::string::npos);
}

TEST(Serve, WithoutConfiguredTokensItMakesOneKeepsItAndPrintsIt) {
  Serving hecate(
      "inputs: {hec: {listen: \"127.0.0.1:0\"}}\nadmin: {listen: \"127.0.0.1:0\"}\nstate: {path: "
      "\"@STATE@\"}\n");
  std::string token = read_file(hecate.folder() / "state/hec-token");
  ASSERT_EQ(token.size(), 37u);
  token.pop_back();
  EXPECT_NE(hecate.process().errors().find(token), std::string::npos);
  struct stat state {};
  ASSERT_EQ(::stat((hecate.folder() / "state").c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777, 0700u);
  EXPECT_EQ(http(hecate.hec_port(), "POST", "/services/collector", {{"Authorization", "Splunk " + token}},
                 planted(1))
                .status,
            200);
  struct stat file {};
  ASSERT_EQ(::stat((hecate.folder() / "state/hec-token").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  hecate.stop();
  hecate.restart();
  EXPECT_EQ(read_file(hecate.folder() / "state/hec-token"), token + "\n");
  EXPECT_EQ(hecate.process().errors().find(token), std::string::npos) << "printed once, when it is made";
}

// Each case has its own state folder and loopback ports, so that one that does start harms nobody.
TEST(Serve, RefusesToStartWithAReasonAnOperatorCanUse) {
  struct Case {
    std::string yaml, expected;
  };
  TemporaryFolder folder;
  std::string confined =
      fmt::format("state: {{path: \"{}\"}}\nadmin: {{listen: \"127.0.0.1:0\"}}\n", folder / "state");
  std::string loopback = "inputs: {hec: {listen: \"127.0.0.1:0\"}}\n";
  for (const Case& each : {Case{loopback + "outptus: {}", "outputs"},
                           Case{loopback + "log: {level: \"${HECATE_NOT_SET}\"}", "HECATE_NOT_SET"},
                           Case{loopback + "detections: {paths: [/no/such/folder]}", "/no/such/folder"},
                           Case{"inputs: {hec: {listen: \"127.0.0.1:99999\"}}", "listen"}}) {
    folder.write("hecate.yaml", confined + each.yaml);
    Finished finished = run({hecate_binary(), "serve", "--config", folder / "hecate.yaml"});
    EXPECT_EQ(finished.exit_code, 2) << each.yaml;
    EXPECT_NE(finished.errors.find(each.expected), std::string::npos) << finished.errors;
  }
}

// A folder opens and reads nothing; hecate once ran on its defaults then, open to the network.
TEST(Serve, AFolderIsNoConfiguration) {
  TemporaryFolder folder;
  Process process({hecate_binary(), "serve", "--config", folder.path()});
  EXPECT_EQ(process.wait(), 2) << process.errors();
  EXPECT_NE(process.errors().find("cannot be read"), std::string::npos) << process.errors();
}

TEST(Serve, ASecondOneOnTheSameStateIsRefused) {
  Serving hecate(configuration(""));
  Finished second = run({hecate_binary(), "serve", "--config", hecate.folder() / "hecate.yaml"});
  EXPECT_EQ(second.exit_code, 2);
  EXPECT_NE(second.errors.find("another"), std::string::npos) << second.errors;
}

TEST(Serve, PrometheusAcceptsItsMetrics) {
  if (run({"sh", "-c", "command -v promtool"}).exit_code != 0) GTEST_SKIP() << "promtool is not here";
  Serving hecate(configuration("detections: {defaults: {emit: first_match}}"));
  EXPECT_EQ(post(hecate, planted(1)).status, 200);
  ASSERT_TRUE(eventually([&] { return count_findings(hecate) == 1; }));
  Finished checked = run({"promtool", "check", "metrics"}, http(hecate.admin_port(), "GET", "/metrics").body);
  EXPECT_EQ(checked.exit_code, 0) << checked.output << checked.errors;
  EXPECT_EQ(checked.output + checked.errors, "");
}

TEST(Send, PostsAFileAndMovesItsTimesToThePresent) {
  HecDouble endpoint;
  TemporaryFolder folder;
  folder.write(
      "events.ndjson",
      R"({"EventID":11,"Channel":"Microsoft-Windows-Sysmon/Operational","UtcTime":"2021-06-12 01:07:15.633","Image":"a"})"
      "\n"
      R"({"EventID":11,"Channel":"Microsoft-Windows-Sysmon/Operational","UtcTime":"2021-06-12 01:07:25.633","Image":"b"})"
      "\n");
  Finished sent = run(
      {hecate_binary(), "send", folder / "events.ndjson", "--url", endpoint.url(), "--token", "t", "--now"});
  ASSERT_EQ(sent.exit_code, 0) << sent.errors;
  EXPECT_NE(sent.output.find("2 events in 1 requests"), std::string::npos) << sent.output;
  ASSERT_EQ(endpoint.requests().size(), 1u);
  simdjson::dom::parser parser;
  std::vector<std::string> times;
  std::string body = endpoint.requests()[0].body;
  for (std::size_t begin = 0, end = 0; begin < body.size(); begin = end) {
    end = body.find("}}", begin) + 2;
    simdjson::dom::element envelope = parser.parse(body.substr(begin, end - begin));
    double time = envelope["time"];
    EXPECT_LT(std::abs(static_cast<double>(SystemClock().now()) / 1e6 - time), 120);
    auto utc = parse_timestamp(std::string_view(envelope["event"]["UtcTime"]));
    ASSERT_TRUE(utc.has_value());
    EXPECT_NEAR(static_cast<double>(*utc) / 1e6, time, 0.002);
    times.push_back(format_iso(*utc));
  }
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(*parse_timestamp(times[1]) - *parse_timestamp(times[0]), 10 * kSecond);
}

TEST(Send, SaysWhatAnEndpointRefusedAndThatNobodyAnswers) {
  HecDouble endpoint;
  endpoint.answer([](const HecDouble::Request&, std::size_t) {
    return HecDouble::reply(403, R"({"text":"Invalid token","code":4})");
  });
  TemporaryFolder folder;
  folder.write("events.ndjson", R"({"EventID":11})"
                                "\n");
  Finished refused =
      run({hecate_binary(), "send", folder / "events.ndjson", "--url", endpoint.url(), "--token", "t"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.errors.find("403 code 4: Invalid token"), std::string::npos) << refused.errors;
  Finished nobody =
      run({hecate_binary(), "send", folder / "events.ndjson", "--url", "http://127.0.0.1:1", "--token", "t"});
  EXPECT_EQ(nobody.exit_code, 1);
  EXPECT_NE(nobody.errors.find("127.0.0.1:1"), std::string::npos) << nobody.errors;
}

TEST(Quickstart, RunsOnceFromBuildToFinding) {
  if (!hecate_binary().ends_with("build/release/hecate"))
    GTEST_SKIP() << "only the release preset is what it builds";
  Finished quickstart = run({"bash", HECATE_SOURCE_DIR "/deploy/quickstart.sh", "--once"});
  EXPECT_EQ(quickstart.exit_code, 0) << quickstart.output << quickstart.errors;
  EXPECT_NE(quickstart.output.find("what it found (2)"), std::string::npos) << quickstart.output;
}

}  // namespace
}  // namespace hecate::testing
