#include "pipeline/spl/expression.h"

#include "pipeline/spl/values.h"
#include "tests/spl/fake_event.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::spl {
namespace {

using testing::FakeEvent;

constexpr Time kNow = 1777293296789 * kMillisecond;

void set_fields(FakeEvent& event, const YAML::Node& fields) {
  for (const auto& field : fields) {
    std::vector<std::string> values;
    if (field.second.IsSequence()) {
      values = field.second.as<std::vector<std::string>>();
    } else {
      values.push_back(field.second.as<std::string>());
    }
    event.set(field.first.as<std::string>(), values);
  }
}

// What an expression gives, as the case files write it.
std::string written(const Value& value) {
  if (value.is_null()) return "~";
  std::string out;
  if (value.is_multi()) out += "list: ";
  append_text(value, out);
  return out;
}

std::string written(const YAML::Node& expected) {
  if (expected.IsNull()) return "~";
  if (!expected.IsSequence()) return expected.as<std::string>();
  std::string out = "list: ";
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i > 0) out += '\n';
    out += expected[i].as<std::string>();
  }
  return out;
}

void check_refusal(const Parsed<Expression>& expression, const YAML::Node& one) {
  ASSERT_FALSE(expression);
  const Diagnostic& why = expression.error();
  EXPECT_NE(why.message.find(one["error"].as<std::string>()), std::string::npos) << why.message;
  EXPECT_EQ(std::to_string(why.position.line) + ":" + std::to_string(why.position.column),
            one["at"].as<std::string>())
      << why.message;
}

TEST(Expression, Cases) {
  YAML::Node cases = YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/spl/expressions.yaml");
  ASSERT_GT(cases.size(), 200U);
  for (const auto& one : cases) {
    SCOPED_TRACE(one["eval"].as<std::string>());
    FieldNames names;
    Parsed<Expression> expression = parse_expression(one["eval"].as<std::string>(), names);
    if (one["error"]) {
      check_refusal(expression, one);
      continue;
    }
    if (!expression) {
      ADD_FAILURE() << expression.error().message;
      continue;
    }
    FakeEvent event(names);
    set_fields(event, one["fields"]);
    Arena arena;
    EvalContext context{.arena = arena, .now = kNow};
    EXPECT_EQ(written(evaluate(*expression, Row(&event), context)), written(one["gives"]));
  }
}

Expression parsed(std::string_view text, FieldNames& names) {
  Parsed<Expression> expression = parse_expression(text, names);
  if (!expression) throw std::runtime_error(expression.error().message);
  return std::move(*expression);
}

TEST(Expression, FieldsEachOnce) {
  FieldNames names;
  std::vector<FieldRef> fields;
  collect_fields(parsed("if(a=1, b.'c d', searchmatch(\"e=1 a=2\")) . a", names), fields);
  std::vector<std::string_view> found;
  for (const FieldRef& field : fields) found.push_back(field.name);
  EXPECT_EQ(found, (std::vector<std::string_view>{"a", "b", "c d", "e"}));
}

TEST(Expression, WhatDependsOnTheTimeOfTheSearch) {
  FieldNames names;
  EXPECT_TRUE(depends_on_search_time(parsed("a > relative_time(now(), \"-1d\")", names)));
  EXPECT_TRUE(depends_on_search_time(parsed("random() % 2", names)));
  EXPECT_TRUE(depends_on_search_time(parsed("time()", names)));
  EXPECT_FALSE(depends_on_search_time(parsed("relative_time(_time, \"-1d\")", names)));
}

TEST(Expression, CanonicalTextTellsMeaningNotForm) {
  FieldNames names;
  auto same = [&](std::string_view a, std::string_view b) {
    return canonical(parsed(a, names)) == canonical(parsed(b, names));
  };
  EXPECT_TRUE(same("a=1 AND b=2", " ( a == 1 )\nand (b=2.0)"));
  EXPECT_TRUE(same("IF(a=1,2,3)", "if('a'=1, 2, 3)"));
  EXPECT_FALSE(same("a=1 OR b=2 AND c=3", "(a=1 OR b=2) AND c=3"));
  EXPECT_FALSE(same("a=\"b\"", "a=b"));
  EXPECT_FALSE(same("a=\"1\"", "a=1"));
  EXPECT_FALSE(same("null()", "\"null\""));
}

TEST(Expression, DeepNestingIsRefusedNotFatal) {
  FieldNames names;
  std::string deep(100'000, '(');
  EXPECT_FALSE(parse_expression(deep, names));
  EXPECT_FALSE(parse_expression(std::string(100'000, '-') + "1", names));
  std::string nots;
  for (int i = 0; i < 100'000; ++i) nots += "NOT ";
  EXPECT_FALSE(parse_expression(nots + "a=1", names));
}

TEST(Expression, LongListsOfConditionsAreFlat) {
  FieldNames names;
  std::string text = "a=0";
  for (int i = 1; i < 10'000; ++i) text += " OR a=" + std::to_string(i);
  Expression expression = parsed(text, names);
  EXPECT_EQ(expression.children.size(), 10'000U);
}

TEST(Expression, PlainComparisonsTakeNoMemory) {
  FieldNames names;
  Expression expression =
      parsed("Image=\"x\" OR match(Image, \"(?i)cmd\\.exe$\") OR EventID=11 OR Image LIKE \"%z\"", names);
  FakeEvent event(names);
  event.set("Image", {"C:\\Windows\\explorer.exe"});
  event.set("EventID", {"1"});
  Arena arena;
  EvalContext context{.arena = arena};
  EXPECT_FALSE(evaluate(expression, Row(&event), context).is_true());
  EXPECT_EQ(arena.used(), 0U);
}

}  // namespace
}  // namespace hecate::spl
