// The commands as someone meets them who makes mistakes, or whose machine does.
#include "tests/e2e/process.h"
#include "tests/support/certificate.h"
#include "tests/support/hec_double.h"

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

// One event of Sysmon's 11, at `epoch`.
std::string event(std::int64_t epoch) {
  return R"({"time":)" + std::to_string(epoch) +
         R"(,"host":"ws-1","source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational",)"
         R"("event":{"EventID":11,"Image":"C:\\a.exe","TargetFilename":"C:\\b.txt"}})"
         "\n";
}

constexpr std::int64_t kEpoch = 1'777'296'099;  // 2026-04-27T13:21:39Z
constexpr std::int64_t kDaySeconds = 86'400;

std::string detection(const std::string& name, const std::string& search, const std::string& more = "") {
  return "name: " + name + "\ntype: TTP\nsearch: '" + search +
         "'\ndeployment: {scheduling: {cron_schedule: '*/10 * * * *', earliest_time: -70m@m, latest_time: "
         "-10m@m}, alert_action: {notable: {}, rba: {enabled: true}}}\n" +
         more;
}

// The command, with its standard output sent to where nothing can be written.
Finished run_on_a_full_disk(std::vector<std::string> arguments, const std::string& input = "") {
  std::vector<std::string> words{"sh", "-c", "exec \"$0\" \"$@\" > /dev/full", hecate_binary()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run(words, input);
}

class Replayed : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.write("scratch/.keep", "");
    std::filesystem::remove(folder_ / "scratch/.keep");
  }
  [[nodiscard]] std::vector<std::string> words() const {
    return {"env",
            "TMPDIR=" + (folder_ / "scratch"),
            hecate_binary(),
            "replay",
            "--detections",
            detection_,
            folder_ / "events.json"};
  }
  void have(const std::string& detection, const std::string& events) {
    folder_.write("d/d.yml", detection);
    folder_.write("events.json", events);
    detection_ = folder_ / "d";
  }
  [[nodiscard]] bool scratch_is_empty() const { return std::filesystem::is_empty(folder_ / "scratch"); }

  TemporaryFolder folder_;
  std::string detection_;
};

TEST_F(Replayed, YearsBetweenTwoEventsArePassedOver) {
  have(detection("D", "source=*Sysmon* | stats count by host"),
       event(kEpoch) + event(kEpoch + 5 * 365 * kDaySeconds));
  Finished replay = run(words());
  ASSERT_EQ(replay.exit_code, 0) << replay.errors;
  // 60 minutes in steps of 10: each event lies in six windows.
  EXPECT_NE(
      replay.errors.find("[2026-04-27T12:30:00.000Z, 2026-04-27T13:30:00.000Z)  D: 1 finding, 0 risk events"),
      std::string::npos)
      << replay.errors;
  EXPECT_NE(replay.errors.find("[2031-04-26T"), std::string::npos) << replay.errors;
  EXPECT_NE(replay.errors.find("12 findings, 0 risk events, in 12 windows"), std::string::npos)
      << replay.errors;
  EXPECT_TRUE(scratch_is_empty());
}

TEST_F(Replayed, AnEmptyWindowIsToldWhereTheSearchTellsOfIt) {
  have(detection("D", "source=*Sysmon* | stats count | where count=0"), event(kEpoch) + event(kEpoch + 7200));
  Finished replay = run(words());
  ASSERT_EQ(replay.exit_code, 0) << replay.errors;
  // From 13:21 on: runs of 13:30 (window to 13:20) and those between the two events' windows are empty.
  EXPECT_NE(replay.errors.find("[2026-04-27T12:20:00.000Z, 2026-04-27T13:20:00.000Z)  D: 1 finding"),
            std::string::npos)
      << replay.errors;
  EXPECT_NE(replay.errors.find("[2026-04-27T13:30:00.000Z, 2026-04-27T14:30:00.000Z)  D: 1 finding"),
            std::string::npos)
      << replay.errors;
  EXPECT_EQ(replay.errors.find("[2026-04-27T12:30:00.000Z"), std::string::npos) << replay.errors;
}

TEST_F(Replayed, RiskEventsAreCounted) {
  have(
      detection("D", "source=*Sysmon* | stats count by host TargetFilename",
                "finding: {title: t, entity: {field: host, type: system, score: 10}}\n"
                "intermediate_findings: {entities: [{field: TargetFilename, type: other, score: 10, message: "
                "m}]}\n"),
      event(kEpoch));
  Finished replay = run(words());
  ASSERT_EQ(replay.exit_code, 0) << replay.errors;
  EXPECT_NE(replay.errors.find("D: 1 finding, 2 risk events"), std::string::npos) << replay.errors;
  EXPECT_NE(replay.errors.find("6 findings, 12 risk events, in 6 windows"), std::string::npos)
      << replay.errors;
}

