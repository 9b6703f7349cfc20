#include "pipeline/spl/functions.h"

#include "pipeline/spl/regex.h"
#include "pipeline/spl/time_format.h"

#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::spl {
namespace {

TEST(Functions, EachIsDescribedOnce) {
  std::set<std::string_view> names;
  for (const Function* function : all_functions()) {
    EXPECT_TRUE(names.insert(function->name).second) << function->name;
    EXPECT_EQ(find_function(function->name), function);
    EXPECT_FALSE(function->help.empty()) << function->name;
    EXPECT_TRUE(function->help.ends_with('.')) << function->name;
    EXPECT_FALSE(function->group.empty()) << function->name;
    EXPECT_EQ(function->arguments.empty(), function->most == 0) << function->name;
    EXPECT_TRUE(why_not_supported(function->name).empty()) << function->name;
  }
  EXPECT_GT(names.size(), 90U);
}

TEST(Functions, EachHasACase) {
  YAML::Node cases = YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/spl/expressions.yaml");
  std::string all;
  for (const auto& one : cases) all += one["eval"].as<std::string>() + "\n";
  // One body for all of them: a function of the C library over each value.
  const std::set<std::string_view> alike = {"acos", "acosh", "asin", "asinh", "atan", "atanh", "cos",
                                            "cosh", "sinh",  "tan",  "tanh",  "true", "false"};
  for (const Function* function : all_functions()) {
    bool found = all.find(std::string(function->name) + "(") != std::string::npos;
    EXPECT_TRUE(found || alike.contains(function->name))
        << function->name << " has no case in expressions.yaml";
  }
}

TEST(Regex, NamedGroupsInTheirOrder) {
  auto regex = Regex::compile("(?<dir>.+\\\\)(x)?(?<name>[^\\\\]+)$");
  ASSERT_TRUE(regex);
  ASSERT_EQ((*regex)->names().size(), 2U);
  EXPECT_EQ((*regex)->names()[0].name, "dir");
  EXPECT_EQ((*regex)->names()[1].name, "name");
  std::vector<std::string_view> groups;
  ASSERT_TRUE((*regex)->find("C:\\a\\b.exe", 0, groups));
  EXPECT_EQ(groups[(*regex)->names()[0].group], "C:\\a\\");
  EXPECT_EQ(groups[(*regex)->names()[1].group], "b.exe");
  EXPECT_EQ(groups[2].data(), nullptr) << "took no part";
}

TEST(Regex, WhatIsWrongAndWhere) {
  auto regex = Regex::compile("ab(c");
  ASSERT_FALSE(regex);
  EXPECT_NE(regex.error().message.find("character 5"), std::string::npos) << regex.error().message;
}

TEST(Regex, AHungryPatternIsGivenUp) {
  auto regex = Regex::compile("^(a+)+$");
  ASSERT_TRUE(regex);
  std::uint64_t before = Regex::limits_hit();
  EXPECT_FALSE((*regex)->matches(std::string(60, 'a') + "b"));
  EXPECT_EQ(Regex::limits_hit(), before + 1);
}

TEST(Regex, BytesThatAreNoTextDoNoHarm) {
  auto regex = Regex::compile("b.c");
  ASSERT_TRUE(regex);
  EXPECT_TRUE((*regex)->matches("\xFF\xFE bxc"));
  EXPECT_TRUE(
      (*regex)->matches("b\xC3\xA9"
                        "c"))
      << "a dot is a character, not a byte";
  EXPECT_FALSE(
      (*regex)->matches("b\xFF"
                        "c"));
  EXPECT_FALSE((*regex)->matches(std::string_view()));
}

TEST(Regex, OnePatternOnManyThreads) {
  auto compiled = Regex::compile("(\\d+)-(\\d+)");
  ASSERT_TRUE(compiled);
  const Regex& regex = **compiled;
  std::atomic<int> wrong = 0;
  auto work = [&](int number) {
    std::vector<std::string_view> groups;
    for (int i = 0; i < 2000; ++i) {
      std::string text = std::to_string(number) + "-" + std::to_string(i);
      if (!regex.find(text, 0, groups) || groups[1] != std::to_string(number) ||
          groups[2] != std::to_string(i))
        ++wrong;
    }
  };
  std::thread other(work, 1);
  work(2);
  other.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Regex, Replacing) {
  auto replaced = [](std::string_view pattern, std::string_view subject, std::string_view with,
                     std::size_t limit = 0) {
    return replace_matches(**Regex::compile(pattern), subject, with, limit);
  };
  EXPECT_EQ(replaced("a", "banana", "o"), "bonono");
  EXPECT_EQ(replaced("a", "banana", "o", 2), "bonona");
  EXPECT_EQ(replaced("(a)(n)", "banana", "\\2\\1\\0\\9"), "bnaannaana");
  EXPECT_EQ(replaced("x*", "é", "-"), "-é-");
  EXPECT_EQ(replaced("$", "ab", "!"), "ab!");
  EXPECT_EQ(replaced("^", "", "!"), "!");
  EXPECT_EQ(replaced("a", "a", "\\\\n\\d"), "\\n\\d");
}

TEST(TimeFormat, ReadsWhatItWrites) {
  std::string_view format = "%Y-%m-%d %H:%M:%S.%6N %z";
  for (Time time :
       {Time{0}, Time{1}, Time{-1}, from_civil(2024, 2, 29, 23, 59, 59), from_civil(2026, 12, 31)}) {
    std::string text;
    format_time(time, format, text);
    EXPECT_EQ(parse_time(text, format), time) << text;
  }
}

TEST(TimeFormat, UnknownLettersStay) {
  std::string text;
  format_time(0, "%q 100% %", text);
  EXPECT_EQ(text, "%q 100% %");
}

}  // namespace
}  // namespace hecate::spl
