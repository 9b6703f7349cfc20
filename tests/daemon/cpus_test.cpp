#include "daemon/cpus.h"

#include "tests/support/testing.h"

#include <fstream>

#include <gtest/gtest.h>
#include <sched.h>

namespace hecate::daemon {
namespace {

int with_cpu_max(const std::string& text) {
  hecate::testing::TemporaryFolder folder;
  std::ofstream(folder / "cpu.max") << text;
  return available_cpus(folder / "cpu.max");
}

TEST(Cpus, AffinityCountsAndTheContainersQuotaWhereItIsLess) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  int all = CPU_COUNT(&before);
  EXPECT_EQ(available_cpus("/nonexistent"), all);
  EXPECT_EQ(with_cpu_max("max 100000\n"), all);
  EXPECT_EQ(with_cpu_max("nonsense"), all);
  EXPECT_EQ(with_cpu_max("10000000 100000\n"), all) << "a quota of a hundred CPUs makes no more of them";
  EXPECT_EQ(with_cpu_max("50000 100000\n"), 1) << "half a CPU is one";
  EXPECT_EQ(with_cpu_max("150000 100000\n"), std::min(all, 2));

  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(available_cpus("/nonexistent"), 1);
  sched_setaffinity(0, sizeof(before), &before);
}

TEST(Cpus, ALoneOneEvaluatesOnTheNetworksThread) {
  EXPECT_EQ(default_workers(1), 0);
  EXPECT_EQ(default_workers(2), 1);
  EXPECT_EQ(default_workers(4), 3);
  EXPECT_EQ(default_workers(64), 4);
}

}  // namespace
}  // namespace hecate::daemon
