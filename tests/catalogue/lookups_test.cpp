#include "pipeline/catalogue/catalogue.h"
#include "pipeline/catalogue/csv.h"
#include "tests/support/testing.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::catalogue {
namespace {

// A part of a message, which it is told with when it is missing.
void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

class Lookups : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  LoadResult load(const std::string& search) {
    Sources sources;
    sources.lookups = {folder_.path()};
    return load_search("test", search, sources);
  }
  // Why the search is refused; empty when it is not.
  std::string refusal(const std::string& search) {
    auto loaded = load(search);
    return loaded.refused.empty() ? "" : loaded.refused[0].reason;
  }
  std::uint64_t scan(const std::string& search) {
    auto loaded = load(search);
    EXPECT_TRUE(loaded.refused.empty()) << loaded.refused[0].reason;
    return loaded.catalogue->detections.at(0).plan->scan().id();
  }

  hecate::testing::TemporaryFolder folder_;
};

constexpr const char* kSearch =
    "EventID=1 | lookup tools name AS process_name OUTPUT kind | stats count by kind";

TEST_F(Lookups, ADefinitionNamesACsvFileBesideIt) {
  write("tools.yml",
        "name: tools\nfilename: tools_2026.csv\nmatch_type: WILDCARD(name)\nmin_matches: 1\n"
        "default_match: 'false'\ncase_sensitive_match: 'false'\n");
  write("tools_2026.csv", "name,kind\n*mimikatz*,credentials\n");
  EXPECT_EQ(refusal(kSearch), "");
  EXPECT_EQ(refusal("EventID=1 | lookup tools_2026.csv name AS process_name OUTPUT kind"), "")
      << "a file is a lookup of its own name";
}

// State gathered with another table is another state.
TEST_F(Lookups, WhatIsInTheTableAndItsRulesAreAPartOfTheScan) {
  write("tools.yml", "{name: tools, filename: tools.csv}");
  write("tools.csv", "name,kind\na.exe,x\n");
  std::uint64_t before = scan(kSearch);
  write("tools.csv", "\xEF\xBB\xBFname, kind\r\n\"a.exe\",x\r\n\r\n");
  EXPECT_EQ(scan(kSearch), before) << "another spelling of the same";
  write("tools.csv", "name,kind\na.exe,y\n");
  EXPECT_NE(scan(kSearch), before);
  write("tools.csv", "name,kind\na.exe,x\n");
  write("tools.yml", "{name: tools, filename: tools.csv, case_sensitive_match: false}");
  EXPECT_NE(scan(kSearch), before);
}

TEST_F(Lookups, AnEmptyTableStandsForOneThatTheSiteHasNot) {
  write("assets.yml", "{name: asset_lookup_by_str, empty: true, fields_list: 'asset, owner'}");
  EXPECT_EQ(refusal("EventID=1 | lookup asset_lookup_by_str asset AS dest OUTPUT owner"), "");
  expect_part(refusal("EventID=1 | lookup asset_lookup_by_str asset AS dest OUTPUT other"), "other");
}

TEST_F(Lookups, LaterFilesReplaceEarlierOnesByName) {
  write("a.yml", "{name: tools, filename: missing.csv}");
  write("b.yml", "{name: tools, empty: true, fields_list: name kind}");
  EXPECT_EQ(refusal(kSearch), "");
}

TEST_F(Lookups, WhatIsWrongIsToldWithItsPlace) {
  expect_part(refusal(kSearch), "there is no lookup `tools`; give its folder in `detections.lookups`");
  write("tolos.csv", "name,kind\n");
  expect_part(refusal(kSearch), "there is no lookup `tools`; did you mean `tolos.csv`?");
  std::filesystem::remove(folder_ / "tolos.csv");
  write("tool.yml", "name: tool\nfilename: tool.csv\n");
  expect_part(refusal(kSearch), "did you mean `tool`?");
  write("tools.yml", "description: x\nname: tools\nfilename: tools.csv\n");
  expect_part(refusal(kSearch), "tools.yml:2) cannot be used");
  expect_part(refusal(kSearch), "tools.csv: there is no such file");
  write("tools.csv", "name,kind\na,b\nc,\"d\n");
  expect_part(refusal(kSearch), "tools.csv:3: a quote is never closed");
  write("tools.csv", "");
  expect_part(refusal(kSearch), "tools.csv");
  write("tools.csv", "name,kind,name\n");
  expect_part(refusal(kSearch), "tools.csv:1: two columns have one name");
  write("tools.csv", "name,kind\n");
  write("tools.yml", "{name: tools, filename: tools.csv, match_type: WILDCARD(other)}");
  expect_part(refusal(kSearch), "`match_type` names `other`");
  write("tools.yml", "{name: tools, collection: tools, fields_list: 'name, kind'}");
  expect_part(refusal(kSearch), "KV store");
}

TEST_F(Lookups, ADefinitionThatCannotBeReadIsRefusedByItself) {
  for (const char* bad :
       {"{name: tools}", "{filename: x.csv}", "{name: t, filename: x.csv, match_type: GLOB(a)}",
        "{name: t, filename: x.csv, max_matches: 0}", "{name: t, empty: true}"}) {
    write("bad.yml", bad);
    auto loaded = load("EventID=1");
    ASSERT_EQ(loaded.refused.size(), 1U) << bad;
    expect_part(loaded.refused[0].file, "bad.yml");
  }
}

TEST_F(Lookups, AFolderThatIsFoundAndGivenIsReadOnce) {
  Sources sources;
  sources.detections = {folder_ / "detections"};
  sources.lookups = {folder_ / "lookups"};
  std::filesystem::create_directories(folder_ / "detections");
  std::filesystem::create_directories(folder_ / "lookups");
  write("lookups/bad.yml", "{name: tools}");
  EXPECT_EQ(load_search("test", "EventID=1", sources).refused.size(), 1U);
}

std::string rows_of(std::string_view csv, bool* closed = nullptr) {
  std::string text;
  bool all = read_csv(
      csv, [&](const auto& cells, int line) { text += fmt::format("{}:[{}]", line, fmt::join(cells, "|")); });
  if (closed != nullptr) *closed = all;
  return text;
}

TEST(Csv, RowsAsTheyAreWritten) {
  EXPECT_EQ(rows_of("a,b\n1,2\n"), "1:[a|b]2:[1|2]");
  EXPECT_EQ(rows_of("a, b ,c\r\n\r\n1,,\"x, \"\"y\"\"\nz\"\r\n2"), "1:[a|b|c]3:[1||x, \"y\"\nz]5:[2]");
  EXPECT_EQ(rows_of("\xEF\xBB\xBFz\n"), "1:[z]");
  EXPECT_EQ(rows_of(""), "");
  bool closed = true;
  EXPECT_EQ(rows_of("a\n\"b", &closed), "1:[a]2:[b]");
  EXPECT_FALSE(closed);
}

}  // namespace
}  // namespace hecate::catalogue
