// Groups that the closing part would drop for their keys are not kept; the rows are the same as when all are.
#include "pipeline/decode/file_reader.h"
#include "pipeline/match/matcher.h"
#include "pipeline/spl/values.h"
#include "tests/support/testing.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::match {
namespace {

using testing::shared_folder;

struct Answer {
  std::size_t groups = 0;
  std::vector<std::string> rows;
};

std::string written(const spl::ResultRow& result) {
  std::string text;
  for (const auto& entry : result.row.entries()) {
    text += fmt::format("{}=", entry.name);
    spl::append_text(entry.value, text);
    text += '\n';
  }
  return text;
}

Answer close(const spl::Plan& plan, const store::DeltaSet& deltas) {
  Answer answer;
  for (const auto& [key, delta] : deltas) answer.groups += key.scan == plan.scan().id();
  Arena arena;
  spl::EvalContext context{arena};
  auto done = spl::run(
      plan, context,
      [&](const spl::Scan& scan, spl::GroupVisitor visit) { return store::read_groups(deltas, scan, visit); },
      [&](const spl::ResultRow& row) { answer.rows.push_back(written(row)); });
  EXPECT_TRUE(done);
  return answer;
}

std::shared_ptr<const spl::Plan> plan_of(const std::string& search, const catalogue::Sources& sources,
                                         std::shared_ptr<const catalogue::Catalogue>& kept) {
  kept = catalogue::load_search("test", search, sources).catalogue;
  return kept->detections.empty() ? nullptr : kept->detections[0].plan;
}

bool filters_keys(const spl::Plan& plan) {
  return plan.describe().state.contains(", of those that pass ");
}

// Behind its first aggregation two commands that change nothing, and that no filter is moved across.
std::string unfiltered(const std::string& search) {
  std::size_t begin = search.find_first_not_of(" \n|");
  if (!search.substr(begin).starts_with("tstats")) begin = search.find("stats", begin);
  bool quoted = false;
  for (std::size_t i = begin; i < search.size(); ++i) {
    if (search[i] == '"' && search[i - 1] != '\\') quoted = !quoted;
    if (search[i] == '|' && !quoted) return search.substr(0, i) + "| reverse | reverse " + search.substr(i);
  }
  return {};
}

using Events = std::vector<std::string>;

Answer run(const std::string& search, const Events& events, const catalogue::Sources& sources = {}) {
  std::shared_ptr<const catalogue::Catalogue> catalogue;
  auto plan = plan_of(search, sources, catalogue);
  EXPECT_TRUE(plan) << search;
  if (!plan) return {};
  Matcher matcher(std::make_shared<const ScanSet>(catalogue), Panes::one_window);
  store::DeltaSet deltas;
  for (const std::string& text : events) {
    std::string padded = text + std::string(64, ' ');
    EventView event;
    event.raw = std::string_view(padded).substr(0, text.size());
    event.shape = Shape::json;
    matcher.evaluate(event, 0, deltas);
  }
  return close(*plan, deltas);
}

const Events kEvents = {R"({"a":"x one","b":"1"})", R"({"a":"y two","b":"2"})", R"({"a":"y two","b":"3"})",
                        R"({"a":"z three"})"};

TEST(KeyFilter, AGroupThatIsNeverShownIsNotKept) {
  for (const char* rest : {
           R"(where like(a, "y%"))",
           R"(search a="y*")",
           R"(regex a="^y")",
           R"(eval c=upper(a) | where c="Y TWO")",
           R"(rename a as c | search c=y*)",
           R"(rex field=a "(?<word>\w+)$" | search word=two)",
           R"(convert ctime(last) | where count > 0 | search a=y*)",
       }) {
    std::string search = fmt::format("* | stats count max(_time) as last by a | {}", rest);
    Answer answer = run(search, kEvents);
    EXPECT_EQ(answer.groups, 1u) << search;
    EXPECT_EQ(answer.rows.size(), 1u) << search;
    EXPECT_EQ(answer.rows, run(unfiltered(search), kEvents).rows) << search;
  }
}

// What was said of a text is remembered, but not of one so long.
TEST(KeyFilter, LongTextsAreLookedAtEachTime) {
  Events events;
  for (const char* end : {"y", "n", "y"})
    events.push_back(fmt::format(R"({{"a":"{}{}"}})", std::string(5000, 'x'), end));
  Answer answer = run("* | stats count by a | where like(a, \"%y\")", events);
  EXPECT_EQ(answer.groups, 1u);
  EXPECT_EQ(answer.rows.size(), 1u);
}

TEST(KeyFilter, WhatLooksAtMoreThanTheKeyKeepsAllGroups) {
  for (const char* rest : {
           "where count > 1",
           "search a=y* OR count=1",
           "eval a=a.\" \".count | search a=y*",
           "rename count as a | search a=2",
           "eventstats sum(count) as all | search a=y*",  // the rows that go count in it
           "head 1 | search a=y*",
           "where a=strftime(now(), \"%Y\")",
       }) {
    std::string search = fmt::format("* | stats count values(b) as b by a | {}", rest);
    EXPECT_EQ(run(search, kEvents).groups, 3u) << search;
  }
}

TEST(KeyFilter, AFieldOfSeveralValuesKeepsEachGroupThatItsValuesMake) {
  std::string search = "* | makemv a | stats count by a | search a=two";
  EXPECT_EQ(run(search, kEvents).rows, run(unfiltered(search), kEvents).rows);
  EXPECT_EQ(run(search, kEvents).rows.size(), 1u);
}

TEST(KeyFilter, FilterMacrosAreNoPartOfTheState) {
  testing::TemporaryFolder folder;
  folder.write("macros/m.yml",
               "name: x_filter\ndefinition: search a=y*\n---\nname: other\ndefinition: search a=y*\n");
  catalogue::Sources sources;
  sources.macros = {folder.path() + "/macros"};
  EXPECT_EQ(run("* | stats count by a | `x_filter`", kEvents, sources).groups, 3u);
  EXPECT_EQ(run("* | stats count by a | `other`", kEvents, sources).groups, 1u);
}

TEST(KeyFilter, TheRowsOfTheCatalogueAreTheSameOverRealEvents) {
  std::string shared = shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the shared corpus is not here; set HECATE_SHARED to its folder";
  catalogue::Sources sources;
  sources.detections = {shared + "/escu/detections"};
  sources.macros = {shared + "/escu/macros"};
  sources.lookups = {shared + "/escu/lookups"};
  sources.include_disabled = true;
  Events events;
  std::size_t number = 0;
  auto read = decode::read_events(shared + "/corpus/mixed60k.ndjson.zst", decode::InputFormat::automatic, {},
                                  [&](EventView& event) {
                                    if (number++ % 16 == 0) events.emplace_back(event.raw);
                                  });
  ASSERT_TRUE(read.has_value());
  std::size_t compared = 0, spared = 0, shown = 0;
  auto loaded = catalogue::load(sources);
  for (const auto& each : loaded.catalogue->detections) {
    if (!filters_keys(*each.plan)) continue;
    std::string twin = unfiltered(each.detection.search);
    ASSERT_FALSE(twin.empty()) << each.detection.search;
    Answer filtered = run(each.detection.search, events, sources);
    Answer all = run(twin, events, sources);
    EXPECT_EQ(filtered.rows, all.rows) << each.detection.name;
    ++compared;
    spared += all.groups - filtered.groups;
    shown += filtered.rows.size();
  }
  EXPECT_GT(compared, 30u);
  EXPECT_GT(spared, 1000u);
  EXPECT_GT(shown, 0u);
}

}  // namespace
}  // namespace hecate::match
