#include "outputs/template.h"

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

std::string field(std::string_view name) {
  return "<" + std::string(name) + ">";
}

TEST(Template, FillsFieldsAndLeavesOtherDollars) {
  EXPECT_EQ(fill("$a$ and $b.c$", field), "<a> and <b.c>");
  EXPECT_EQ(fill("$a$$b$", field), "<a><b>");
  EXPECT_EQ(fill("share C$ on $dest$", field), "share C$ on <dest>");
  EXPECT_EQ(fill("costs $100 or $a", field), "costs $100 or $a");
  EXPECT_EQ(fill("$$", field), "$$");
  EXPECT_EQ(fill("$x$ $ y$", field), "<x> $ y$");
}

TEST(Template, AFilledValueIsNotFilledAgain) {
  EXPECT_EQ(fill("$a$", [](std::string_view) { return "$b$"; }), "$b$");
}

TEST(Template, SearchesKeepValuesInsideQuotes) {
  auto evil = [](std::string_view) { return std::string(R"(x" OR \)"); };
  EXPECT_EQ(fill_search(R"(a="$v$" b=1)", evil), R"(a="x\" OR \\" b=1)");
  EXPECT_EQ(fill_search("a=$v$", evil), R"(a="x\" OR \\")");
  EXPECT_EQ(fill_search("a=$v|s$", evil), R"(a="x\" OR \\")");
  EXPECT_EQ(fill_search(R"(a="\"$v$")", [](std::string_view) { return "y"; }), R"(a="\"y")");
}

}  // namespace
}  // namespace hecate::outputs
