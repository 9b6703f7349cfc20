#include "daemon/hec_acks.h"

#include "daemon/config.h"

#include <gtest/gtest.h>

namespace hecate::daemon {
namespace {

using std::chrono::seconds;

constexpr std::string_view kGuid = "0aaaaaaa-0000-4000-8000-00000000000a";
constexpr Guid kA{1, 2};
constexpr Guid kB{1, 3};

class HecAcksTest : public ::testing::Test {
 protected:
  static HecAcks::Instant at(int second) { return HecAcks::Instant(seconds(second)); }
  std::vector<bool> tell(HecAcks& acks, Guid channel, std::vector<std::uint64_t> ids, int now = 0) {
    return acks.tell({&token, channel}, ids, at(now));
  }
  HecToken token, other;
};

TEST_F(HecAcksTest, IdsCountFromZeroInEachChannel) {
  HecAcks acks;
  EXPECT_EQ(acks.open({&token, kA}, at(0)).id, 0U);
  EXPECT_EQ(acks.open({&token, kA}, at(0)).id, 1U);
  EXPECT_EQ(acks.open({&token, kB}, at(0)).id, 0U);
  EXPECT_EQ(acks.open({&other, kA}, at(0)).id, 0U) << "another token's channel is another";
  EXPECT_EQ(acks.channels(), 3U);
}

TEST_F(HecAcksTest, TrueOnceWhenStored) {
  HecAcks acks;
  auto first = acks.open({&token, kA}, at(0));
  auto second = acks.open({&token, kA}, at(0));
  EXPECT_EQ(tell(acks, kA, {0, 1, 2}), (std::vector<bool>{false, false, false}));
  acks.settle(second, true);
  EXPECT_EQ(tell(acks, kA, {0, 1}), (std::vector<bool>{false, true}));
  EXPECT_EQ(tell(acks, kA, {1}), std::vector<bool>{false});
  acks.settle(first, true);
  EXPECT_EQ(tell(acks, kB, {0}), std::vector<bool>{false});
  EXPECT_EQ(acks.tell({&other, kA}, std::vector<std::uint64_t>{0}, at(0)), std::vector<bool>{false});
  EXPECT_EQ(tell(acks, kA, {0}), std::vector<bool>{true});
  EXPECT_EQ(acks.ids(), 0U) << "what was told is not kept";
  EXPECT_EQ(acks.open({&token, kA}, at(0)).id, 2U);
}

TEST_F(HecAcksTest, WhatWasNotStoredIsNeverTrue) {
  HecAcks acks;
  acks.settle(acks.open({&token, kA}, at(0)), false);
  EXPECT_EQ(tell(acks, kA, {0}), std::vector<bool>{false});
  EXPECT_EQ(acks.ids(), 0U);
}

TEST_F(HecAcksTest, IdleChannelsAreForgotten) {
  HecAcks acks;
  auto pending = acks.open({&token, kA}, at(0));
  acks.settle(acks.open({&token, kB}, at(0)), true);
  (void)tell(acks, kA, {7}, 10);  // asking is using
  acks.forget_idle(at(5));
  EXPECT_EQ(acks.channels(), 1U);
  EXPECT_EQ(tell(acks, kB, {0}), std::vector<bool>{false});
  acks.forget_idle(at(11));
  EXPECT_EQ(acks.channels(), 0U);
  EXPECT_EQ(acks.ids(), 0U);
  acks.settle(pending, true);  // comes too late, and hurts nothing
  EXPECT_EQ(acks.ids(), 0U);
  EXPECT_EQ(acks.open({&token, kA}, at(12)).id, 0U);
}

TEST_F(HecAcksTest, WhatIsKeptIsBounded) {
  HecAcks acks({.channels = 2, .ids_of_channel = 2, .ids = 3});
  (void)acks.open({&token, kA}, at(0));
  EXPECT_TRUE(acks.has_room({&token, kA}));
  auto second = acks.open({&token, kA}, at(0));
  EXPECT_FALSE(acks.has_room({&token, kA}));
  EXPECT_TRUE(acks.has_room({&token, kB}));
  EXPECT_FALSE(acks.is_full());
  (void)acks.open({&token, kB}, at(0));
  EXPECT_TRUE(acks.is_full());
  EXPECT_FALSE(acks.has_room({&token, kB}));
  EXPECT_FALSE(acks.has_room({&other, kA}));
  acks.settle(second, false);
  EXPECT_FALSE(acks.has_room({&token, kA})) << "the first is still pending";
}

TEST_F(HecAcksTest, Guids) {
  EXPECT_EQ(parse_guid(kGuid), Guid(0x0aaaaaaa00004000, 0x800000000000000a));
  EXPECT_EQ(parse_guid("FE0ECFAD-13D5-401B-847D-77833BD77131"), Guid(0xfe0ecfad13d5401b, 0x847d77833bd77131));
  EXPECT_EQ(parse_guid("0AAAAAAA-0000-4000-8000-00000000000A"), parse_guid(kGuid)) << "case does not matter";
  for (std::string_view wrong :
       {"", "a", "0aaaaaaa-0000-4000-8000-00000000000", "0aaaaaaa-0000-4000-8000-00000000000aa",
        "0aaaaaaa00000-4000-8000-00000000000a", "0aaaaaag-0000-4000-8000-00000000000a",
        "{aaaaaaa-0000-4000-8000-00000000000}"})
    EXPECT_EQ(parse_guid(wrong), std::nullopt) << wrong;
}

TEST_F(HecAcksTest, Queries) {
  auto parse = [](std::string body) {
    std::size_t size = body.size();
    body.append(64, '\0');
    return parse_ack_query(std::string_view(body).substr(0, size));
  };
  using Ids = std::vector<std::uint64_t>;
  EXPECT_EQ(parse(R"({"acks":[0,1]})"), (Ids{0, 1}));
  EXPECT_EQ(parse(R"( {"other":{"a":[1]}, "acks" : [ 3 , 1, 3 ] } )"), (Ids{1, 3}));
  EXPECT_EQ(parse(R"({"acks":[]})"), Ids{});
  EXPECT_EQ(parse(R"({"acks":[18446744073709551615]})"), Ids{UINT64_MAX});
  for (const char* wrong : {"", "[0]", "{}", R"({"acks":0})", R"({"acks":["0"]})", R"({"acks":[-1]})",
                            R"({"acks":[1.5]})", R"({"acks":[18446744073709551616]})", R"({"acks":[0])",
                            R"({"acks":[0]}x)", R"({"acks":[0}})", R"({"acks":[0,]})", R"({"acks":null})"})
    EXPECT_EQ(parse(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace hecate::daemon
