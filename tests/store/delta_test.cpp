#include "pipeline/store/delta.h"

#include "tests/store/counts.h"

#include <random>

#include <gtest/gtest.h>

namespace hecate::store {
namespace {

using namespace testing;

TEST(DeltaSet, MergingIsTheSameAsAddingToOne) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    DeltaSet direct;
    DeltaSet merged;
    for (int part = 0; part < 5; ++part) {
      DeltaSet piece;
      for (unsigned n = random() % 60; n > 0; --n) {
        auto minute = static_cast<std::int64_t>(random() % 4);
        auto group = std::to_string(random() % 6);
        add_count(direct, 1, minute, group);
        add_count(piece, 1, minute, group);
      }
      merged.merge(std::move(piece));
    }
    ASSERT_EQ(merged.size(), direct.size());
    for (auto& [key, delta] : direct) EXPECT_EQ(count_of(merged.at(key).state), count_of(delta.state));
  }
}

TEST(Sample, ReadsBackWhatItWrote) {
  Sample sample;
  sample.time = -5;
  sample.arrival = 1ULL << 63;
  sample.raw = std::string("raw\0event", 9);
  sample.host = "h";
  sample.index = std::string(300, 'i');
  sample.fields = {{"user", "u"}, {"dest", ""}};
  std::string blob;
  sample.encode(blob);
  auto read = Sample::decode(blob);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->time, sample.time);
  EXPECT_EQ(read->arrival, sample.arrival);
  EXPECT_EQ(read->raw, sample.raw);
  EXPECT_EQ(read->host, "h");
  EXPECT_EQ(read->source, "");
  EXPECT_EQ(read->index, sample.index);
  EXPECT_EQ(read->fields, sample.fields);
  for (std::size_t size = 1; size < blob.size(); ++size)
    EXPECT_FALSE(Sample::decode(blob.substr(0, size))) << size;
  EXPECT_FALSE(Sample::decode(blob + "x"));
}

}  // namespace
}  // namespace hecate::store
