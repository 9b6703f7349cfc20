#include "pipeline/match/guards.h"

#include "pipeline/match/matcher.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::match {
namespace {

// One scan for each search.
struct Searches {
  catalogue::Catalogue catalogue;
  std::vector<std::shared_ptr<const spl::Plan>> plans;
  Guards guards;

  explicit Searches(const std::vector<std::string>& texts) {
    std::vector<const spl::Condition*> conditions;
    for (const std::string& text : texts) {
      auto plan = spl::compile(text, {}, catalogue.names);
      EXPECT_TRUE(plan) << text;
      plans.push_back(*plan);
      conditions.push_back(&plans.back()->scan().condition());
    }
    guards = Guards(conditions);
    catalogue.rules = *fields::FieldRules::compile(fields::FieldRules::builtin(), catalogue.names);
  }

  // The scans that are left of all.
  std::string left(const std::string& json) {
    auto fields = fields::EventFields::make(catalogue.names, catalogue.rules);
    std::string padded = json + std::string(64, ' ');
    EventView event;
    event.raw = std::string_view(padded).substr(0, json.size());
    event.shape = Shape::json;
    EXPECT_TRUE(fields->reset(event, 0));
    ScanBits candidates(plans.size());
    for (std::size_t i = 0; i < plans.size(); ++i) candidates.add(i);
    Arena arena;
    spl::EvalContext context{.arena = arena};
    guards.rule_out(candidates, spl::Row(fields.get()), context);
    std::string numbers;
    candidates.for_each([&](std::size_t i) { numbers += fmt::format("{} ", i); });
    return numbers;
  }
};

TEST(Guards, WhatSeveralNeedRulesOutAllOfThem) {
  Searches searches({"EventID=1 Image=a", "EventID=1 Image=b", "EventID=11 (Image=a OR x=1)",
                     "(EventID=1) (Image=a OR x=1) User=u | stats count by Image"});
  EXPECT_EQ(searches.guards.size(), 2U) << "EventID=1 and the alternative";
  EXPECT_EQ(searches.left(R"({"EventID":1,"Image":"a"})"), "0 1 2 3 ")
      << "the rest is for each search to say";
  EXPECT_EQ(searches.left(R"({"EventID":1,"Image":"b"})"), "0 1 ");
  EXPECT_EQ(searches.left(R"({"EventID":11,"Image":"a"})"), "2 ");
  EXPECT_EQ(searches.left(R"({"EventID":7,"Image":"z"})"), "");
}

TEST(Guards, AlternativesAndNegationsAreNoPartsThatMustHold) {
  Searches searches({"EventID=1 OR Image=a", "EventID=1 OR Image=b", "NOT EventID=1 Image=c"});
  EXPECT_EQ(searches.guards.size(), 0U);
  EXPECT_EQ(searches.left(R"({"EventID":5})"), "0 1 2 ");
}

}  // namespace
}  // namespace hecate::match
