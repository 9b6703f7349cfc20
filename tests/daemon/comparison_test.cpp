#include "daemon/comparison.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::daemon {
namespace {

std::string json_value(const YAML::Node& node) {
  if (node.IsScalar()) return fmt::format("\"{}\"", node.as<std::string>());
  std::string list;
  for (const YAML::Node& each : node) list += (list.empty() ? "" : ",") + json_value(each);
  return "[" + list + "]";
}

std::string findings_of(const YAML::Node& node) {
  std::string lines;
  int number = 0;
  for (const YAML::Node& each : node) {
    std::string row;
    for (const auto& field : each["row"])
      row += fmt::format("{}\"{}\":{}", row.empty() ? "" : ",", field.first.as<std::string>(),
                         json_value(field.second));
    lines += fmt::format(
        R"({{"created":"{}","revision":{},"status":"{}","id":"{}","detection":"D","search_name":"ESCU - D - Rule",)"
        R"("earliest":"{}","latest":"{}","row":{{{}}},"risk_objects":[{{"field":"{}"}}]}})",
        each["created"].as<std::string>("2026-04-27T13:10:00.000Z"), each["revision"].as<int>(1),
        each["status"].as<std::string>("new"), each["id"].as<std::string>(fmt::format("id{}", number++)),
        each["earliest"].as<std::string>("2026-04-27T12:00:00.000Z"),
        each["latest"].as<std::string>("2026-04-27T13:00:00.000Z"), row,
        each["object"].as<std::string>("dest"));
    lines += "\n";
  }
  return lines;
}

Result<std::vector<Told>> notables_of(const std::string& text) {
  auto rows = read_splunk_export(text);
  if (!rows) return std::unexpected(rows.error());
  std::vector<Told> told;
  for (const ExportedRow& row : *rows) {
    auto one = told_by_splunk(row);
    if (!one) return std::unexpected(one.error());
    told.push_back(*one);
  }
  return told;
}

std::vector<std::string> reasons_of(const std::vector<Alone>& all) {
  std::vector<std::string> reasons;
  for (const Alone& each : all) {
    reasons.push_back(each.reason);
    EXPECT_FALSE(each.why.empty());
  }
  return reasons;
}

std::vector<std::string> texts(const YAML::Node& node) {
  return node ? node.as<std::vector<std::string>>() : std::vector<std::string>();
}

YAML::Node cases() {
  return YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/compare/cases.yaml");
}

class ComparisonCase : public ::testing::TestWithParam<std::size_t> {};

TEST_P(ComparisonCase, SaysWhoToldWhat) {
  YAML::Node node = cases()[GetParam()];
  auto splunk = notables_of(node["splunk"].as<std::string>());
  if (node["error"]) {
    ASSERT_FALSE(splunk);
    EXPECT_NE(splunk.error().message.find(node["error"].as<std::string>()), std::string::npos)
        << splunk.error().message;
    return;
  }
  ASSERT_TRUE(splunk) << splunk.error().message;
  auto hecate = told_by_hecate(findings_of(node["hecate"]));
  ASSERT_TRUE(hecate) << hecate.error().message;
  CompareQuestion question{.ignored = texts(node["ignore"]), .earliest = 0, .latest = 0, .explain = {}};
  Comparison comparison = compare_findings(*splunk, *hecate, question);
  EXPECT_EQ(comparison.outside, node["outside"].as<std::size_t>(0));
  ASSERT_EQ(comparison.windows.size(), node["windows"].size());
  bool same = true;
  for (std::size_t i = 0; i < comparison.windows.size(); ++i) {
    const WindowComparison& got = comparison.windows[i];
    YAML::Node expected = node["windows"][i];
    EXPECT_EQ(got.search, "D");
    EXPECT_EQ(got.both.size(), expected["both"].as<std::size_t>(0));
    std::vector<std::string> differ;
    for (const Pair& pair : got.both)
      for (const Difference& each : pair.differences) differ.push_back(each.field);
    EXPECT_EQ(differ, texts(expected["differ"]));
    EXPECT_EQ(reasons_of(got.only_splunk), texts(expected["only_splunk"]));
    EXPECT_EQ(reasons_of(got.only_hecate), texts(expected["only_hecate"]));
    same = same && differ.empty() && got.only_splunk.empty() && got.only_hecate.empty();
  }
  EXPECT_EQ(comparison.same(), same);
}

INSTANTIATE_TEST_SUITE_P(Cases, ComparisonCase, ::testing::Range(std::size_t{0}, cases().size()),
                         [](const auto& info) {
                           return cases()[info.param]["name"].template as<std::string>();
                         });

TEST(Comparison, AsksWhatElseExplainsThatHecateToldNothing) {
  auto splunk = notables_of("search_name,dest,info_min_time,info_max_time\nD,ws1,1777291200,1777294800\n");
  ASSERT_TRUE(splunk);
  CompareQuestion question;
  question.explain = [](const Told& told) { return std::pair(std::string("no_run"), "of " + told.search); };
  Comparison comparison = compare_findings(*splunk, {}, question);
  ASSERT_EQ(comparison.windows.size(), 1u);
  EXPECT_EQ(comparison.windows[0].only_splunk[0].reason, "no_run");
  EXPECT_EQ(comparison.windows[0].only_splunk[0].why, "of D");
}

TEST(Comparison, RefusesWhatAreNoFindings) {
  EXPECT_FALSE(told_by_hecate(R"({"a":1})"));
  EXPECT_FALSE(told_by_hecate(R"({"id":"x)"));
  EXPECT_TRUE(told_by_hecate("[]\n"));
  EXPECT_TRUE(told_by_hecate(""));
}

}  // namespace
}  // namespace hecate::daemon
