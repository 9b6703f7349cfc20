#include "pipeline/catalogue/catalogue.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::catalogue {
namespace {

using Texts = std::vector<std::string>;

std::string text(bool value) {
  return value ? "true" : "false";
}

// The members that cases look at, as texts.
std::map<std::string, Texts> members(const Detection& d) {
  std::map<std::string, Texts> all{
      {"name", {d.name}},
      {"id", {d.id}},
      {"version", {std::to_string(d.version)}},
      {"type", {d.type}},
      {"message", {d.message}},
      {"mitre_attack", d.mitre_attack},
      {"cve", d.cve},
      {"analytic_stories", d.analytic_stories},
      {"security_domain", {d.security_domain}},
      {"throttle_fields", d.throttle.fields},
      {"throttle_seconds", {std::to_string(d.throttle.period / kSecond)}},
      {"notable", {text(d.notable)}},
      {"risk", {text(d.risk)}},
      {"enabled", {text(d.enabled)}},
      {"risk_score", {std::to_string(d.risk_score())}},
      {"cron", {d.cron}},
      {"earliest", {d.earliest}},
      {"latest", {d.latest}},
      {"rule_title", {d.rule_title}},
      {"rule_description", {d.rule_description}},
      {"notable_fields", d.notable_fields},
  };
  for (const RiskObject& each : d.risk_objects)
    all["risk_objects"].push_back(fmt::format("{} {} {}", each.field, each.type, each.score));
  for (const ThreatObject& each : d.threat_objects)
    all["threat_objects"].push_back(each.field + " " + each.type);
  return all;
}

TEST(Forms, Cases) {
  for (const YAML::Node& test : YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/catalogue/forms.yaml")) {
    SCOPED_TRACE(test["name"].Scalar());
    auto parsed = parse_detections(test["file"].Scalar(), "a.yml");
    ASSERT_TRUE(parsed) << parsed.error().message;
    ASSERT_EQ(parsed->size(), 1u);
    auto found = members(parsed->front());
    for (const auto& member : test["detection"]) {
      ASSERT_TRUE(found.contains(member.first.Scalar()) || member.first.Scalar().ends_with("_objects"));
      Texts expected = member.second.IsScalar() ? Texts{member.second.Scalar()} : member.second.as<Texts>();
      EXPECT_EQ(found[member.first.Scalar()], expected) << member.first.Scalar();
    }
  }
}

TEST(Forms, Refused) {
  for (const YAML::Node& test : YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/catalogue/refused.yaml")) {
    SCOPED_TRACE(test["file"].Scalar());
    auto parsed = parse_detections(test["file"].Scalar(), "a.yml");
    ASSERT_FALSE(parsed);
    const std::string& message = parsed.error().message;
    EXPECT_TRUE(message.starts_with("a.yml:" + test["at"].Scalar() + ": ")) << message;
    EXPECT_NE(message.find(test["reason"].Scalar()), std::string::npos) << message;
  }
}

TEST(Forms, SeveralDocumentsInOneFile) {
  auto parsed = parse_detections(
      "---\nname: A\ntype: TTP\nsearch: s\n---\n---\nname: B\ntype: Hunting\nsearch: t\n", "f");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_EQ((*parsed)[1].name, "B");
  EXPECT_EQ((*parsed)[1].line, 9);
  EXPECT_EQ((*parsed)[1].column, 9);
}

}  // namespace
}  // namespace hecate::catalogue
