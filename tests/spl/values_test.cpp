#include "pipeline/spl/values.h"

#include "pipeline/spl/case_fold.h"

#include <gtest/gtest.h>

namespace hecate::spl {
namespace {

TEST(Values, WhatSpellsANumber) {
  for (auto [text, number] : {std::pair{"0", 0.0},
                              {"-12", -12.0},
                              {"+5", 5.0},
                              {"1.50", 1.5},
                              {".5", 0.5},
                              {"1e3", 1000.0},
                              {" 7 ", 7.0},
                              {"-2.5E-1", -0.25},
                              {"007", 7.0}}) {
    ASSERT_TRUE(to_number(text).has_value()) << text;
    EXPECT_EQ(*to_number(text), number) << text;
  }
  for (auto text :
       {"", " ", "x", "1x", "0x10", "inf", "nan", "-", "+", ".", "--1", "+-1", "1 2", "1e", "1,5", "1e999"}) {
    EXPECT_FALSE(to_number(text).has_value()) << text;
  }
}

TEST(Values, NumbersAsText) {
  for (auto [number, text] : {std::pair{0.0, "0"},
                              {-0.0, "0"},
                              {11.0, "11"},
                              {-3.5, "-3.5"},
                              {0.1, "0.1"},
                              {1e16, "10000000000000000"},
                              {1777293296.789, "1777293296.789"},
                              {0.000001, "0.000001"},
                              {1e17, "1e+17"},
                              {1.5e-7, "1.5e-07"}}) {
    EXPECT_EQ(number_to_text(number), text);
    EXPECT_EQ(to_number(text), number);
  }
}

TEST(Values, TextOfEveryKind) {
  Arena arena;
  Value items[] = {Value("a"), Value(2.0)};
  EXPECT_EQ(to_text(Value(), arena), "");
  EXPECT_EQ(to_text(Value("x"), arena), "x");
  EXPECT_EQ(to_text(Value::boolean(true), arena), "true");
  EXPECT_EQ(to_text(Value::multi(items), arena), "a\n2");
}

TEST(Values, QuotedTextGoesThroughOnePass) {
  EXPECT_EQ(unquote(R"(*\\System32\\*)"), R"(*\System32\*)");
  EXPECT_EQ(unquote(R"(*\System32\*)"), R"(*\System32\*)");
  EXPECT_EQ(unquote(R"((?<dir>.+\\\))"), R"((?<dir>.+\\))");
  EXPECT_EQ(unquote(R"([^\\\]+)"), R"([^\\]+)");
  EXPECT_EQ(unquote(R"(\.exe$)"), R"(\.exe$)");
  EXPECT_EQ(unquote(R"(a\"b\|c)"), R"(a"b|c)");
  EXPECT_EQ(unquote("end\\"), "end\\");
}

TEST(Values, WithoutCase) {
  EXPECT_TRUE(equals_without_case("CMD.exe", "cmd.EXE"));
  EXPECT_TRUE(equals_without_case("Éa", "éA"));
  EXPECT_TRUE(equals_without_case("ΌΣΟΣ", "όσος"));
  EXPECT_TRUE(equals_without_case("ÅNGSTRÖM", "\xE2\x84\xABngström"));
  EXPECT_FALSE(equals_without_case("a", "ab"));
  EXPECT_FALSE(equals_without_case("É", "e"));
  EXPECT_FALSE(equals_without_case("@", "`")) << "only letters have case";
  EXPECT_FALSE(equals_without_case("×", "÷")) << "only letters have case";
}

TEST(Values, NothingBeyondAsciiFoldsIntoIt) {
  for (char32_t code = 0x80; code < 0x11000; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    std::string letter;
    std::string folded;
    append_character(code, letter);
    fold_case(letter, folded);
    ASSERT_FALSE(is_ascii(folded)) << std::hex << static_cast<unsigned>(code);
  }
}

TEST(Values, LowerAndUpperAreInverse) {
  for (char32_t code = 0x80; code < 0x530; ++code) {
    std::string letter;
    std::string small;
    append_character(code, letter);
    to_lower(letter, small);
    if (small == letter) continue;
    std::string capital;
    to_upper(small, capital);
    EXPECT_EQ(capital, letter) << std::hex << static_cast<unsigned>(code);
  }
}

TEST(Values, InvalidUtf8StaysAsItIs) {
  for (auto text : {"\xFF", "\xC3", "a\xE2\x82", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\x80",
                    "\xF0\x80\x80\x80"}) {
    std::string folded;
    fold_case(text, folded);
    EXPECT_EQ(folded, text);
  }
  EXPECT_TRUE(equals_without_case("A\xFF", "a\xFF"));
  EXPECT_FALSE(equals_without_case("\xC3", "\xE3"));
}

TEST(Values, CopiesOutliveTheirSource) {
  Arena arena;
  Value copy;
  {
    std::string text = "some text";
    Value items[] = {Value(std::string_view(text)), Value(1.0)};
    copy = copy_value(Value::multi(items), arena);
    text = "overwritten";
    items[1] = Value(2.0);
  }
  ASSERT_EQ(copy.items().size(), 2U);
  EXPECT_EQ(copy.items()[0].text(), "some text");
  EXPECT_EQ(copy.items()[1].number(), 1.0);
}

}  // namespace
}  // namespace hecate::spl
