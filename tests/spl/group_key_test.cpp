#include "pipeline/spl/group_key.h"

#include "gtest/gtest.h"

#include <algorithm>

namespace hecate::spl {
namespace {

std::string key_of(const std::vector<std::string>& values) {
  std::string key;
  for (const std::string& value : values) append_key_value(value, key);
  return key;
}

const std::vector<std::vector<std::string>> kRows = {
    {"", ""},
    {"", "z"},
    {std::string("\0", 1), "a"},
    {std::string("\0\0", 2), "a"},
    {std::string("\0\x01", 2), "a"},
    {"\x01", "a"},
    {"10", ""},
    {"9", "a"},
    {"A", "z"},
    {"a", ""},
    {"a", "b"},
    {std::string("a\0", 2), ""},
    {std::string("a\0b", 3), "a"},
    {"aa", ""},
    {"a\xC3\xA9", "x"},
    {"\xFF", ""},
    {"\xFF\xFF", ""},
};

TEST(GroupKey, SortsAsTheRowsDo) {
  ASSERT_TRUE(std::ranges::is_sorted(kRows));
  for (std::size_t i = 1; i < kRows.size(); ++i) EXPECT_LT(key_of(kRows[i - 1]), key_of(kRows[i])) << i;
}

TEST(GroupKey, GivesTheValuesBack) {
  for (const auto& row : kRows) {
    std::vector<std::string> values;
    ASSERT_TRUE(decode_key(key_of(row), row.size(), values));
    EXPECT_EQ(values, row);
  }
}

TEST(GroupKey, RefusesWhatIsNoKey) {
  std::string key = key_of({"a", "b"});
  std::vector<std::string> values;
  EXPECT_FALSE(decode_key(key, 1, values));
  EXPECT_FALSE(decode_key(key, 3, values));
  EXPECT_FALSE(decode_key(key.substr(0, key.size() - 1), 2, values));
  EXPECT_FALSE(decode_key(std::string("a\0\x02", 3), 1, values));
  EXPECT_FALSE(decode_key("", 1, values));
}

TEST(EventKey, SortsNewestFirst) {
  std::vector<std::string> keys = {
      event_key(kDay, 1, 0, 0), event_key(5, 9, 0, 0),  event_key(5, 8, 0, 0),
      event_key(5, 8, 1, 0),    event_key(0, 99, 0, 0), event_key(-5, 99, 0, 0),
  };
  EXPECT_TRUE(std::ranges::is_sorted(keys));
  EXPECT_NE(event_key(5, 8, 1, 1), event_key(5, 8, 1, 2));
}

// It is stored: a change would lose what is in the journals out there.
TEST(StableHash, NeverChanges) {
  EXPECT_EQ(stable_hash(""), 0xEFD01F60BA992926ULL);
  EXPECT_NE(stable_hash("a"), stable_hash("b"));
}

}  // namespace
}  // namespace hecate::spl
