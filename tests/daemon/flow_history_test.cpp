#include "daemon/flow_history.h"

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using daemon::FlowHistory;
using Rates = std::map<std::string, std::deque<double>>;

TEST(FlowHistory, IsWhatCameBetweenTwoSamples) {
  FlowHistory flow;
  flow.sample(10 * kSecond, {{"hec", 100}});
  EXPECT_EQ(flow.rates(), Rates{});
  flow.sample(20 * kSecond, {{"hec", 150}, {"udp", 9}});
  flow.sample(25 * kSecond, {{"hec", 150}, {"udp", 19}});
  EXPECT_EQ(flow.rates(), (Rates{{"hec", {5, 0}}, {"udp", {2}}}));
  flow.sample(35 * kSecond, {{"udp", 19}});
  EXPECT_EQ(flow.rates(), (Rates{{"udp", {2, 0}}}));
  EXPECT_EQ(flow.last(), 35 * kSecond);
}

TEST(FlowHistory, AClockThatIsSetBackSaysNothing) {
  FlowHistory flow;
  flow.sample(20 * kSecond, {{"hec", 0}});
  flow.sample(10 * kSecond, {{"hec", 50}});
  flow.sample(20 * kSecond, {{"hec", 60}});
  EXPECT_EQ(flow.rates(), (Rates{{"hec", {1}}}));
}

TEST(FlowHistory, KeepsAnHour) {
  FlowHistory flow;
  for (int i = 0; i < 1000; ++i) flow.sample((i + 1) * 10 * kSecond, {{"hec", i * i}});
  const auto& rates = flow.rates().at("hec");
  ASSERT_EQ(rates.size(), FlowHistory::kSamples);
  EXPECT_DOUBLE_EQ(rates.back(), (999 * 999 - 998 * 998) / 10.0);
}

}  // namespace
}  // namespace hecate::testing
