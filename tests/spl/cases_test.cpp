// Runs tests/cases/spl/search/*.yaml: events, a search, and the rows that it must give, or the error.
//
//   events:  a list of events: field → value or list of values. _time (seconds) is 1, 2, 3 … where it is
//   missing,
//            so that events come in the order of time; later ones are newer, and come first in a search.
//   macros:  name, or `name(a, b)` → definition (may be missing)
//   lookups: name → table and rules, see lookup_cases.h (may be missing)
//   window:  {earliest, latest, now} in seconds (may be missing: 0, 3600, 3600)
//   search:  as an author writes it
//   rows:    the rows in order, each field → text or list of texts; no other fields may be there
//   written: lookup → its rows after the search, each field → text (may be missing)
//   incomplete: why rows were left out (may be missing: none were)
//   error:   instead of rows: {line, column, contains}
#include "gtest/gtest.h"
#include "tests/spl/lookup_cases.h"
#include "tests/spl/search_runner.h"
#include "tests/support/testing.h"
#include "yaml-cpp/yaml.h"

#include <algorithm>
#include <deque>
#include <filesystem>

namespace hecate::testing {
namespace {

constexpr double kMicroseconds = kSecond;

std::vector<std::string> texts_of(const YAML::Node& node) {
  if (node.IsSequence()) return node.as<std::vector<std::string>>();
  return {node.as<std::string>()};
}

void read_events(const YAML::Node& list, const spl::FieldNames& names, std::deque<FakeEvent>& events) {
  for (const YAML::Node& fields : list) {
    FakeEvent& event = events.emplace_back(names);
    event.arrival = events.size();
    double seconds = fields["_time"] ? fields["_time"].as<double>() : static_cast<double>(events.size());
    event.time = static_cast<Time>(seconds * kMicroseconds);
    event.set("_time", seconds);
    for (const auto& field : fields) {
      auto name = field.first.as<std::string>();
      if (name != "_time") event.set(name, texts_of(field.second));
    }
  }
}

std::map<std::string, std::string> read_macros(const YAML::Node& node) {
  return node ? node.as<std::map<std::string, std::string>>() : std::map<std::string, std::string>{};
}

Window read_window(const YAML::Node& node) {
  Window window;
  if (!node) return window;
  window.earliest = static_cast<Time>(node["earliest"].as<double>() * kMicroseconds);
  window.latest = static_cast<Time>(node["latest"].as<double>() * kMicroseconds);
  window.now = static_cast<Time>(node["now"].as<double>() * kMicroseconds);
  return window;
}

using Fields = std::map<std::string, std::vector<std::string>>;
using WrittenRows = std::vector<std::map<std::string, std::string>>;

std::vector<Fields> expected_rows(const YAML::Node& rows) {
  std::vector<Fields> expected;
  for (const YAML::Node& row : rows) {
    Fields& fields = expected.emplace_back();
    for (const auto& field : row) fields[field.first.as<std::string>()] = texts_of(field.second);
  }
  return expected;
}

std::vector<Fields> fields_of(const std::vector<FoundRow>& rows) {
  std::vector<Fields> fields;
  for (const FoundRow& row : rows) fields.push_back(row.fields);
  return fields;
}

void check_error(const YAML::Node& error, const spl::Parsed<std::shared_ptr<const spl::Plan>>& plan) {
  ASSERT_FALSE(plan.has_value()) << "the search was accepted";
  EXPECT_EQ(plan.error().position.line, error["line"].as<int>()) << plan.error().message;
  EXPECT_EQ(plan.error().position.column, error["column"].as<int>()) << plan.error().message;
  EXPECT_NE(plan.error().message.find(error["contains"].as<std::string>()), std::string::npos)
      << plan.error().message;
}

class SearchCase : public ::testing::TestWithParam<std::string> {};

TEST_P(SearchCase, Gives) {
  YAML::Node test = YAML::LoadFile(GetParam());
  spl::FieldNames names;
  LookupCases lookups(test["lookups"]);
  auto plan = spl::compile(test["search"].as<std::string>(), macro_lookup(read_macros(test["macros"])), names,
                           lookups.source());
  if (test["error"]) {
    check_error(test["error"], plan);
    return;
  }
  ASSERT_TRUE(plan.has_value()) << plan.error().position.line << ":" << plan.error().position.column << ": "
                                << plan.error().message;
  std::deque<FakeEvent> events;
  read_events(test["events"], names, events);
  ASSERT_TRUE(test["rows"]) << "the case has neither rows nor error";
  std::vector<Fields> expected = expected_rows(test["rows"]);
  for (Merging merging : {Merging::at_once, Merging::stored_in_reverse}) {
    LookupCases before(test["lookups"]);
    plan = spl::compile(test["search"].as<std::string>(), macro_lookup(read_macros(test["macros"])), names,
                        before.source());
    Found found = close(**plan, gather(**plan, events, merging), read_window(test["window"]));
    EXPECT_EQ(fields_of(found.rows), expected)
        << (merging == Merging::at_once ? "merged at once" : "stored and merged in reverse");
    EXPECT_EQ(found.incomplete, test["incomplete"] ? test["incomplete"].as<std::string>() : "");
    for (const auto& written : test["written"])
      EXPECT_EQ(before.rows(written.first.as<std::string>()), written.second.as<WrittenRows>());
  }
}

std::vector<std::string> case_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(HECATE_SOURCE_DIR "/tests/cases/spl/search")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

std::string case_name(const ::testing::TestParamInfo<std::string>& info) {
  return std::filesystem::path(info.param).stem().string();
}

INSTANTIATE_TEST_SUITE_P(Cases, SearchCase, ::testing::ValuesIn(case_files()), case_name);

TEST(SearchCases, FirstLineSaysWhatItShows) {
  for (const std::string& file : case_files()) {
    EXPECT_TRUE(read_file(file).starts_with("# ")) << file;
  }
}

}  // namespace
}  // namespace hecate::testing
