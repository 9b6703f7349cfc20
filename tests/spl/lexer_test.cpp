#include "pipeline/spl/lexer.h"

#include <gtest/gtest.h>

namespace hecate::spl {
namespace {

SourceText source_of(std::string_view text) {
  SourceText source;
  source.append(text, Position{}, false);
  return source;
}

// The commands as `name<arguments>`, or the error as `line:column: message`.
std::vector<std::string> commands(std::string_view search) {
  SourceText source = source_of(search);
  Parsed<std::vector<CommandText>> pipeline = split_pipeline(source);
  if (!pipeline) {
    const Position& at = pipeline.error().position;
    return {std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + pipeline.error().message};
  }
  std::vector<std::string> found;
  for (const CommandText& command : *pipeline) {
    found.push_back(command.name + "<" + std::string(Cursor(source, command.arguments).rest()) + ">");
  }
  return found;
}

using Texts = std::vector<std::string>;

TEST(Pipeline, IsCutAtPipes) {
  EXPECT_EQ(commands("a=1 | stats count by b|head 5"),
            (Texts{"search<a=1>", "stats<count by b>", "head<5>"}));
  EXPECT_EQ(commands(" | tstats count"), Texts{"tstats<count>"});
  EXPECT_EQ(commands("search a=1 | WHERE x"), (Texts{"search<a=1>", "where<x>"}));
  EXPECT_EQ(commands("searching | head"), (Texts{"search<searching>", "head<>"}));
  EXPECT_EQ(commands("*"), Texts{"search<*>"});
}

TEST(Pipeline, NotInsideQuotesAndSubsearches) {
  EXPECT_EQ(commands(R"(a="x|y" b="\"|" c="\\" | head)"),
            (Texts{R"(search<a="x|y" b="\"|" c="\\">)", "head<>"}));
  EXPECT_EQ(commands("a [search b | fields c [x|y]] | head"),
            (Texts{"search<a [search b | fields c [x|y]]>", "head<>"}));
}

TEST(Pipeline, WhatIsRefused) {
  EXPECT_EQ(commands("a | | b")[0].substr(0, 27), "1:5: a command is missing: ");
  EXPECT_EQ(commands("a |")[0].substr(0, 27), "1:4: a command is missing: ");
  EXPECT_EQ(commands("")[0], "1:1: the search is empty");
  EXPECT_EQ(commands("a [b | c")[0], "1:3: a subsearch is opened here and never closed: \"]\" is missing");
  EXPECT_EQ(commands("a ] b")[0], "1:3: this \"]\" closes no bracket: \"[\" is missing");
  EXPECT_EQ(commands("a |\n b=\"x | head")[0].substr(0, 31), "2:4: a double quote is opened h");
}

TEST(Cursor, WordsKeywordsAndCharacters) {
  SourceText source = source_of("  Count AS n,by(x) counter");
  Cursor cursor(source);
  EXPECT_TRUE(cursor.try_keyword("count"));
  EXPECT_FALSE(cursor.try_keyword("a"));
  EXPECT_TRUE(cursor.try_keyword("as"));
  EXPECT_EQ(cursor.word(), "n");
  EXPECT_TRUE(cursor.try_char(','));
  EXPECT_EQ(cursor.word(), "by");
  EXPECT_EQ(cursor.peek(), '(');
  Parsed<Range> inside = cursor.parenthesized();
  ASSERT_TRUE(inside);
  EXPECT_EQ(cursor.text(*inside), "x");
  EXPECT_FALSE(cursor.try_keyword("count"));
  EXPECT_EQ(cursor.rest(), "counter");
  EXPECT_EQ(cursor.position().column, 20);
  EXPECT_EQ(cursor.word(), "counter");
  EXPECT_TRUE(cursor.at_end());
  EXPECT_EQ(cursor.peek(), '\0');
}

TEST(Cursor, FieldsAndQuotedTexts) {
  SourceText source = source_of(R"(Processes.user 'odd name' "other \"name\"" x)");
  Cursor cursor(source);
  EXPECT_EQ(cursor.field().value(), "Processes.user");
  EXPECT_EQ(cursor.field().value(), "odd name");
  EXPECT_EQ(cursor.quoted().value(), "other \"name\"");
  EXPECT_EQ(cursor.quoted().error().position.column, 44);
  EXPECT_EQ(cursor.field().value(), "x");
  EXPECT_EQ(cursor.field().error().message, "a field name is missing before the end of the search");
}

TEST(Cursor, Options) {
  SourceText source = source_of(R"(Limit=5 span = 1h type="left" usenull=T x==1)");
  Cursor cursor(source);
  EXPECT_FALSE(cursor.try_option("span"));
  EXPECT_TRUE(cursor.try_option("limit"));
  EXPECT_EQ(cursor.integer().value(), 5);
  EXPECT_EQ(cursor.try_option().value(), "span");
  EXPECT_EQ(cursor.value().value(), "1h");
  EXPECT_TRUE(cursor.try_option("type"));
  EXPECT_EQ(cursor.integer().error().message, "\"left\" is not a whole number");
  EXPECT_TRUE(cursor.try_option("usenull"));
  EXPECT_TRUE(cursor.boolean().value());
  EXPECT_FALSE(cursor.try_option().has_value()) << "== compares";
}

TEST(Cursor, PartsMindQuotesAndNesting) {
  SourceText source = source_of(R"x(if(a,")",b), c=(1,2) , d)x");
  Cursor cursor(source);
  EXPECT_EQ(cursor.text(cursor.until(',')), R"x(if(a,")",b))x");
  EXPECT_TRUE(cursor.try_char(','));
  EXPECT_EQ(cursor.text(cursor.until(',')), "c=(1,2) ");
  EXPECT_TRUE(cursor.try_char(','));
  EXPECT_EQ(cursor.text(cursor.until(',')), "d");
}

TEST(Cursor, WhatIsLeftOver) {
  SourceText source = source_of("5 extra");
  Cursor cursor(source);
  EXPECT_EQ(cursor.integer().value(), 5);
  EXPECT_EQ(cursor.expect_end("the number of head").error().message,
            "unexpected \"extra\" after the number of head");
}

}  // namespace
}  // namespace hecate::spl
