#include "daemon/spl_reference.h"

#include "tests/support/testing.h"

#include <gtest/gtest.h>

namespace hecate::daemon {
namespace {

TEST(SplReference, TheCommittedPageIsWhatTheTablesSay) {
  EXPECT_EQ(testing::read_file(HECATE_SOURCE_DIR "/docs/spl.md"), spl_reference())
      << "make it anew: hecate spl-reference > docs/spl.md";
}

}  // namespace
}  // namespace hecate::daemon
