#include "outputs/ack_ledger.h"

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using namespace std::chrono_literals;
using Sequences = AckLedger::Sequences;

TEST(AckLedger, AnIdStandsForItsEnvelopesOnItsChannel) {
  AckLedger ledger;
  AckLedger::Monotonic::time_point now{};
  EXPECT_TRUE(ledger.add("a", 0, {1, 2}, now));
  EXPECT_TRUE(ledger.add("b", 0, {3}, now));
  EXPECT_TRUE(ledger.add("a", 1, {4}, now));
  EXPECT_EQ(ledger.size(), 3u);
  std::map<std::string, std::vector<std::uint64_t>> waiting{{"a", {0, 1}}, {"b", {0}}};
  EXPECT_EQ(ledger.waiting(), waiting);
  EXPECT_EQ(ledger.take("a", 0), (Sequences{1, 2}));
  EXPECT_EQ(ledger.take("a", 0), Sequences{});
  EXPECT_EQ(ledger.take("c", 1), Sequences{});
  EXPECT_EQ(ledger.take("b", 0), Sequences{3});
  EXPECT_EQ(ledger.take_all(), Sequences{4});
  EXPECT_EQ(ledger.size(), 0u);
}

TEST(AckLedger, DoesNotTakeAnIdTwice) {
  AckLedger ledger;
  EXPECT_TRUE(ledger.add("a", 0, {1}, {}));
  EXPECT_FALSE(ledger.add("a", 0, {2}, {}));
  EXPECT_EQ(ledger.take("a", 0), Sequences{1});
  EXPECT_TRUE(ledger.add("a", 0, {2}, {}));
}

TEST(AckLedger, KnowsWhichAreOverdue) {
  AckLedger ledger;
  AckLedger::Monotonic::time_point start{10s};
  EXPECT_EQ(ledger.oldest(), AckLedger::Monotonic::time_point::max());
  EXPECT_TRUE(ledger.add("a", 5, {1}, start + 1s));
  EXPECT_TRUE(ledger.add("a", 6, {2}, start));
  EXPECT_EQ(ledger.oldest(), start);
  EXPECT_EQ(ledger.take_older(start), Sequences{});
  EXPECT_EQ(ledger.take_older(start + 1s), Sequences{2});
  EXPECT_EQ(ledger.oldest(), start + 1s);
}

}  // namespace
}  // namespace hecate::outputs
