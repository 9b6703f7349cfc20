#include "daemon/time_shift.h"

#include <gtest/gtest.h>

namespace hecate::daemon {
namespace {

TEST(TimeShift, MovesTheTimesOfJsonEventsAndOfTheirMessage) {
  EXPECT_EQ(
      shift_times(
          R"({"UtcTime": "2026-04-27 13:21:39.111","Message":"File created:\r\nUtcTime: 2026-04-27 13:21:39.111\r\n)"
          R"(CreationUtcTime: 2026-04-27 23:59:59.999","TimeCreated":"2026-04-27T13:21:39.635Z"})",
          kHour),
      R"({"UtcTime": "2026-04-27 14:21:39.111","Message":"File created:\r\nUtcTime: 2026-04-27 14:21:39.111\r\n)"
      R"(CreationUtcTime: 2026-04-28 00:59:59.999","TimeCreated":"2026-04-27T14:21:39.635Z"})");
}

TEST(TimeShift, MovesTheTimesOfXmlAndKeepsTheNumberOfDecimals) {
  EXPECT_EQ(shift_times("<TimeCreated SystemTime='2026-04-27T13:21:39.111065900Z'/><Data "
                        "Name='UtcTime'>2026-04-27 13:21:39.1</Data>",
                        90 * kSecond),
            "<TimeCreated SystemTime='2026-04-27T13:23:09.111065900Z'/><Data Name='UtcTime'>2026-04-27 "
            "13:23:09.1</Data>");
}

TEST(TimeShift, LeavesOtherTimesAndTextsAlone) {
  for (const char* text : {R"({"Image":"C:\\2026-04-27 13:21:39.111.exe"})", R"({"UtcTime":"soon"})",
                           "The last UtcTime", "EventTime2026-04-27 13:21:39"})
    EXPECT_EQ(shift_times(text, kHour), text);
}

}  // namespace
}  // namespace hecate::daemon
