#include "outputs/finding.h"

#include "outputs/findings.h"
#include "outputs/posting.h"
#include "tests/outputs/result.h"
#include "tests/support/stash.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::outputs {
namespace {

using testing::OwnedRow;
using testing::read_stash;

std::vector<std::string> texts(const YAML::Node& node) {
  return node.IsScalar() ? std::vector{node.Scalar()} : node.as<std::vector<std::string>>();
}

void expect_fields(const YAML::Node& expected, const Fields& posted) {
  for (const auto& field : expected) {
    auto found = posted.find(field.first.Scalar());
    EXPECT_EQ(found == posted.end() ? std::vector<std::string>() : found->second, texts(field.second))
        << "field " << field.first.Scalar();
  }
}

store::Sample sample_of(const YAML::Node& yaml) {
  store::Sample sample;
  sample.time = from_civil(2026, 4, 27, 12) + 500 * kMillisecond;
  sample.raw = yaml["raw"].as<std::string>();
  sample.host = yaml["host"].as<std::string>();
  sample.source = yaml["source"].as<std::string>();
  sample.sourcetype = yaml["sourcetype"].as<std::string>();
  for (const auto& field : yaml["fields"])
    sample.fields.emplace_back(field.first.Scalar(), field.second.Scalar());
  return sample;
}

Rule rule_of(const catalogue::LoadedDetection& detection) {
  FindingOptions options;
  options.host = "hecate1";
  return Rule::of(detection.detection, options);
}

Told told(const Finding& finding, const window::Run& run) {
  return {.id = finding.id,
          .revision = finding.revision,
          .created = run.search_time,
          .earliest = run.window.earliest,
          .latest = run.window.latest,
          .body = finding.body};
}

void check_posted(const YAML::Node& test, const Finding& finding, const std::string& posted_envelope) {
  YAML::Node envelope = YAML::Load(posted_envelope);
  Fields posted = read_stash(envelope["event"].Scalar());
  expect_fields(test["notable"], posted);
  for (const YAML::Node& name : test["absent"]) EXPECT_FALSE(posted.contains(name.Scalar())) << name.Scalar();
  EXPECT_EQ(posted["finding_id"], std::vector{finding.id});
  EXPECT_EQ(envelope["index"].Scalar(), "notable");
  EXPECT_EQ(envelope["sourcetype"].Scalar(), "stash");
  EXPECT_EQ(envelope["source"].Scalar(), posted["rule_name"].at(0));
  EXPECT_EQ(envelope["host"].Scalar(), "hecate1");
  EXPECT_EQ(envelope["time"].Scalar(), "1777294800.25");
}

void check_risks(const YAML::Node& expected, const Rule& rule, const Finding& finding,
                 const window::Run& run) {
  ASSERT_EQ(finding.risk_objects.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& [type, object] = finding.risk_objects[i];
    YAML::Node envelope = YAML::Load(risk_envelope(rule, told(finding, run), type, object).value());
    EXPECT_EQ(envelope["index"].Scalar(), "risk");
    EXPECT_EQ(envelope["sourcetype"].Scalar(), "stash");
    expect_fields(expected[i], read_stash(envelope["event"].Scalar()));
  }
}

TEST(Finding, Cases) {
  for (const YAML::Node& test : YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/outputs/findings.yaml")) {
    SCOPED_TRACE(test["name"].Scalar());
    catalogue::LoadedDetection detection = testing::detection(test["detection"].Scalar());
    OwnedRow row;
    for (const auto& field : test["row"]) row.set(field.first.Scalar(), texts(field.second));
    store::Sample sample;
    if (test["sample"]) sample = sample_of(test["sample"]);
    // As it comes back from the database.
    auto rule = Rule::parse(rule_of(detection).to_json());
    ASSERT_TRUE(rule) << rule.error().message;
    auto run = testing::run(detection);
    Finding finding = make_finding(*rule, run, row.result(), test["sample"] ? &sample : nullptr, "id", 1);
    EXPECT_EQ(rule->notable, test["notable"].IsDefined());
    if (test["notable"]) check_posted(test, finding, notable_envelope(*rule, told(finding, run)).value());
    if (test["risks"]) check_risks(test["risks"], *rule, finding, run);
    YAML::Node body = YAML::Load(finding.body);
    for (const auto& key : test["body"]) EXPECT_EQ(body[key.first.Scalar()].Scalar(), key.second.Scalar());
  }
}

TEST(Finding, StashTextIsExact) {
  Fields fields{{"b", {"2", "", "3"}}, {"a", {R"(say "x" \)"}}, {"odd name=", {"v"}}};
  EXPECT_EQ(stash_text(1'777'294'800 * kSecond, "ESCU - N - Rule", fields),
            R"(1777294800, search_name="ESCU - N - Rule", a="say \"x\" \\", b="2", b="3", odd_name_="v")");
}

TEST(Finding, BodyHasTheRowAsSearchPrintsIt) {
  catalogue::LoadedDetection detection = testing::detection("{name: N, type: TTP, search: s}");
  OwnedRow row;
  row.set("z", {"1"});
  row.set("a", {"x", "y"});
  Finding finding = make_finding(rule_of(detection), testing::run(detection), row.result(), nullptr, "id", 1);
  EXPECT_NE(finding.body.find(R"("row":{"a":["x","y"],"z":"1"})"), std::string::npos) << finding.body;
  EXPECT_TRUE(
      shown(from_civil(2026, 4, 27), 2, "revised", finding.body)
          .starts_with(R"({"created":"2026-04-27T00:00:00.000Z","revision":2,"status":"revised","id":)"));
}

TEST(Finding, RawTextIsBoundedAtACharacter) {
  catalogue::LoadedDetection detection = testing::detection("{name: N, type: TTP, search: s}");
  OwnedRow row;
  store::Sample sample;
  sample.raw = "x";
  for (int i = 0; i < 40'000; ++i) sample.raw += "\xC3\xA4";
  auto rule = rule_of(detection);
  auto run = testing::run(detection);
  Finding finding = make_finding(rule, run, row.result(), &sample, "id", 1);
  auto envelope = YAML::Load(notable_envelope(rule, told(finding, run)).value());
  std::string raw = read_stash(envelope["event"].Scalar())["orig_raw"].at(0);
  EXPECT_EQ(raw.size(), 32 * 1024 - 1);  // the bound falls into a character of two bytes
  EXPECT_TRUE(sample.raw.starts_with(raw));
}

// What makes two findings the same, and what does not.
TEST(FindingId, IsOfDetectionWindowAndKeys) {
  OwnedRow row;
  row.set("dest", {"H"});
  row.set("user", {"u"});
  row.set("count", {"1"});
  OwnedRow more;
  more.set("dest", {"H"});
  more.set("user", {"u"});
  more.set("count", {"2"});
  schedule::Window window{100, 40, 90};
  std::vector<std::string> keys{"dest", "user"};
  std::string id = finding_id("N", window, row.result(keys), nullptr, 0);
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(id, finding_id("N", window, more.result(keys), nullptr, 0));
  EXPECT_EQ(id,
            finding_id("N", {999, 40, 90}, row.result(keys), nullptr, 0));  // made up later, the same range
  EXPECT_NE(id, finding_id("M", window, row.result(keys), nullptr, 0));
  EXPECT_NE(id, finding_id("N", {100, 41, 90}, row.result(keys), nullptr, 0));
  EXPECT_NE(id, finding_id("N", {100, 40, 91}, row.result(keys), nullptr, 0));
  EXPECT_NE(id, finding_id("N", window, row.result({"dest"}), nullptr, 0));
  EXPECT_NE(id, finding_id("N", window, row.result(keys), nullptr, 1));
}

TEST(FindingId, PartsCannotRunIntoEachOther) {
  OwnedRow first, second;
  first.set("a", {"1"});
  first.set("b", {"23"});
  second.set("a", {"12"});
  second.set("b", {"3"});
  EXPECT_NE(finding_id("N", {}, first.result({"a", "b"}), nullptr, 0),
            finding_id("N", {}, second.result({"a", "b"}), nullptr, 0));
}

// Sent again, an event has another place in the order of arrival and the same bytes.
TEST(FindingId, OfASingleEventIsItsHostAndBytes) {
  OwnedRow row;
  auto id_of = [&row](const std::string& group, const std::string& host, const std::string& raw) {
    store::Sample sample;
    sample.host = host;
    sample.raw = raw;
    auto result = row.result({}, group);
    result.is_event = true;
    return finding_id("N", {}, result, &sample, 0);
  };
  EXPECT_EQ(id_of("g1", "h", "event"), id_of("g2", "h", "event"));
  EXPECT_NE(id_of("g1", "h", "event"), id_of("g1", "h", "another"));
  EXPECT_NE(id_of("g1", "h", "event"), id_of("g1", "i", "event"));
}

TEST(Finding, PlainFieldsAreAllButAggregates) {
  auto detection = testing::detection("{name: N, type: TTP, search: s}");
  const std::vector<std::string> aggregates{"count"};
  auto plain_of = [&](const std::string& dest, const std::string& count) {
    OwnedRow row;
    row.set("dest", {dest});
    row.set("count", {count});
    auto result = row.result();
    result.aggregates = aggregates;
    return make_finding(rule_of(detection), testing::run(detection), result, nullptr, "id", 1).plain;
  };
  EXPECT_EQ(plain_of("a", "1"), plain_of("a", "2"));
  EXPECT_NE(plain_of("a", "1"), plain_of("b", "1"));
}

TEST(Finding, AWithdrawalNamesTheFindingAndItsRow) {
  auto detection = testing::detection(
      "{name: N, type: TTP, search: s, finding: {title: \"T $dest$\", entity: {field: dest, type: system, "
      "score: "
      "50}}}");
  OwnedRow row;
  row.set("dest", {"H"});
  row.set("_time", {"5"});
  auto run = testing::run(detection);
  auto rule = rule_of(detection);
  Finding finding = make_finding(rule, run, row.result(), nullptr, "id", 1);
  auto first = read_stash(YAML::Load(notable_envelope(rule, told(finding, run)).value())["event"].Scalar());
  Told withdrawn = told(finding, run);
  withdrawn.revision = 2;
  withdrawn.withdrawn = true;
  auto envelope = YAML::Load(notable_envelope(rule, withdrawn).value());
  EXPECT_EQ(envelope["index"].Scalar(), "notable");
  auto event = read_stash(envelope["event"].Scalar());
  for (const char* same :
       {"finding_id", "dest", "orig_time", "search_name", "rule_name", "finding_title", "info_min_time"})
    EXPECT_EQ(event[same], first[same]) << same;
  EXPECT_EQ(event["revision"], std::vector<std::string>{"2"});
  EXPECT_EQ(event["finding_status"], std::vector<std::string>{"withdrawn"});
}

TEST(FindingId, WithoutKeysTheGroupTells) {
  OwnedRow row;
  EXPECT_NE(finding_id("N", {}, row.result({}, "g1"), nullptr, 0),
            finding_id("N", {}, row.result({}, "g2"), nullptr, 0));
}

// It must never change: receivers drop repeats by it, over versions too.
TEST(FindingId, IsTheSameForEver) {
  OwnedRow row;
  row.set("dest", {"H"});
  EXPECT_EQ(finding_id("Windows MsMpEng Writing to System32", {0, 60, 120}, row.result({"dest"}), nullptr, 0),
            "ff59cbe4dd839f0d3dbe153897876241");
}

TEST(Severity, ByRiskScore) {
  EXPECT_EQ(severity(0), "informational");
  EXPECT_EQ(severity(20), "informational");
  EXPECT_EQ(severity(21), "low");
  EXPECT_EQ(severity(40), "low");
  EXPECT_EQ(severity(41), "medium");
  EXPECT_EQ(severity(60), "medium");
  EXPECT_EQ(severity(61), "high");
  EXPECT_EQ(severity(80), "high");
  EXPECT_EQ(severity(81), "critical");
}

}  // namespace
}  // namespace hecate::outputs
