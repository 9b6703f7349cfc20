#include "pipeline/spl/source.h"

#include <vector>

#include <gtest/gtest.h>

namespace hecate::spl {
namespace {

// A macro lookup over a list.
MacroLookup lookup_in(const std::vector<Macro>& macros) {
  return [&macros](std::string_view name, std::size_t arguments) -> const Macro* {
    for (const Macro& macro : macros) {
      if (macro.name == name && macro.arguments.size() == arguments) return &macro;
    }
    return nullptr;
  };
}

std::string expanded(std::string_view search, const std::vector<Macro>& macros) {
  Parsed<SourceText> source = expand_macros(search, lookup_in(macros));
  return source ? source->text() : "error: " + source.error().message;
}

// `line:column: message` of the refusal.
std::string refused(std::string_view search, const std::vector<Macro>& macros) {
  Parsed<SourceText> source = expand_macros(search, lookup_in(macros));
  if (source) return "taken: " + source->text();
  return std::to_string(source.error().position.line) + ":" + std::to_string(source.error().position.column) +
         ": " + source.error().message;
}

TEST(Source, MacrosAreFoundByNameAndNumberOfArguments) {
  std::vector<Macro> macros = {{"m", {}, "a=1"}, {"m", {"x"}, "a=$x$"}, {"m", {"x", "y"}, "$y$=$x$ $z$"}};
  EXPECT_EQ(expanded("`m` b=2", macros), "a=1 b=2");
  EXPECT_EQ(expanded("` m `", macros), "a=1");
  EXPECT_EQ(expanded("`m()`", macros), "a=1");
  EXPECT_EQ(expanded("`m(7)`", macros), "a=7");
  EXPECT_EQ(expanded("`m( v , w )`", macros), "w=v $z$");
}

TEST(Source, QuotesKeepCommasTogether) {
  std::vector<Macro> macros = {{"m", {"x"}, "[$x$]"}, {"m", {"x", "y"}, "[$x$|$y$]"}};
  EXPECT_EQ(expanded(R"(`m("a, b")`)", macros), "[a, b]");
  EXPECT_EQ(expanded(R"(`m("say \"a\"", b)`)", macros), R"([say "a"|b])");
  EXPECT_EQ(expanded("`m(f(a, b))`", macros), "[f(a, b)]");
  EXPECT_EQ(expanded(R"(`m("a" . "b")`)", macros), R"(["a" . "b"])");
}

TEST(Source, MacrosCallMacros) {
  std::vector<Macro> macros = {{"outer", {"f"}, "`inner($f$)` c=3"}, {"inner", {"x"}, "$x$=1"}};
  EXPECT_EQ(expanded("`outer(a)`", macros), "a=1 c=3");
}

TEST(Source, NothingIsPutInInsideDoubleQuotes) {
  std::vector<Macro> macros = {{"m", {}, "x"}};
  EXPECT_EQ(expanded(R"(a="`m`" b="\"`m`" `m`)", macros), R"(a="`m`" b="\"`m`" x)");
}

TEST(Source, CommentsAreBlanks) {
  std::vector<Macro> macros = {{"m", {}, "x ```inside``` y"}};
  EXPECT_EQ(expanded("a```one `two` \"```b `m`", macros), "a b x   y");
  EXPECT_EQ(expanded(R"(a="```not``` one")", macros), R"(a="```not``` one")");
}

TEST(Source, PlacesAreThoseOfTheAuthor) {
  std::vector<Macro> macros = {{"m", {}, "first\nsecond"}};
  Parsed<SourceText> source = expand_macros("ä `m` ```c``` b\n  c", lookup_in(macros));
  ASSERT_TRUE(source);
  auto place = [&](std::string_view piece) {
    Position position = source->position(source->text().find(piece));
    return std::pair(position.line, position.column);
  };
  EXPECT_EQ(place("first"), std::pair(1, 3));
  EXPECT_EQ(place("second"), std::pair(1, 3)) << "all of a macro stands where it is called";
  EXPECT_EQ(place("b\n"), std::pair(1, 15));
  EXPECT_EQ(place("c"), std::pair(1, 3)) << "the c of second";
  Position last = source->position(source->text().size());
  EXPECT_EQ(last.line, 2);
  EXPECT_EQ(last.column, 4);
}

TEST(Source, WhatIsRefused) {
  std::vector<Macro> macros = {{"loop", {}, "`loop`"}, {"one", {"x"}, "$x$"}, {"bad", {}, "a `missing`"}};
  EXPECT_EQ(refused("a=1\n `nope`", macros).substr(0, 47), "2:2: unknown macro `nope` with 0 arguments: def");
  EXPECT_EQ(refused("`one(a, b)`", macros), "1:1: macro `one` takes 1 argument, not 2");
  EXPECT_EQ(refused("`one`", macros), "1:1: macro `one` takes 1 argument, not 0");
  EXPECT_EQ(refused("x `loop`", macros),
            "1:3: macro `loop` is called more than 32 deep: does it call itself?; in macro `loop`, called by "
            "`loop`, called by `loop`, called by `loop`, …");
  EXPECT_EQ(refused("a `bad`", macros).substr(0, 33), "1:3: unknown macro `missing` with");
  EXPECT_EQ(refused("a `one(x)", macros), "1:3: a macro call is opened here with ` and never closed");
  EXPECT_EQ(refused("a ```x", macros), "1:3: a comment is opened here with ``` and never closed");
  EXPECT_EQ(refused("`one(x`", macros), "1:1: the macro call `one(x` has no \")\" at its end");
  EXPECT_EQ(refused("``", macros), "1:1: a macro name is missing between the back quotes");
}

}  // namespace
}  // namespace hecate::spl
