#include "pipeline/catalogue/scalar_places.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::catalogue {
namespace {

// Where the character `*` of the search stands in the file, by its place in the value; it must be the only
// one.
spl::Position star_in_file(const std::string& file) {
  YAML::Node search = YAML::Load(file)["search"];
  std::string value = search.Scalar();
  ScalarPlaces places(file, search.Mark().line, search.Mark().column, value);
  spl::Position in_value;
  for (char c : value) {
    if (c == '*') break;
    if (c == '\n') in_value = {in_value.line + 1, 0};
    ++in_value.column;
  }
  return places.in_file(in_value);
}

// The same by looking at the file.
spl::Position star_of(const std::string& file) {
  spl::Position at;
  for (char c : file) {
    if (c == '*') break;
    if (c == '\n') at = {at.line + 1, 0};
    ++at.column;
  }
  return at;
}

void expect_found(const std::string& file) {
  spl::Position expected = star_of(file), found = star_in_file(file);
  EXPECT_EQ(found.line, expected.line) << file;
  EXPECT_EQ(found.column, expected.column) << file;
}

TEST(ScalarPlaces, EveryStyleOfYaml) {
  expect_found("search: index=a b=*\n");
  expect_found("name: x\nsearch: one\n  two   three\n  b=* four\n");
  expect_found("search: 'it''s b=''*'' '\n");
  expect_found("search: 'a b\n\n  c   d\n    e *'\n");
  expect_found("search: \"a \\\"q\\\" \\\\ \\u00e4 *\"\n");
  expect_found("search: \"a b \\\n   c *\"\n");
  expect_found("search: |\n  a b\n    c d\n\n  e *\n");
  expect_found("search: |-\n    a\n    * b\n");
  expect_found("search: >-\n  a b\n  c d\n\n  e *\n");
  expect_found("x:\n  - y\nsearch:\n  a b\n  * c\n");
  expect_found("search: '* a'\n");
  expect_found("search: |\n\n  *\n");
}

TEST(ScalarPlaces, PlacesOutsideTheValueAreItsNearest) {
  ScalarPlaces places("search: ab", 0, 8, "ab");
  EXPECT_EQ(places.in_file({1, 99}).column, 10);
  EXPECT_EQ(places.in_file({7, 1}).column, 9);
  EXPECT_EQ(places.begin().column, 9);
}

TEST(ScalarPlaces, WhatDoesNotFitIsTheStart) {
  ScalarPlaces places("search: ab", 0, 8, "xy");
  EXPECT_EQ(places.in_file({1, 2}).line, 1);
  EXPECT_EQ(places.in_file({1, 2}).column, 9);
}

}  // namespace
}  // namespace hecate::catalogue
