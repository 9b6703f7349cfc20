// `hecate test`: tests of detections, in their files and beside them.
#include "tests/e2e/process.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

const std::string kDetection =
    "name: Writes\ntype: TTP\nsearch: source=*Sysmon* EventID=11 Image=*\\tool.exe | stats count by dest "
    "Image\n";

const std::string kXml =
    "<Event><System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>11</EventID>"
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws-1</Computer></System><EventData>"
    "<Data Name='Image'>C:\\x\\tool.exe</Data></EventData></Event>\n";

class DetectionTests : public ::testing::Test {
 protected:
  void SetUp() override { folder_.write("d/writes.yml", kDetection); }
  // `tests` in the file beside the detection.
  void beside(const std::string& tests) { folder_.write("d/writes.test.yml", "tests:\n" + tests); }
  Finished test(std::vector<std::string> more = {}) {
    std::vector<std::string> words{hecate_binary(), "test", folder_ / "d"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  static void expect(const Finished& finished, int exit_code, const std::vector<std::string>& parts) {
    EXPECT_EQ(finished.exit_code, exit_code) << finished.output << finished.errors;
    for (const std::string& part : parts)
      EXPECT_NE((finished.output + finished.errors).find(part), std::string::npos)
          << part << "\nin\n"
          << finished.output << finished.errors;
  }

  TemporaryFolder folder_;
};

TEST_F(DetectionTests, EventsAndTheRowsThatTheyGive) {
  beside(
      "- name: told once for each host\n  events:\n"
      "  - {EventID: 11, Computer: ws-1, Image: 'C:\\x\\tool.exe'}\n"
      "  - {EventID: 11, Computer: ws-1, Image: 'C:\\x\\TOOL.exe'}\n"
      "  - {EventID: 11, Computer: ws-2, Image: 'C:\\x\\tool.exe'}\n"
      "  rows:\n  - {dest: ws-2, count: 1}\n  - {dest: ws-1, Image: 'C:\\x\\tool.exe', user: null}\n"
      "  - {dest: ws-1, Image: 'C:\\x\\TOOL.exe'}\n"
      "- name: other programs\n  events:\n  - {EventID: 11, Image: 'C:\\x\\other.exe'}\n  rows: []\n"
      "- name: number of rows\n  events:\n  - '" +
      kXml.substr(0, kXml.size() - 1) + "'\n  rows: 1\n");
  // XML in single quotes of YAML doubles its own.
  std::string text = read_file(folder_ / "d/writes.test.yml");
  std::size_t at = text.find("<Event>");
  for (std::size_t i = at; i < text.rfind("</Event>"); ++i)
    if (text[i] == '\'') text.insert(i++, "'");
  folder_.write("d/writes.test.yml", text);
  expect(test(), 0,
         {"pass  Writes: told once for each host (", "writes.test.yml:2)", "pass  Writes: other programs",
          "3 passed, 0 failed, 0 errors, 0 skipped; 0 detections without tests"});
}

TEST_F(DetectionTests, ADifferenceIsShownRowByRow) {
  beside(
      "- name: wrong\n  events:\n  - {EventID: 11, Computer: ws-1, Image: 'C:\\x\\tool.exe'}\n"
      "  - {EventID: 11, Computer: ws-2, Image: 'C:\\x\\tool.exe'}\n"
      "  rows:\n  - {dest: ws-1, count: 2}\n");
  expect(
      test(), 1,
      {"FAIL  Writes: wrong (", "expected 1 rows, found 2",
       "  row 1 of those expected differs from row 1 of those found:", "-   count: 2", "+   count: 1",
       "    dest: ws-1", "+ row 2 of those found was not expected:", "+   dest: ws-2", "0 passed, 1 failed"});
}

TEST_F(DetectionTests, NoRowIsToldWithWhatTheNearestEventLacks) {
  beside("- name: nothing\n  events:\n  - {EventID: 11, Image: 'C:\\x\\tool.dll'}\n");
  expect(test(), 1,
         {"expected one row or more, found none", "of 1 events, 1 comes nearest: it does not match",
          "does not hold: Image=\"*\\\\tool.exe\"  [Image: C:\\x\\tool.dll]"});
}

TEST_F(DetectionTests, OrderCountsWhereItIsAsked) {
  std::string tests =
      "- name: order\n  ordered: true\n  events:\n  - {EventID: 11, Computer: a, Image: 'C:\\x\\tool.exe'}\n"
      "  - {EventID: 11, Computer: b, Image: 'C:\\x\\tool.exe'}\n";
  beside(tests + "  rows: [{dest: a}, {dest: b}]\n");
  expect(test(), 0, {});
  beside(tests + "  rows: [{dest: b}, {dest: a}]\n");
  expect(test(), 1, {"-   dest: b", "+   dest: a"});
}

TEST_F(DetectionTests, TheTimeOfEventsAndTheWindowCanBeSaid) {
  folder_.write("d/writes.yml",
                "name: Writes\ntype: TTP\nsearch: EventID=11 | stats min(_time) as t by dest | addinfo | "
                "eval age=info_max_time-t, late=now()-info_max_time\n");
  beside(
      "- name: time\n  window: {earliest: 2026-04-27T13:00:00Z, latest: 2026-04-27T14:00:00Z, now: "
      "1777298460}\n"
      "  events:\n  - {_time: 2026-04-27T13:59:00Z, EventID: 11, Computer: a}\n"
      "  rows: [{age: 60, late: 60}]\n");
  expect(test(), 0, {});
}

TEST_F(DetectionTests, AttackDataIsFoundInAFolderOrSkipped) {
  folder_.write("d/writes.yml",
                kDetection +
                    "tests:\n- name: True Positive Test\n  attack_data:\n  - data: "
                    "https://media.example.org/media/splunk/attack_data/master/datasets/T1/tool/sysmon.log\n"
                    "    source: XmlWinEventLog:Microsoft-Windows-Sysmon/Operational\n    sourcetype: "
                    "xmlwineventlog\n");
  expect(test(), 0,
         {"skip  Writes: True Positive Test", "--attack-data names a folder with a copy", "1 skipped"});
  expect(test({"--attack-data", folder_ / "data"}), 1,
         {"ERROR Writes: True Positive Test", "there is no https://"});
  expect(test({"--attack-data", folder_ / "data", "--allow-missing"}), 0, {"1 skipped"});
  folder_.write("data/sysmon.log", kXml);
  expect(test({"--attack-data", folder_ / "data"}), 1, {"there is no https://"});
  folder_.write("data/datasets/T1/tool/sysmon.log", kXml);
  expect(test({"--attack-data", folder_ / "data"}), 0, {"pass  Writes: True Positive Test"});
  expect(test({"--attack-data", folder_ / "data/datasets"}), 0, {"1 passed"});
  folder_.write("data/datasets/T1/tool/sysmon.log", "version https://git-lfs.github.com/spec/v1\noid x\n");
  expect(test({"--attack-data", folder_ / "data"}), 1, {"is a pointer of Git LFS"});
}

TEST_F(DetectionTests, ALocalPathIsBesideTheFile) {
  folder_.write("d/writes.yml", kDetection + "tests:\n- {name: t, attack_data: [{data: data/e.xml}]}\n");
  folder_.write("d/data/e.xml", kXml);
  expect(test(), 0, {"pass  Writes: t"});
  std::filesystem::remove(folder_ / "d/data/e.xml");
  expect(test(), 1, {"ERROR Writes: t", "there is no data/e.xml"});
}

TEST_F(DetectionTests, WhatIsWrongWithATestHasItsPlace) {
  beside(
      "- name: slip\n  event: []\n  events: []\n- name: empty\n- name: time\n  events:\n  - {_time: soon}\n");
  expect(test(), 1,
         {"writes.test.yml:3:10: `tests.event` is nothing that a test says", "`tests.events` is missing",
          "`soon` is no time", "3 errors"});
}

TEST_F(DetectionTests, ADetectionThatDoesNotLoadIsAnErrorAndNoTestsAtAllAreToo) {
  expect(test(), 2, {"none  Writes: has no tests", "there are no tests in these paths"});
  folder_.write("d/bad.yml", "name: Bad\ntype: TTP\nsearch: x | frobnicate\n");
  expect(test(), 1, {"ERROR Bad: loads (", "bad.yml:3:13: Bad: \"frobnicate\""});
}

TEST_F(DetectionTests, TheJUnitReportHasASuiteForEachDetection) {
  beside(
      "- name: finds <it>\n  events:\n  - {EventID: 11, Computer: a, Image: 'C:\\x\\tool.exe'}\n"
      "- name: wrong\n  events:\n  - {EventID: 11, Image: 'C:\\x\\t.exe'}\n  rows: 2\n");
  expect(test({"--junit", folder_ / "report.xml", "--quiet"}), 1, {"FAIL  Writes: wrong"});
  std::string report = read_file(folder_ / "report.xml");
  for (const char* part :
       {"<testsuites name=\"hecate\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"",
        "<testsuite name=\"Writes\" tests=\"2\"",
        "<testcase classname=\"Writes\" name=\"finds &lt;it&gt;\" file=\"",
        "<failure message=\"expected 2 rows, found 0\">expected 2 rows, found 0\n"})
    EXPECT_NE(report.find(part), std::string::npos) << part << "\nin\n" << report;
  expect(test({"--junit", "/nonexist/report.xml"}), 2, {"/nonexist/report.xml could not be written"});
}

}  // namespace
}  // namespace hecate::testing
