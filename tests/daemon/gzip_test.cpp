#include "daemon/gzip.h"

#include "tests/support/gzip.h"

#include <gtest/gtest.h>

namespace hecate::daemon {
namespace {

struct Unpacked {
  GzipReader::State state;
  std::string text;
  int steps = 0;
};
Unpacked unpack(const std::string& packed, std::size_t limit) {
  GzipReader reader(packed, limit);
  ingest::Buffer out;
  Unpacked result{GzipReader::State::more, {}, 0};
  while (result.state == GzipReader::State::more) {
    result.state = reader.step(out);
    ++result.steps;
  }
  result.text = out.view();
  return result;
}

TEST(Gzip, UnpacksInSteps) {
  std::string text;
  for (int i = 0; i < 500'000; ++i) text += std::to_string(i);
  Unpacked result = unpack(testing::gzip(text), text.size());
  EXPECT_EQ(result.state, GzipReader::State::done);
  EXPECT_EQ(result.text, text);
  EXPECT_GE(result.steps, 3);
}

TEST(Gzip, ABombStopsAtTheLimit) {
  std::string packed = testing::gzip(std::string(50'000'000, 'x'));
  ASSERT_LT(packed.size(), 100'000U);
  Unpacked result = unpack(packed, 3'000'000);
  EXPECT_EQ(result.state, GzipReader::State::too_large);
  EXPECT_EQ(result.text.size(), 3'000'001U);
}

TEST(Gzip, OneByteOverTheLimit) {
  EXPECT_EQ(unpack(testing::gzip(std::string(1000, 'x')), 1000).state, GzipReader::State::done);
  EXPECT_EQ(unpack(testing::gzip(std::string(1001, 'x')), 1000).state, GzipReader::State::too_large);
}

TEST(Gzip, CutOffAtAnyByteIsCorrupt) {
  std::string packed = testing::gzip("one two three one two three");
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_EQ(unpack(packed.substr(0, size), 1000).state, GzipReader::State::corrupt) << size;
  }
}

TEST(Gzip, ADamagedChecksumIsCorrupt) {
  std::string packed = testing::gzip("one two three");
  packed[packed.size() - 6] = static_cast<char>(packed[packed.size() - 6] ^ 1);
  EXPECT_EQ(unpack(packed, 1000).state, GzipReader::State::corrupt);
}

TEST(Gzip, MembersReadAsOneAndZerosAtTheEndAreNothing) {
  Unpacked result = unpack(testing::gzip("one ") + testing::gzip("two") + std::string(7, '\0'), 1000);
  EXPECT_EQ(result.state, GzipReader::State::done);
  EXPECT_EQ(result.text, "one two");
}

TEST(Gzip, WhatFollowsAMemberMustBeOne) {
  EXPECT_EQ(unpack(testing::gzip("one") + "two", 1000).state, GzipReader::State::corrupt);
}

}  // namespace
}  // namespace hecate::daemon
