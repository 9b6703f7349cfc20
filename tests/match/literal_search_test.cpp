// Both ways of looking for literals against a third that is plain to see, over texts made at random.
#include "pipeline/match/literal_search.h"

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace hecate::match {
namespace {

class Found final : public LiteralSearch::Hits {
 public:
  void take(std::uint32_t literal) override { numbers.insert(literal); }
  std::set<std::uint32_t> numbers;
};

std::set<std::uint32_t> found_by(const LiteralSearch& search, std::string_view text) {
  // Of its own size, so that reading behind it is seen by sanitizers.
  std::vector<char> exact(text.begin(), text.end());
  Found found;
  EXPECT_TRUE(search.make_scratch()->search({exact.data(), exact.size()}, found));
  return found.numbers;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 'a' - 'A');
  return out;
}

bool hides_a_letter(std::string_view text) {
  std::string folded = lower(text);
  for (std::size_t at = folded.find("\\u00"); at != std::string::npos; at = folded.find("\\u00", at + 1)) {
    std::string digits = folded.substr(at + 4, 2);
    if (digits.size() < 2 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) continue;
    int c = std::stoi(digits, nullptr, 16);
    if (c >= ' ' && c <= '~' && std::string("\"&/<>\\").find(static_cast<char>(c)) == std::string::npos)
      return true;
  }
  return false;
}

std::set<std::uint32_t> expected(const std::vector<std::string>& literals, std::string_view text) {
  std::set<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < literals.size(); ++i)
    if (lower(text).find(literals[i]) != std::string::npos) numbers.insert(i);
  if (hides_a_letter(text)) numbers.insert(static_cast<std::uint32_t>(literals.size()));
  return numbers;
}

// Pieces of the literals and of escapes among other letters, so that much is nearly there.
std::string random_text(std::mt19937& random, const std::vector<std::string>& literals) {
  std::string text;
  auto pick = [&](std::size_t below) { return random() % below; };
  for (std::size_t pieces = pick(12); pieces > 0; --pieces) {
    switch (pick(4)) {
      case 0:
        text.append(pick(50), "aE\\ .0uX\x80\xff"[pick(10)]);
        break;
      case 1: {
        const std::string& literal = literals[pick(literals.size())];
        text += literal.substr(0, pick(3) == 0 ? pick(literal.size()) : literal.size());
        if (!text.empty() && pick(2) == 0) text.back() = static_cast<char>(text.back() ^ 0x20);
        break;
      }
      case 2:
        text += std::string("\\u00").substr(0, pick(5)) + "0123456789abcdefABCDEFg"[pick(23)] +
                "0123456789abcdefABCDEFg"[pick(23)];
        break;
      default:
        text.push_back(static_cast<char>(pick(256)));
    }
  }
  return text;
}

TEST(LiteralSearch, FewAndManyFindWhatIsThere) {
  const std::vector<std::vector<std::string>> sets = {
      {"msmpeng.exe"},
      {"aaa"},
      {"u00"},
      {"sekurlsa::logonpasswords", "ab"},
      {"one.exe", "two.exe", "this literal is longer than a block of the search is wide"}};
  std::mt19937 random(7);
  for (const auto& literals : sets) {
    auto few = LiteralSearch::for_few(literals);
    auto many = LiteralSearch::for_many(literals);
    if (!few) GTEST_SKIP() << "built without AVX2";
    ASSERT_TRUE(many);
    int hits = 0;
    for (int i = 0; i < 4000; ++i) {
      std::string text = random_text(random, literals);
      auto numbers = expected(literals, text);
      hits += static_cast<int>(numbers.size());
      ASSERT_EQ(found_by(*few, text), numbers) << text;
      ASSERT_EQ(found_by(*many, text), numbers) << text;
    }
    EXPECT_GT(hits, 400);
  }
}

TEST(LiteralSearch, EveryPlaceOfATextIsLookedAt) {
  const std::vector<std::string> literals = {"msmpeng.exe", "cmd"};
  auto few = LiteralSearch::for_few(literals);
  if (!few) GTEST_SKIP() << "built without AVX2";
  for (std::size_t size : {3, 11, 31, 42, 43, 44, 64, 75, 200}) {
    for (const std::string& literal : literals) {
      for (std::size_t at = 0; at + literal.size() <= size; ++at) {
        std::string text(size, 'm');
        text.replace(at, literal.size(), literal);
        EXPECT_EQ(found_by(*few, text), expected(literals, text)) << size << " " << at;
      }
    }
  }
}

TEST(LiteralSearch, ManyLiteralsAreNotForTheFew) {
  EXPECT_EQ(LiteralSearch::for_few(std::vector<std::string>(LiteralSearch::kFew + 1, "abc")), nullptr);
  EXPECT_TRUE(LiteralSearch::make(std::vector<std::string>(LiteralSearch::kFew + 1, "abc")));
}

}  // namespace
}  // namespace hecate::match
