// `hecate explain`: why an event did or did not match.
#include "tests/e2e/process.h"

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

class Explain : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.write("macros/m.yml", "name: tools\ndefinition: Image=*\\tool.exe OR Image=*\\kit.exe\n");
    folder_.write("d/d.yml",
                  "name: Tool Use\ntype: TTP\nsearch: |\n"
                  "  source=*Sysmon* EventID=11 `tools` NOT User=*SYSTEM\n"
                  "  | eval size=len(TargetFilename) | where size > 8 AND isnotnull(User)\n"
                  "  | stats count min(_time) as firstTime by host TargetFilename | where count > 1\n");
  }
  static std::string event(const std::string& image, const std::string& more) {
    return R"({"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":11,"Computer":"ws-1",)"
           R"("UtcTime":"2026-04-27 13:21:39.111","Image":")" +
           image + "\"" + more + "}\n";
  }
  Finished explain(const std::string& events, std::vector<std::string> more = {}) {
    std::vector<std::string> words{hecate_binary(), "explain", "tool use", "--detections", folder_ / "d"};
    if (!events.empty()) words.insert(words.end(), {"--event", "-"});
    words.insert(words.end(), more.begin(), more.end());
    return run(words, events);
  }
  static void expect_parts(const Finished& finished, const std::vector<std::string>& parts) {
    EXPECT_EQ(finished.exit_code, 0) << finished.errors;
    for (const std::string& part : parts)
      EXPECT_NE(finished.output.find(part), std::string::npos) << part << "\nin\n" << finished.output;
  }

  TemporaryFolder folder_;
};

constexpr const char* kCounted = R"(,"User":"A\\bob","TargetFilename":"C:\\longer\\b.txt")";

TEST_F(Explain, WithoutEventsItSaysHowTheSearchWorks) {
  expect_parts(explain(""), {"Tool Use (", "d.yml:4:3)",
                             "source=*Sysmon* EventID=11 Image=*\\tool.exe OR Image=*\\kit.exe",
                             "    | where count > 1", "state: one group for each host TargetFilename",
                             "closing: where count > 1", "literals: kit.exe | tool.exe",
                             "EventID=11  at 4:19", "Image=\"*\\\\tool.exe\"  from `tools` (", "m.yml:2)"});
}

TEST_F(Explain, AClauseThatDoesNotHoldIsNamedWithTheValueAndItsMacro) {
  expect_parts(
      explain(event(R"(C:\\x\\other.exe)", kCounted)),
      {"event 1 (2026-04-27T13:21:39.111Z, host ws-1", "does not match: the first clause does not hold",
       "prefilter: passed over without decoding", "yes    EventID=11    [EventID: 11]",
       "no      Image=\"*\\\\tool.exe\"    [Image: C:\\x\\other.exe]  from `tools` ("});
}

TEST_F(Explain, AnEventThatCountsSaysInWhichGroupAndWhatTheEndOfTheSearchWants) {
  expect_parts(explain(event(R"(C:\\x\\TOOL.exe)", kCounted)),
               {"counts, and by itself gives no row: `where count > 1` drops it",
                "prefilter: looked at, since it holds tool.exe", "sets size=15",
                "counted in the group of host=ws-1, TargetFilename=C:\\longer\\b.txt",
                "by itself it gives count=1, firstTime=1777296099.111", "no  count > 1    [count: 1]"});
}

TEST_F(Explain, ACommandThatDropsTheEventIsNamed) {
  expect_parts(explain(event(R"(C:\\x\\kit.exe)", R"(,"TargetFilename":"C:\\longer\\b.txt")")),
               {"does not match: `where size > 8 AND isnotnull(User)` drops it",
                "no    isnotnull(User)    [User: (null)]"});
  expect_parts(explain(event(R"(C:\\x\\kit.exe)", R"(,"User":"u")")), {"null    size > 8    [size: (null)]"});
}

TEST_F(Explain, OfManyEventsItCountsTheClausesAndShowsTheNearest) {
  std::string events;
  for (int i = 0; i < 50; ++i) events += event(R"(C:\\x\\other.exe)", kCounted);
  events += event(R"(C:\\x\\kit.exe)", kCounted);
  Finished finished = explain(events, {"--limit", "1"});
  expect_parts(finished, {"how many of 51 events each holds for", "        51    EventID=11",
                          "         1    OR", "the 1 events that come nearest", "event 51 ("});
  EXPECT_EQ(finished.output.find("event 1 ("), std::string::npos) << finished.output;
}

TEST_F(Explain, XmlAndClassicTextAreReadLikeJson) {
  std::string xml =
      "<Event><System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>11</EventID>"
      "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws-1</Computer></System><EventData>"
      "<Data Name='Image'>C:\\x\\kit.exe</Data><Data Name='User'>A\\bob</Data>"
      "<Data Name='TargetFilename'>C:\\longer\\b.txt</Data></EventData></Event>\n";
  expect_parts(explain(xml), {"counted in the group of host=ws-1, TargetFilename=C:\\longer\\b.txt"});
  std::string text =
      "04/27/2026 03:21:39 "
      "PM\nLogName=Microsoft-Windows-Sysmon/Operational\nSourceName=Microsoft-Windows-Sysmon\n"
      "EventCode=11\nComputerName=ws-1\nMessage=File created:\nUtcTime: 2026-04-27 13:21:39.111\n"
      "Image: C:\\x\\kit.exe\nTargetFilename: C:\\longer\\b.txt\nUser: A\\bob\n";
  expect_parts(explain(text + text), {"of 2 events each holds for", "event 2 (2026-04-27T13:21:39.111Z",
                                      "counted in the group of host=ws-1, TargetFilename=C:\\longer\\b.txt"});
}

TEST_F(Explain, AsJsonThereIsAnObjectForTheDetectionAndOneAnEvent) {
  Finished finished = explain(event(R"(C:\\x\\TOOL.exe)", kCounted), {"--json"});
  expect_parts(
      finished,
      {R"({"detection":"Tool Use","file":")", R"("literals":[["kit.exe","tool.exe"])",
       R"("events":1,"clauses":{)", R"({"detection":"Tool Use","event":1,"time":"2026-04-27T13:21:39.111Z")",
       R"("matches":false,"prefilter":{"passes":true,"literals":["tool.exe"]})",
       R"({"clause":"EventID=11","holds":true,"line":4,"column":19,"macros":"","fields":{"EventID":"11"}})",
       R"("groups":[{"by":{"host":"ws-1")", R"("rows":[])"});
}

TEST_F(Explain, ASearchGivenAsTextIsExplainedToo) {
  Finished finished =
      run({hecate_binary(), "explain", "--spl", "EventID=11 | stats count by Image", "--event", "-"},
          event("C:\\\\a.exe", ""));
  expect_parts(finished, {": matches", "  row\n", "Image: C:\\a.exe"});
}

TEST_F(Explain, AnUnknownNameIsToldWithTheNearest) {
  Finished finished = run({hecate_binary(), "explain", "Tool Usage", "--detections", folder_ / "d"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_NE(finished.errors.find("there is no detection `Tool Usage`: did you mean `Tool Use`?"),
            std::string::npos)
      << finished.errors;
  folder_.write("d/e.yml", "name: Bad\ntype: TTP\nsearch: x=1 | frobnicate\n");
  finished = run({hecate_binary(), "explain", "Bad", "--detections", folder_ / "d"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_NE(finished.errors.find("e.yml:3:15: Bad: \"frobnicate\""), std::string::npos) << finished.errors;
}

}  // namespace
}  // namespace hecate::testing
