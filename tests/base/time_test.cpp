#include "pipeline/base/time.h"

#include "pipeline/base/arena.h"

#include <gtest/gtest.h>

namespace hecate {
namespace {

constexpr Time kNoon = 1777294800 * kSecond;  // 2026-04-27T13:00:00Z

TEST(Timestamp, ReadsWhatWindowsAndSysmonWrite) {
  EXPECT_EQ(parse_timestamp("2026-04-27 13:00:00"), kNoon);
  EXPECT_EQ(parse_timestamp("2026-04-27 13:00:00.111"), kNoon + 111 * kMillisecond);
  EXPECT_EQ(parse_timestamp("2026-04-27T13:00:00.1110659Z"), kNoon + 111065);
  EXPECT_EQ(parse_timestamp("2026-04-27T13:00:00.111065999Z"), kNoon + 111065);
  EXPECT_EQ(parse_timestamp("2026-04-27T15:00:00+02:00"), kNoon);
  EXPECT_EQ(parse_timestamp("2026-04-27 15:00:00 +0200"), kNoon);
  EXPECT_EQ(parse_timestamp("2026-04-27T08:30:00.5-04:30"), kNoon + kSecond / 2);
  EXPECT_EQ(parse_timestamp("1969-12-31T23:59:59.999Z"), -kMillisecond);
  EXPECT_EQ(parse_timestamp("2024-02-29 00:00:00"), from_civil(2024, 2, 29));
}

TEST(Timestamp, RefusesAnythingElse) {
  for (const char* text :
       {"", "2026-04-27", "2026-02-29 00:00:00", "2026-13-01 00:00:00", "2026-04-27 24:00:00",
        "2026-04-27 13:60:00", "2026-04-27 13:00:60", "2026-04-27 13:00:00.", "2026-4-27 13:00:00",
        "2026-04-27 13:00:00 ", "2026-04-27 13:00:00x", "27.04.2026 13:00:00", "1777294800"}) {
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
  }
}

TEST(Epoch, ReadsSecondsAndWhatIsLargerAsSmallerUnits) {
  EXPECT_EQ(parse_epoch("0"), 0);
  EXPECT_EQ(parse_epoch("9999999999999999999"), std::nullopt);  // would be a time before all history
  EXPECT_EQ(parse_epoch("1777294800"), kNoon);
  EXPECT_EQ(parse_epoch("1777294800.123"), kNoon + 123 * kMillisecond);
  EXPECT_EQ(parse_epoch("1777294800.1234567"), kNoon + 123456);
  EXPECT_EQ(parse_epoch("100000000000"), 100'000'000'000 * kSecond);
  EXPECT_EQ(parse_epoch("1777294800123"), kNoon + 123 * kMillisecond);
  EXPECT_EQ(parse_epoch("1777294800123.5"), kNoon + 123 * kMillisecond + 500);
  EXPECT_EQ(parse_epoch("1777294800123456"), kNoon + 123456);
  EXPECT_EQ(parse_epoch("1777294800123456789"), kNoon + 123456);
}

TEST(Epoch, RefusesAnythingElse) {
  for (const char* text : {"", " 1", "1 ", "-1", "+1", "1e9", "1.", ".5", "1.5e3", "0x10", "noon", "1,5",
                           "1.2.3", "99999999999999999999"}) {
    EXPECT_EQ(parse_epoch(text), std::nullopt) << text;
  }
}

TEST(Epoch, IsWrittenWithTheDecimalsItNeeds) {
  EXPECT_EQ(format_epoch(kNoon), "1777294800");
  EXPECT_EQ(format_epoch(kNoon + 123 * kMillisecond), "1777294800.123");
  EXPECT_EQ(format_epoch(1), "0.000001");
  EXPECT_EQ(format_epoch(-500 * kMillisecond), "-0.5");
  EXPECT_EQ(format_epoch(-kSecond), "-1");
}

TEST(Iso, HasThreeDecimals) {
  EXPECT_EQ(format_iso(kNoon + 111999), "2026-04-27T13:00:00.111Z");
  EXPECT_EQ(format_iso(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Civil, GoesBothWays) {
  for (Time time : {kNoon, Time{0}, -kDay, from_civil(2024, 12, 31, 23, 59, 59), from_civil(1900, 3, 1)}) {
    CivilTime t = to_civil(time);
    EXPECT_EQ(from_civil(t.year, t.month, t.day, t.hour, t.minute, t.second), time);
  }
  CivilTime t = to_civil(kNoon);
  EXPECT_EQ(t.weekday, 1);
  EXPECT_EQ(t.yearday, 116);
  EXPECT_EQ(to_civil(from_civil(2024, 12, 31)).yearday, 365);
}

TEST(Floor, GoesDownBeforeTheEpochToo) {
  EXPECT_EQ(floor_to(kNoon + 59 * kSecond, kMinute), kNoon);
  EXPECT_EQ(floor_to(-1, kMinute), -kMinute);
  EXPECT_EQ(floor_to(-kMinute, kMinute), -kMinute);
}

TEST(Arena, GivesMemoryThatStaysUntilReset) {
  Arena arena;
  std::string_view first = arena.copy("first");
  std::string large(5'000'000, 'x');
  EXPECT_EQ(arena.copy(large), large);
  for (int i = 0; i < 100'000; ++i) (void)arena.copy("filling");
  EXPECT_EQ(first, "first");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.allocate(3)) % 8, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.allocate(3)) % 8, 0u);
}

TEST(Arena, BeginsAgainInTheSameBlock) {
  Arena arena;
  char* first = arena.allocate(8);
  (void)arena.allocate(1'000'000);
  EXPECT_EQ(arena.used(), 1'000'008u);
  arena.reset();
  EXPECT_EQ(arena.used(), 0u);
  EXPECT_EQ(arena.allocate(8), first);
}

TEST(Arena, NothingTakesNoMemory) {
  Arena arena;
  EXPECT_TRUE(arena.copy("").empty());
  EXPECT_EQ(arena.used(), 0u);
  arena.reset();
  EXPECT_NE(arena.allocate(0), nullptr);
}

}  // namespace
}  // namespace hecate
