#include "outputs/json_writer.h"

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

std::string string_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, PutsCommasBetween) {
  JsonWriter json;
  json.begin_object();
  json.key("a").begin_array().value(1).value("x").begin_object().end_object().end_array();
  json.key("b").value(true);
  json.key("c").raw("1.5");
  json.end_object();
  EXPECT_EQ(json.text(), R"({"a":[1,"x",{}],"b":true,"c":1.5})");
}

TEST(JsonWriter, EscapesWhatMustBe) {
  EXPECT_EQ(string_of("a\"\\\n\r\t\x01 \x7F/"), "\"a\\\"\\\\\\n\\r\\t\\u0001 \x7F/\"");
  EXPECT_EQ(string_of(std::string_view("\0", 1)), "\"\\u0000\"");
}

TEST(JsonWriter, ReplacesInvalidUtf8) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(string_of("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"");
  EXPECT_EQ(string_of("a\xFFz"), "\"a" + bad + "z\"");
  EXPECT_EQ(string_of("\xC3"), "\"" + bad + "\"");                                // cut off
  EXPECT_EQ(string_of("\xC0\x80"), "\"" + bad + bad + "\"");                      // overlong
  EXPECT_EQ(string_of("\xED\xA0\x80"), "\"" + bad + bad + bad + "\"");            // a surrogate
  EXPECT_EQ(string_of("\xF4\x90\x80\x80"), "\"" + bad + bad + bad + bad + "\"");  // beyond U+10FFFF
}

}  // namespace
}  // namespace hecate::outputs
