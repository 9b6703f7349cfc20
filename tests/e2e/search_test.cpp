// `hecate search` as its user meets it: the shipped detection over files of events.
#include "pipeline/decode/file_reader.h"
#include "pipeline/fields/event_fields.h"
#include "pipeline/spl/values.h"
#include "tests/e2e/process.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace hecate::testing {
namespace {

// A result row of the shipped detection, as far as it tells one group from another, and its count.
using Groups = std::map<std::string, int>;

constexpr std::array<std::string_view, 8> kKey{"Computer",     "Image",      "TargetFilename", "EventID",
                                               "process_guid", "process_id", "file_name",      "user_id"};

// XML keeps entities as written, JSON has none: what compares both resolves them.
std::string without_entities(std::string text) {
  for (auto [entity, character] :
       {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}})
    for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at)
      text.replace(at, std::string_view(entity).size(), character);
  return text;
}

Groups groups_in(const std::string& output) {
  Groups groups;
  simdjson::dom::parser parser;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    simdjson::dom::object row = parser.parse(line)["row"];
    std::string key;
    for (std::string_view field : kKey) key += std::string(std::string_view(row[field])) + "|";
    groups[without_entities(key)] += std::stoi(std::string(std::string_view(row["count"])));
  }
  return groups;
}

// The same of the events whose line number expected.ndjson labels `true`, read without any search.
Groups groups_expected(const std::string& shared) {
  std::set<std::uint64_t> wanted;
  std::istringstream labels(read_file(shared + "/corpus/expected.ndjson"));
  simdjson::dom::parser parser;
  for (std::string line; std::getline(labels, line);) {
    simdjson::dom::element label = parser.parse(line);
    if (std::string_view(label["label"]) == "true") wanted.insert(std::uint64_t(label["line"]));
  }
  spl::FieldNames names;
  for (std::string_view field : kKey) names.intern(field);
  auto rules = fields::FieldRules::compile(fields::FieldRules::builtin(), names);
  auto fields = fields::EventFields::make(names, rules.value());
  Groups groups;
  std::uint64_t line = 0;
  auto read = decode::read_events(shared + "/corpus/sysmon.json.ndjson.zst", decode::InputFormat::json, {},
                                  [&](EventView& event) {
                                    if (!wanted.contains(++line)) return;
                                    fields->reset(event, 0);
                                    std::string key;
                                    for (std::string_view field : kKey) {
                                      Value value = fields->find(field);
                                      if (value.is_null()) value = Value("0");  // fillnull
                                      spl::append_text(value, key);
                                      key += "|";
                                    }
                                    ++groups[key];
                                  });
  EXPECT_TRUE(read.has_value());
  EXPECT_EQ(wanted.size(), 20u);
  return groups;
}

TEST(Search, FindsExactlyThePlantedEventsInJsonAndXmlAlike) {
  std::string shared = shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the shared corpus is not here; set HECATE_SHARED to its folder";
  Finished json = run({hecate_binary(), "search", shared + "/corpus/sysmon.json.ndjson.zst"});
  Finished xml = run({hecate_binary(), "search", shared + "/corpus/sysmon.xml.txt.zst"});
  ASSERT_EQ(json.exit_code, 0) << json.errors;
  ASSERT_EQ(xml.exit_code, 0) << xml.errors;
  EXPECT_EQ(groups_in(json.output), groups_expected(shared));
  EXPECT_EQ(without_entities(xml.output), json.output);
}

std::string quickstart_events() {
  std::string events = read_file(HECATE_SOURCE_DIR "/deploy/quickstart/events.ndjson");
  for (auto [mark, value] : {std::pair{"@EPOCH@", "1777296099"}, {"@UTC@", "2026-04-27 13:21:39"}})
    for (std::size_t at = 0; (at = events.find(mark, at)) != std::string::npos;)
      events.replace(at, std::string_view(mark).size(), value);
  return events;
}

TEST(Search, ReadsStandardInputAndPrintsOneLineARowWithSortedKeysAndTexts) {
  Finished search = run({hecate_binary(), "search", "-"}, quickstart_events());
  ASSERT_EQ(search.exit_code, 0) << search.errors;
  std::istringstream lines(search.output);
  std::string first;
  std::getline(lines, first);
  EXPECT_EQ(
      first,
      R"({"detection":"Windows MsMpEng Writing to System32","row":{"Computer":"ws-101.corp.example",)"
      R"("EventID":"11","Image":"C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.26030.3011-0\\MsMpEng.exe",)"
      R"("TargetFilename":"C:\\Windows\\System32\\drivers\\bhdrv.sys","action":"created","count":"1",)"
      R"("dest":"ws-101.corp.example","dvc":"ws-101.corp.example","file_hash":"0","file_name":"bhdrv.sys",)"
      R"("file_path":"C:\\Windows\\System32\\drivers\\bhdrv.sys","firstTime":"2026-04-27T13:21:39",)"
      R"("lastTime":"2026-04-27T13:21:39","process_exec":"MsMpEng.exe",)"
      R"("process_guid":"{2b1f0a6e-4c1d-69e1-7700-000000000900}","process_id":"3344","process_name":"MsMpEng.exe",)"
      R"("process_path":"C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.26030.3011-0\\MsMpEng.exe",)"
      R"("signature":"FileCreate","signature_id":"11","user_id":"S-1-5-18","vendor_product":"Microsoft Sysmon"}})");
  std::string second;
  std::getline(lines, second);
  EXPECT_NE(second.find("TieringEngineService.exe:Zone.Identifier"), std::string::npos) << second;
  EXPECT_FALSE(std::getline(lines, first)) << first;
}

