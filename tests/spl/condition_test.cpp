#include "pipeline/spl/condition.h"

#include "pipeline/spl/values.h"
#include "tests/spl/fake_event.h"

#include <random>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::spl {
namespace {

using testing::FakeEvent;

SourceText source_of(std::string_view text) {
  SourceText source;
  source.append(text, Position{}, false);
  return source;
}

Parsed<Condition> parse(std::string_view text, FieldNames& names) {
  SourceText source = source_of(text);
  return parse_condition(source, 0, source.text().size(), names);
}

bool matches_event(const Condition& condition, const FieldNames& names, const YAML::Node& fields) {
  FakeEvent event(names);
  for (const auto& field : fields) {
    std::vector<std::string> values;
    if (field.second.IsSequence()) {
      values = field.second.as<std::vector<std::string>>();
    } else {
      values.push_back(field.second.as<std::string>());
    }
    event.set(field.first.as<std::string>(), values);
  }
  Arena arena;
  EvalContext context{.arena = arena};
  bool result = matches(condition, Row(&event), context);
  EXPECT_EQ(arena.used(), 0U) << "comparing texts takes no memory";
  return result;
}

void check_refusal(const Parsed<Condition>& condition, const YAML::Node& one) {
  ASSERT_FALSE(condition) << canonical(*condition);
  const Diagnostic& why = condition.error();
  EXPECT_NE(why.message.find(one["error"].as<std::string>()), std::string::npos) << why.message;
  EXPECT_EQ(std::to_string(why.position.line) + ":" + std::to_string(why.position.column),
            one["at"].as<std::string>())
      << why.message;
}

TEST(Condition, Cases) {
  YAML::Node cases = YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/spl/conditions.yaml");
  ASSERT_GT(cases.size(), 70U);
  for (const auto& one : cases) {
    SCOPED_TRACE(one["name"].as<std::string>() + ": " + one["search"].as<std::string>());
    FieldNames names;
    Parsed<Condition> condition = parse(one["search"].as<std::string>(), names);
    if (one["error"]) {
      check_refusal(condition, one);
      continue;
    }
    if (!condition) {
      ADD_FAILURE() << condition.error().message;
      continue;
    }
    for (const auto& event : one["matches"]) {
      EXPECT_TRUE(matches_event(*condition, names, event)) << YAML::Dump(event);
    }
    for (const auto& event : one["misses"]) {
      EXPECT_FALSE(matches_event(*condition, names, event)) << YAML::Dump(event);
    }
  }
}

TEST(Condition, SubsearchesAreLeftToThePlan) {
  FieldNames names;
  SourceText source = source_of("a=1 [search b=2 | fields b] c=3");
  Parsed<Condition> condition = parse_condition(source, 0, source.text().size(), names);
  ASSERT_TRUE(condition);
  ASSERT_EQ(condition->children.size(), 3U);
  const Condition& subsearch = condition->children[1];
  EXPECT_EQ(subsearch.kind, Condition::Kind::subsearch);
  EXPECT_EQ(subsearch.pattern.text(), "search b=2 | fields b");
  EXPECT_EQ(subsearch.position.column, 5);
}

TEST(Condition, FieldsEachOnce) {
  FieldNames names;
  Parsed<Condition> condition = parse("a=1 (b=2 OR NOT a IN (3)) word", names);
  ASSERT_TRUE(condition);
  std::vector<FieldRef> fields;
  collect_fields(*condition, fields);
  std::vector<std::string_view> found;
  for (const FieldRef& field : fields) found.push_back(field.name);
  EXPECT_EQ(found, (std::vector<std::string_view>{"a", "b", "_raw"}));
}

TEST(Condition, CanonicalTextTellsMeaningNotForm) {
  FieldNames names;
  auto same = [&](std::string_view a, std::string_view b) {
    return canonical(*parse(a, names)) == canonical(*parse(b, names));
  };
  EXPECT_TRUE(same("a=1 b=2", "a=\"1\"\n AND (b=2)"));
  EXPECT_TRUE(same("a=\"x\\\\y\"", "a=\"x\\y\""));
  EXPECT_FALSE(same("a=1 b=2 OR c=3", "(a=1 b=2) OR c=3"));
  EXPECT_FALSE(same("a=1", "NOT a=1"));
  EXPECT_FALSE(same("a=1", "a!=1"));
  EXPECT_FALSE(same("a IN (b, c)", "a IN (\"b c\")"));
}

TEST(Condition, DeepNestingIsRefusedNotFatal) {
  FieldNames names;
  EXPECT_FALSE(parse(std::string(100'000, '('), names));
}

TEST(Condition, NumbersThatCommandsMadeAreComparedAsNumbers) {
  FieldNames names;
  Parsed<Condition> condition = parse("count=1.0 size=1*", names);
  ASSERT_TRUE(condition);
  Row row;
  row.set("count", Value(1.0));
  row.set("size", Value(12.0));
  Arena arena;
  EvalContext context{.arena = arena};
  EXPECT_TRUE(matches(*condition, row, context));
}

TEST(Pattern, PiecesForThePrefilter) {
  EXPECT_EQ(Pattern("*\\MsMpEng.exe").pieces(), std::vector<std::string>{"\\msmpeng.exe"});
  EXPECT_EQ(Pattern("**A*b**C").pieces(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(Pattern("**").matches_all());
  EXPECT_FALSE(Pattern("").matches_all());
  EXPECT_FALSE(Pattern("abc").has_wildcard());
}

// The slow twin: tries every length for each star.
bool matches_slowly(std::string_view pattern, std::string_view value) {
  if (pattern.empty()) return value.empty();
  if (pattern[0] == '*') {
    for (std::size_t skip = 0; skip <= value.size(); ++skip) {
      if (matches_slowly(pattern.substr(1), value.substr(skip))) return true;
    }
    return false;
  }
  return !value.empty() && pattern[0] == value[0] && matches_slowly(pattern.substr(1), value.substr(1));
}

TEST(Pattern, AgreesWithItsSlowTwin) {
  std::mt19937 random(7);
  auto pick = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  // Parts of two bytes and of one, upper and lower case, so that folding and blocks of 32 bytes come in.
  const std::string parts[] = {"a", "B", "*", "é", "É", "aab"};
  int found = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string pattern;
    std::string value;
    for (int i = pick(5); i > 0; --i) pattern += parts[pick(5)];
    for (int i = pick(60); i > 0; --i) value += parts[pick(4) == 2 ? 0 : pick(1)];
    if (pick(3) == 0) value += "É" + value;
    if (pick(3) == 0) value = value.substr(0, static_cast<std::size_t>(pick(6)));
    std::string folded_pattern;
    std::string folded_value;
    fold_case(pattern, folded_pattern);
    fold_case(value, folded_value);
    bool expected = matches_slowly(folded_pattern, folded_value);
    found += expected ? 1 : 0;
    ASSERT_EQ(Pattern(pattern).matches(value), expected) << pattern << " on " << value;
  }
  EXPECT_GT(found, 1000);
}

}  // namespace
}  // namespace hecate::spl
