#include "pipeline/base/nearest.h"

#include <gtest/gtest.h>

namespace hecate {
namespace {

TEST(Nearest, IsForMisspellings) {
  std::vector<std::string_view> names{"Windows Odd Driver", "Linux Odd Driver", "TTP"};
  EXPECT_EQ(nearest("windows odd drivers", names), "Windows Odd Driver");
  EXPECT_EQ(nearest("TPT", names), "TTP");
  EXPECT_EQ(nearest("something else", names), "");
}

TEST(Nearest, IsNotFarAway) {
  EXPECT_EQ(nearest("mvcuont", {"mvindex", "mvcount"}), "mvcount");
  EXPECT_EQ(nearest("jion", {"bin", "join"}), "join") << "two letters that changed places are one mistake";
  EXPECT_EQ(nearest("stst", {"rest", "sort"}), "") << "two mistakes in four letters";
  EXPECT_EQ(nearest("IFF", {"if", "in"}), "if");
  EXPECT_EQ(nearest("xyz", {"if", "mvcount"}), "");
}

}  // namespace
}  // namespace hecate
