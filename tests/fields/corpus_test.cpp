// Real events, which are no part of the project: the same event in three shapes has the same fields.

#include "pipeline/decode/file_reader.h"
#include "pipeline/decode/shape.h"
#include "pipeline/fields/event_fields.h"
#include "pipeline/spl/values.h"
#include "tests/support/testing.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::fields {
namespace {

const std::vector<std::string> kCompared = {"EventID",
                                            "Computer",
                                            "Image",
                                            "TargetFilename",
                                            "UtcTime",
                                            "dest",
                                            "process_name",
                                            "process_id",
                                            "process_guid",
                                            "process_path",
                                            "action",
                                            "user",
                                            "file_name",
                                            "file_path",
                                            "signature",
                                            "tag",
                                            "_time",
                                            "MD5",
                                            "SHA256",
                                            "EventType",
                                            "TargetObject",
                                            "registry_path",
                                            "parent_process_name",
                                            "GrantedAccess",
                                            "process",
                                            "object_category",
                                            "RuleName"};

std::string unescape_entities(std::string text) {
  const std::pair<std::string, std::string> entities[] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : entities) {
    for (std::size_t at = text.find(entity); at != std::string::npos; at = text.find(entity, at + 1)) {
      text.replace(at, entity.size(), character);
    }
  }
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

using Row = std::vector<std::string>;

// Entities resolved: XML has them, and some JSON that was made of XML.
std::vector<Row> rows_of(const std::string& file) {
  spl::FieldNames names;
  std::vector<spl::FieldId> ids;
  for (const std::string& name : kCompared) ids.push_back(names.intern(name).id);
  auto rules = FieldRules::compile(FieldRules::builtin(), names);
  EXPECT_TRUE(rules) << rules.error().message;
  auto fields = EventFields::make(names, *rules);
  std::vector<Row> rows;
  auto stats = decode::read_events(file, decode::InputFormat::automatic, {}, [&](EventView& view) {
    EXPECT_TRUE(fields->reset(view, 0)) << view.raw;
    EXPECT_EQ(fields->product(), Product::sysmon_windows);
    Row& row = rows.emplace_back();
    for (spl::FieldId id : ids) {
      std::string text;
      spl::append_text(fields->get(id), text);
      row.push_back(unescape_entities(text));
    }
  });
  EXPECT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(stats->malformed, 0u);
  return rows;
}

// What differs in the data itself. GrantedAccess is lower case in NXLog's JSON. EventType is NXLog's or the
// head's own where Sysmon's event has none. A rendered message, from which XML and text were made, has lost
// the `%` of a registry path.
bool is_known_difference(std::size_t field, const Row& a, const Row& b) {
  const std::string& name = kCompared[field];
  if (name == "GrantedAccess") return lower(a[field]) == lower(b[field]);
  if (name == "EventType") {
    int code = std::stoi(a[0]);
    return !((code >= 12 && code <= 14) || (code >= 17 && code <= 21));
  }
  if (name == "TargetObject" || name == "registry_path") return a[field].find("%5C") != std::string::npos;
  return false;
}

void expect_same(const std::vector<Row>& a, const std::vector<Row>& b) {
  ASSERT_EQ(a.size(), b.size());
  std::map<std::string, std::pair<int, std::string>> differences;
  for (std::size_t line = 0; line < a.size(); ++line) {
    for (std::size_t f = 0; f < kCompared.size(); ++f) {
      if (a[line][f] == b[line][f] || is_known_difference(f, a[line], b[line])) continue;
      auto& [count, example] = differences[kCompared[f]];
      if (count++ == 0) example = fmt::format("line {}: `{}` and `{}`", line + 1, a[line][f], b[line][f]);
    }
  }
  for (const auto& [field, difference] : differences) {
    ADD_FAILURE() << field << " differs " << difference.first << " times, first " << difference.second;
  }
}

TEST(Corpus, OneEventInThreeShapesHasTheSameFields) {
  std::string shared = hecate::testing::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the folder with real events is not here (HECATE_SHARED)";
  std::vector<Row> json = rows_of(shared + "/corpus/sysmon.json.ndjson.zst");
  std::vector<Row> xml = rows_of(shared + "/corpus/sysmon.xml.txt.zst");
  std::vector<Row> text = rows_of(shared + "/corpus/sysmon.text.ndjson.zst");
  ASSERT_EQ(json.size(), 58864u);
  {
    SCOPED_TRACE("JSON and XML");
    expect_same(json, xml);
  }
  SCOPED_TRACE("XML and text");
  expect_same(xml, text);
}

// What the lists name and an event does not have: what Splunk itself adds when it indexes or searches, and
// the pieces of XML that its add-on cuts the fields from.
bool is_exempt(std::string_view field) {
  constexpr std::string_view beginnings[] = {"date_", "tag"};
  constexpr std::string_view ends[] = {"_Xml", "NoQuotes"};
  constexpr std::string_view names[] = {"punct",         "linecount", "timestartpos", "timeendpos",
                                        "splunk_server", "eventtype", "index"};
  return std::ranges::any_of(beginnings, [&](auto text) { return field.starts_with(text); }) ||
         std::ranges::any_of(ends, [&](auto text) { return field.ends_with(text); }) ||
         std::ranges::find(names, field) != std::end(names);
}

TEST(Corpus, EachDataSourcesExampleHasTheFieldsThatItLists) {
  std::string shared = hecate::testing::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the folder with Splunk's data sources is not here (HECATE_SHARED)";
  spl::FieldNames names;
  auto rules = FieldRules::compile(FieldRules::builtin(), names);
  ASSERT_TRUE(rules) << rules.error().message;
  auto fields = EventFields::make(names, *rules);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared + "/escu/data_sources")) {
    YAML::Node source = YAML::LoadFile(entry.path());
    std::string raw = source["example_log"].as<std::string>();
    EventView view;
    view.raw = raw;
    view.shape = decode::shape_of(raw);
    EXPECT_TRUE(fields->reset(view, 0)) << entry.path();
    EXPECT_EQ(fields->source(), source["source"].as<std::string>()) << entry.path();
    EXPECT_EQ(lower(std::string(fields->sourcetype())), lower(source["sourcetype"].as<std::string>()));
    for (const YAML::Node& field : source["fields"]) {
      std::string name = field.as<std::string>();
      EXPECT_TRUE(is_exempt(name) || !fields->find(name).is_null()) << entry.path() << ": " << name;
    }
    ++files;
  }
  EXPECT_GE(files, 20);
}

}  // namespace
}  // namespace hecate::fields