TEST_F(Replayed, ASignalEndsItAndItsFolderGoes) {
  have(detection("D", "source=*Sysmon* | stats count"),
       event(kEpoch) + event(kEpoch + 40 * 365 * kDaySeconds));
  Process replay(words());
  ASSERT_TRUE(eventually([&] { return replay.errors().find("D: 1 finding") != std::string::npos; }))
      << replay.errors();
  EXPECT_FALSE(scratch_is_empty());
  replay.signal(SIGTERM);
  EXPECT_EQ(replay.wait(), 128 + SIGTERM) << replay.errors();
  EXPECT_TRUE(scratch_is_empty());
  EXPECT_NE(replay.errors().find("stopped before the end"), std::string::npos);
}

TEST_F(Replayed, AFolderThatIsNotThereAndADiskThatIsFullAreToldInWords) {
  have(detection("D", "source=*Sysmon* | stats count by host"), event(kEpoch));
  Finished nowhere = run({"env", "TMPDIR=/nonexist", hecate_binary(), "replay", "--detections", detection_,
                          folder_ / "events.json"});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_NE(nowhere.errors.find("could be made in /nonexist: No such file or directory; let TMPDIR name"),
            std::string::npos)
      << nowhere.errors;
  Finished full = run_on_a_full_disk({"replay", "--detections", detection_, folder_ / "events.json"});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_NE(full.errors.find("standard output could not be written: No space left on device"),
            std::string::npos)
      << full.errors;
  EXPECT_EQ(full.errors.find("error of the program"), std::string::npos) << full.errors;
}

TEST(Commands, WhatCannotBePrintedIsAnErrorOfEveryCommand) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += event(kEpoch + i);
  for (const auto& words : std::vector<std::vector<std::string>>{{"check"},
                                                                 {"config-reference"},
                                                                 {"spl-reference"},
                                                                 {"--version"},
                                                                 {"search", "--spl", "* | table *", "-"}}) {
    Finished full = run_on_a_full_disk(words, many);
    EXPECT_EQ(full.exit_code, 1) << words[0];
    EXPECT_NE(full.errors.find("hecate: standard output could not be written: "), std::string::npos)
        << words[0] << ": " << full.errors;
  }
}

TEST(Commands, AMisspeltOneIsNamedWithTheNearest) {
  Finished wrong = run({hecate_binary(), "sevre"});
  EXPECT_NE(wrong.exit_code, 0);
  EXPECT_NE(wrong.errors.find("there is no command `sevre`"), std::string::npos) << wrong.errors;
  EXPECT_NE(wrong.errors.find("did you mean `serve`?"), std::string::npos) << wrong.errors;
  wrong = run({hecate_binary(), "state", "shwo", "--path", "/nowhere"});
  EXPECT_NE(wrong.exit_code, 0);
  EXPECT_NE(wrong.errors.find("did you mean `show`?"), std::string::npos) << wrong.errors;
}

TEST(Commands, AListOptionTakesOneValueAtATime) {
  TemporaryFolder folder;
  folder.write("d/d.yml", detection("Mine", "`ours` | stats count by host"));
  folder.write("m/m.yml", "name: ours\ndefinition: source=*Sysmon*\n");
  folder.write("n/n.yml", "name: theirs\ndefinition: source=*Sysmon*\n");
  Finished check =
      run({hecate_binary(), "check", "--macros", folder / "n", "--macros", folder / "m", folder / "d"});
  EXPECT_EQ(check.exit_code, 0) << check.errors;
  EXPECT_NE(check.output.find("ok Mine ("), std::string::npos) << check.output;
  Finished search =
      run({hecate_binary(), "search", "--macros", folder / "m", "--detections", folder / "d", "-"},
          event(kEpoch));
  EXPECT_EQ(search.exit_code, 0) << search.errors;
  EXPECT_NE(search.output.find("Mine"), std::string::npos) << search.output;
  Finished both = run({hecate_binary(), "search", "--spl", "x=1", "--detections", folder / "d", "-"});
  EXPECT_NE(both.exit_code, 0);
  EXPECT_NE(both.errors.find("--detections excludes --spl"), std::string::npos) << both.errors;
}

TEST(Commands, SendRefusesARateBelowNothingAndTellsWhatItSentWhenStopped) {
  TemporaryFolder folder;
  folder.write("events.json", event(kEpoch) + event(kEpoch));
  std::vector<std::string> words{
      hecate_binary(), "send", folder / "events.json", "--token", "t", "--url", "http://127.0.0.1:1",
      "--rate",        "-5"};
  Finished refused = run(words);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.errors.find("--rate"), std::string::npos) << refused.errors;

  HecDouble endpoint;
  words = {hecate_binary(), "send",   folder / "events.json",
           "--token",       "t",      "--url",
           endpoint.url(),  "--rate", "1",
           "--batch",       "1",      "--repeat",
           "100000"};
  Process send(words);
  ASSERT_TRUE(eventually([&] { return !endpoint.requests().empty(); })) << send.errors();
  send.signal(SIGINT);
  EXPECT_EQ(send.wait(), 128 + SIGINT) << send.errors();
  EXPECT_NE(send.output().find(" events in "), std::string::npos) << send.output();
}

