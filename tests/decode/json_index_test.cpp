// What is stepped over is checked as a parser would: against simdjson's own, over texts with random faults.
#include "pipeline/decode/json_index.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <simdjson.h>

namespace hecate::decode {
namespace {

using Tokens = std::vector<std::string>;

void add_value(std::mt19937& random, int depth, Tokens& tokens) {
  auto pick = [&](std::size_t below) { return random() % below; };
  std::size_t kind = pick(depth > 0 ? 10 : 7);
  if (kind < 5) {
    tokens.emplace_back(R"("a value")");
  } else if (kind < 7) {
    tokens.emplace_back(std::vector<std::string>{"11", "-1.5e3", "true", "null", "0"}[pick(5)]);
  } else {
    bool object = kind < 9;
    tokens.emplace_back(object ? "{" : "[");
    for (std::size_t members = pick(5), i = 0; i < members; ++i) {
      if (i > 0) tokens.emplace_back(",");
      if (object) tokens.insert(tokens.end(), {R"("key")", ":"});
      add_value(random, depth - 1, tokens);
    }
    tokens.emplace_back(object ? "}" : "]");
  }
}

void add_fault(std::mt19937& random, Tokens& tokens) {
  const std::vector<std::string> any = {"{", "}", "[", "]", ",", ":", R"("x")", "1", "01", "tru", "-", "1."};
  std::size_t at = random() % tokens.size();
  switch (random() % 3) {
    case 0:
      tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      tokens[at] = any[random() % any.size()];
      break;
    default:
      tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(at), any[random() % any.size()]);
  }
}

std::string joined(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token + " ";
  return text;
}

TEST(JsonIndex, StepsOverWhatAParserTakesAndNothingElse) {
  std::mt19937 random(11);
  simdjson::dom::parser parser;
  JsonIndex index;
  int good = 0, bad = 0;
  for (int i = 0; i < 20'000; ++i) {
    Tokens tokens = {"{", R"("first")", ":"};
    add_value(random, 4, tokens);
    tokens.emplace_back("}");
    for (std::size_t faults = random() % 3; faults > 0 && !tokens.empty(); --faults)
      add_fault(random, tokens);
    std::string text = joined(tokens);
    std::size_t size = text.size();
    text.append(simdjson::SIMDJSON_PADDING, ' ');
    std::string_view json = std::string_view(text).substr(0, size);
    bool is_json = parser.parse(json.data(), json.size(), false).error() == simdjson::SUCCESS;
    JsonCursor in;
    std::string_view value;
    bool stepped = index.build(json, in) && !in.done() && skip_value(in, value) == JsonWalk::ok && in.done();
    ASSERT_EQ(stepped, is_json) << json;
    ++(is_json ? good : bad);
  }
  EXPECT_GT(good, 5'000);
  EXPECT_GT(bad, 5'000);
}

TEST(JsonIndex, SaysWhetherATextEndsInsideOfAValue) {
  std::string text = R"({"a":"1","b":{"c":2,"d":[1,"x"]},"e":"2"})";
  JsonIndex index;
  for (std::size_t size = 1; size < text.size(); ++size) {
    std::string padded = text.substr(0, size) + std::string(64, ' ');
    JsonCursor in;
    std::string_view value;
    if (!index.build(std::string_view(padded).substr(0, size), in)) continue;  // inside of a string
    EXPECT_NE(skip_value(in, value), JsonWalk::ok) << text.substr(0, size);
  }
}

}  // namespace
}  // namespace hecate::decode
