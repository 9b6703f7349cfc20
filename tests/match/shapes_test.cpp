// One event, one answer: the same events as JSON, XML and classic text, with a syslog head before them or
// without, give the same rows.
#include "pipeline/decode/file_reader.h"
#include "pipeline/decode/shape.h"
#include "pipeline/match/matcher.h"
#include "pipeline/spl/values.h"
#include "tests/match/result_texts.h"
#include "tests/support/testing.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::match {
namespace {

const std::string kCases = HECATE_SOURCE_DIR "/tests/cases/shapes";

// The shipped detections and the searches beside the events.
catalogue::Sources searches() {
  catalogue::Sources sources;
  sources.detections = {std::string(catalogue::kBuiltin), kCases + "/searches.yml"};
  return sources;
}

// With Splunk's public catalogue, whether enabled or not; what of it does not load is told elsewhere.
catalogue::Sources searches_and_catalogue(const std::string& shared) {
  catalogue::Sources sources = searches();
  sources.detections.push_back(shared + "/escu/detections");
  sources.macros = {shared + "/escu/macros", HECATE_SOURCE_DIR "/detections/macros"};
  sources.include_disabled = true;
  return sources;
}

// XML keeps entities as they were written.
std::string without_entities(std::string text) {
  for (auto [entity, character] :
       {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}})
    for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at)
      text.replace(at, std::string_view(entity).size(), character);
  return text;
}

// The rows of each search, in an order of their own: entities sort elsewhere than what they stand for.
using Answers = std::map<std::string, std::vector<std::string>>;

Answers answers(const catalogue::Catalogue& catalogue, const store::DeltaSet& deltas) {
  Answers all;
  for (const catalogue::LoadedDetection& each : catalogue.detections) {
    std::vector<std::string>& rows = all[each.detection.name];
    for (const std::string& row : hecate::testing::result_texts(*each.plan, deltas, 0, 0))
      rows.push_back(without_entities(row));
    std::ranges::sort(rows);
  }
  return all;
}

// Line i of each file is the same event; `every` so many of them is looked at.
struct Files {
  std::string json, xml, text;
  std::uint64_t every = 1;
};

struct Gathered {
  Answers plain, behind_head;
};

Gathered gather(const catalogue::Sources& sources, const std::string& file, std::uint64_t every) {
  constexpr std::string_view head = "<14>Apr 27 13:00:01 relay-7 forwarder[812]: ";
  constexpr std::size_t padding = 64;
  auto catalogue = catalogue::load(sources).catalogue;
  auto scans = std::make_shared<const ScanSet>(catalogue);
  Matcher plain(scans, Panes::one_window), behind_head(scans, Panes::one_window);
  store::DeltaSet plain_deltas, head_deltas;
  std::uint64_t arrival = 0;
  std::string wrapped;
  auto read = decode::read_events(file, decode::InputFormat::automatic, {}, [&](EventView& event) {
    event.arrival = arrival++;
    if (event.arrival % every != 0) return;
    EXPECT_TRUE(plain.evaluate(event, 0, plain_deltas)) << event.raw;
    wrapped.assign(head).append(event.raw);
    std::size_t size = wrapped.size();
    wrapped.append(padding, '\0');
    EventView second = event;
    second.raw = std::string_view(wrapped).substr(0, size);
    second.shape = decode::shape_of(second.raw);
    EXPECT_TRUE(behind_head.evaluate(second, 0, head_deltas)) << second.raw;
  });
  EXPECT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->malformed, 0u);
  return {answers(*catalogue, plain_deltas), answers(*catalogue, head_deltas)};
}

void expect_same(const Answers& expected, const Answers& got, const std::string& form) {
  ASSERT_EQ(expected.size(), got.size());
  YAML::Node known = YAML::LoadFile(kCases + "/known_differences.yaml");
  for (const auto& [search, rows] : expected) {
    if (known[search]) continue;
    const std::vector<std::string>& others = got.at(search);
    std::vector<std::string> missing, more;
    std::ranges::set_difference(rows, others, std::back_inserter(missing));
    std::ranges::set_difference(others, rows, std::back_inserter(more));
    EXPECT_TRUE(missing.empty() && more.empty())
        << form << ", " << search << ": " << missing.size() << " rows are missing, the first `"
        << (missing.empty() ? "" : missing[0]) << "`, and " << more.size() << " are more, the first `"
        << (more.empty() ? "" : more[0]) << "`";
  }
}

Answers expect_one_answer(const catalogue::Sources& sources, const Files& files) {
  Gathered json = gather(sources, files.json, files.every);
  expect_same(json.plain, json.behind_head, "JSON behind a head");
  Gathered xml = gather(sources, files.xml, files.every);
  expect_same(json.plain, xml.plain, "XML");
  expect_same(json.plain, xml.behind_head, "XML behind a head");
  Gathered text = gather(sources, files.text, files.every);
  expect_same(json.plain, text.plain, "text");
  expect_same(json.plain, text.behind_head, "text behind a head");
  return json.plain;
}

TEST(Shapes, OneEventHasOneAnswer) {
  for (const auto& each : catalogue::load(searches()).refused)
    ADD_FAILURE() << each.name << ": " << each.reason;
  Answers rows = expect_one_answer(searches(), {.json = kCases + "/events.json.ndjson",
                                                .xml = kCases + "/events.xml.txt",
                                                .text = kCases + "/events.text.ndjson"});
  EXPECT_GT(rows.size(), 20u);
  for (const auto& [search, found] : rows) EXPECT_FALSE(found.empty()) << search << " found nothing";
}

Files corpus(const std::string& shared, std::uint64_t every) {
  std::string files = shared + "/corpus/sysmon.";
  return {.json = files + "json.ndjson.zst",
          .xml = files + "xml.txt.zst",
          .text = files + "text.ndjson.zst",
          .every = every};
}

TEST(Shapes, OneRealEventHasOneAnswer) {
  std::string shared = hecate::testing::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the shared corpus is not here; set HECATE_SHARED to its folder";
  Answers rows = expect_one_answer(searches(), corpus(shared, 1));
  EXPECT_GT(std::ranges::count_if(rows, [](const auto& each) { return !each.second.empty(); }), 20);
}

// Not all events: a debug build takes minutes for them.
TEST(Shapes, EveryDetectionOfTheCatalogueHasOneAnswer) {
  std::string shared = hecate::testing::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the shared corpus is not here; set HECATE_SHARED to its folder";
  Answers rows = expect_one_answer(searches_and_catalogue(shared), corpus(shared, 7));
  EXPECT_GT(rows.size(), 500u);
  EXPECT_GT(std::ranges::count_if(rows, [](const auto& each) { return !each.second.empty(); }), 40);
}

}  // namespace
}  // namespace hecate::match