TEST(Commands, CheckTellsHowEachDetectionRunsAndWhyOneDoesNot) {
  TemporaryFolder folder;
  folder.write("d/a.yml", detection("Rows", "x=1 | stats count by dest"));
  folder.write(
      "d/b.yml",
      "name: Whole\ntype: Hunting\nstatus: experimental\nsearch: x=1 | stats count by dest | head 1\n");
  folder.write("d/c.yml", "name: Base\ntype: Baseline\nsearch: '| outputlookup x'\n");
  Finished check = run({hecate_binary(), "check", folder / "d"});
  EXPECT_EQ(check.exit_code, 0) << check.errors;
  for (const char* line :
       {"ok Rows (", "     schedule: */10 * * * *, from -70m@m to -10m@m\n",
        "     emit: schedule; first_match is possible\n", "     actions: finding, risk\n", "off Whole (",
        "     off: its status is experimental;", "first_match is not possible\n", "     actions: none",
        "skipped Base (", "1 ok, 1 off, 1 skipped, 0 refused\n"})
    EXPECT_NE(check.output.find(line), std::string::npos) << line << " in\n" << check.output;
  Finished json = run({hecate_binary(), "check", "--json", folder / "d"});
  for (const char* part : {R"("schedule":{"cron":"*/10 * * * *","earliest":"-70m@m","latest":"-10m@m"})",
                           R"("emit":"schedule")", R"("actions":["finding","risk"])", R"("first_match":true)",
                           R"("off":"its status is experimental)", R"("off":"a Baseline prepares)"})
    EXPECT_NE(json.output.find(part), std::string::npos) << part << " in\n" << json.output;

  folder.write("hecate.yaml",
               "detections: {paths: [d], overrides: {Rows: {disabled: true}, Whole: {disabled: false}}}\n");
  Finished configured = run({hecate_binary(), "check", "--config", folder / "hecate.yaml"});
  EXPECT_EQ(configured.exit_code, 0) << configured.errors;
  EXPECT_NE(configured.output.find("off: an override in the configuration disables it"), std::string::npos)
      << configured.output;
  EXPECT_NE(configured.output.find("ok Whole ("), std::string::npos) << configured.output;
}

TEST(Commands, CheckLooksAtTheCertificates) {
  TemporaryFolder folder;
  make_certificate(folder / "cert.pem", folder / "key.pem");
  make_certificate(folder / "old.pem", folder / "old-key.pem", "DNS:localhost", -1);
  folder.write("text.pem", "no certificate");
  auto checked = [&](const std::string& files, const std::string& more = "") {
    folder.write("hecate.yaml", "inputs: {hec: {tls: {" + files + "}}}\n" + more);
    return run({hecate_binary(), "check", "--config", folder / "hecate.yaml"});
  };
  Finished good = checked("cert_file: cert.pem, key_file: key.pem");
  EXPECT_EQ(good.exit_code, 0) << good.errors;
  struct Case {
    const char* files;
    std::vector<std::string> told;
  };
  for (const Case& each :
       {Case{"cert_file: gone.pem, key_file: key.pem", {"inputs.hec.tls.cert_file: ", "No such file"}},
        Case{"cert_file: text.pem, key_file: key.pem",
             {"inputs.hec.tls.cert_file: ", "no certificate in PEM form"}},
        Case{"cert_file: cert.pem, key_file: old-key.pem", {"inputs.hec.tls.key_file: ", "does not belong"}},
        Case{"cert_file: cert.pem, key_file: key.pem, client_ca_file: text.pem",
             {"inputs.hec.tls.client_ca_file: "}},
        Case{"cert_file: old.pem, key_file: old-key.pem",
             {"inputs.hec.tls.cert_file: ", "old.pem expired at ", "put a renewed one in its place"}}}) {
    Finished wrong = checked(each.files);
    EXPECT_EQ(wrong.exit_code, 1) << each.files;
    for (const std::string& part : each.told)
      EXPECT_NE(wrong.errors.find(part), std::string::npos) << part << " in\n" << wrong.errors;
    EXPECT_NE(wrong.output.find(" 0 refused"), std::string::npos)
        << "the detections are checked all the same";
  }
  // All that is wrong is told at once.
  Finished three = checked("cert_file: gone.pem, key_file: key.pem",
                           "outputs: {hec: {url: \"https://siem:8088\", token: t, ca_file: text.pem}}\n");
  EXPECT_NE(three.errors.find("inputs.hec.tls.cert_file: "), std::string::npos) << three.errors;
  EXPECT_NE(three.errors.find("outputs.hec.ca_file: "), std::string::npos) << three.errors;
  folder.write(
      "syslog.yaml",
      "inputs: {syslog: [{protocol: tcp}, {protocol: tls, cert_file: old.pem, key_file: old-key.pem}]}\n");
  Finished syslog = run({hecate_binary(), "check", "--config", folder / "syslog.yaml"});
  EXPECT_EQ(syslog.exit_code, 1);
  EXPECT_NE(syslog.errors.find("inputs.syslog[1].cert_file: "), std::string::npos) << syslog.errors;
}

}  // namespace
}  // namespace hecate::testing