TEST(Search, RunsASearchGivenAsText) {
  Finished search =
      run({hecate_binary(), "search", "--spl", "`sysmon` EventID=11 | stats count by Image", "-"},
          quickstart_events());
  ASSERT_EQ(search.exit_code, 0) << search.errors;
  EXPECT_NE(
      search.output.find(
          R"({"detection":"search","row":{"Image":"C:\\Program Files\\Backup\\NotMsMpEng.exe","count":"1"}})"),
      std::string::npos)
      << search.output;
}

TEST(Search, RefusesWhatItCannotRunWithItsPlace) {
  Finished search =
      run({hecate_binary(), "search", "--spl", "EventID=11 | frobnicate x", "-"}, quickstart_events());
  EXPECT_EQ(search.exit_code, 2);
  EXPECT_NE(search.errors.find("--spl:1:14: "), std::string::npos) << search.errors;
  EXPECT_NE(search.errors.find("frobnicate"), std::string::npos) << search.errors;
}

TEST(Search, RunsWhatLoadsAndSaysWhatDoesNot) {
  TemporaryFolder folder;
  folder.write("good.yml", "name: Good\ntype: Hunting\nsearch: 'EventID=11 | stats count'\n");
  folder.write("bad.yml", "name: Bad\ntype: Hunting\nsearch: 'EventID=11 | jion x'\n");
  Finished search = run({hecate_binary(), "search", "--detections", folder.path(), "-"}, quickstart_events());
  EXPECT_EQ(search.exit_code, 1);
  EXPECT_TRUE(search.output.starts_with(R"({"detection":"Good","row":{"count":")")) << search.output;
  EXPECT_NE(search.errors.find("did you mean join?"), std::string::npos) << search.errors;
}

TEST(Search, SaysWhichFileCannotBeRead) {
  Finished search = run({hecate_binary(), "search", "/no/such/file.ndjson"});
  EXPECT_EQ(search.exit_code, 1);
  EXPECT_NE(search.errors.find("/no/such/file.ndjson"), std::string::npos) << search.errors;
}

TEST(Search, AnEmptySearchIsNotTheShippedDetections) {
  Finished search = run({hecate_binary(), "search", "--spl", "", "-"}, quickstart_events());
  EXPECT_EQ(search.exit_code, 2);
  EXPECT_NE(search.errors.find("empty"), std::string::npos) << search.errors;
}

TEST(Check, APathWithoutDetectionsFails) {
  TemporaryFolder folder;
  Finished check = run({hecate_binary(), "check", folder.path()});
  EXPECT_NE(check.exit_code, 0);
}

TEST(Replay, SaysWhatItPassedOver) {
  Finished replay =
      run({hecate_binary(), "replay", "--input", "json", "-"}, quickstart_events() + "{broken}\n");
  EXPECT_NE(replay.errors.find("were no events"), std::string::npos) << replay.errors;
}

TEST(Replay, PrintsTheFindingOfItsWindow) {
  Finished replay = run({hecate_binary(), "replay", "-"}, quickstart_events());
  ASSERT_EQ(replay.exit_code, 0) << replay.errors;
  EXPECT_NE(replay.output.find("\"sourcetype\":\"stash\""), std::string::npos) << replay.output;
  // 13:21:39 lies in the run of 14:00, over [12:50, 13:50).
  EXPECT_NE(replay.errors.find("2026-04-27T12:50:00"), std::string::npos) << replay.errors;
  EXPECT_NE(replay.errors.find("2026-04-27T13:50:00"), std::string::npos) << replay.errors;
  EXPECT_NE(replay.errors.find("2 findings"), std::string::npos) << replay.errors;
}

TEST(Check, SaysHowEachDetectionRuns) {
  Finished check = run({hecate_binary(), "check"});
  EXPECT_EQ(check.exit_code, 0) << check.errors;
  EXPECT_NE(check.output.find("ok Windows MsMpEng Writing to System32"), std::string::npos) << check.output;
}

// However many threads read it, and in files that are cut and others: first and last are by time, then by
// place.
TEST(Search, MoreThreadsGiveTheSameRows) {
  TemporaryFolder folder;
  std::string content;
  for (int i = 0; content.size() < 9U << 20; ++i) {
    content += fmt::format(
        R"({{"EventID":1,"UtcTime":"2026-04-27 12:00:{:02}.000","Computer":"h{}","n":{},"pad":"{}"}})"
        "\n",
        i % 60, i % 7, i, std::string(1000, 'x'));
  }
  folder.write("large", content);
  folder.write("small", content.substr(0, content.find('\n', 50'000)));
  std::vector<std::string> outputs;
  for (const char* threads : {"1", "2", "5"}) {
    Finished found = run({hecate_binary(), "search", "--threads", threads, "--spl",
                          "EventID=1 | stats count first(n) last(n) latest(n) list(n) as some by Computer",
                          folder / "large", folder / "small"});
    EXPECT_EQ(found.exit_code, 0) << found.errors;
    outputs.push_back(found.output);
  }
  EXPECT_EQ(std::ranges::count(outputs[0], '\n'), 7);
  EXPECT_EQ(outputs[1], outputs[0]);
  EXPECT_EQ(outputs[2], outputs[0]);
}

}  // namespace
}  // namespace hecate::testing
