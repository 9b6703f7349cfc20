#include "pipeline/syslog/timestamp.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace hecate::syslog {

namespace {

constexpr std::uint32_t packed(const char* name) {
  return static_cast<std::uint32_t>(name[0]) << 16 | static_cast<std::uint32_t>(name[1]) << 8 |
         static_cast<std::uint32_t>(name[2]);
}
constexpr std::array<std::uint32_t, 12> kMonths = {
    packed("Jan"), packed("Feb"), packed("Mar"), packed("Apr"), packed("May"), packed("Jun"),
    packed("Jul"), packed("Aug"), packed("Sep"), packed("Oct"), packed("Nov"), packed("Dec")};
// A leap day may be as far back as this.
constexpr int kYearsBack = 8;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What a numeric time has beside digits.
bool is_mark(char c) {
  return c == '.' || c == ':' || c == '+' || c == '-' || c == 'Z';
}

// Takes texts off the front of a time; each returns whether it was there.
struct Scanner {
  std::string_view rest;

  bool skip(char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool number(std::size_t least, std::size_t most, int& value) {
    std::size_t digits = 0;
    value = 0;
    for (; digits < most && digits < rest.size() && is_digit(rest[digits]); ++digits)
      value = value * 10 + (rest[digits] - '0');
    if (digits < least) return false;
    rest.remove_prefix(digits);
    return true;
  }
  bool month(int& value) {
    if (rest.size() < 3) return false;
    auto found = std::ranges::find(kMonths, packed(rest.data()));
    if (found == kMonths.end()) return false;
    value = static_cast<int>(found - kMonths.begin()) + 1;
    rest.remove_prefix(3);
    return skip(' ');
  }
  // hh:mm:ss, with decimals.
  bool clock(Time& value) {
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!number(2, 2, hour) || !skip(':') || !number(2, 2, minute) || !skip(':') || !number(2, 2, second))
      return false;
    if (hour > 23 || minute > 59 || second > 60) return false;
    value = hour * kHour + minute * kMinute + second * kSecond;
    if (rest.size() > 1 && rest[0] == '.' && is_digit(rest[1])) {
      skip('.');
      for (Time unit = kSecond / 10; !rest.empty() && is_digit(rest.front()); unit /= 10) {
        value += (rest.front() - '0') * unit;
        rest.remove_prefix(1);
      }
    }
    return true;
  }
};

// `as_utc` was read as UTC and is meant in `zone`.
Time from_zone(Time as_utc, const absl::TimeZone& zone) {
  if (zone == absl::UTCTimeZone()) return as_utc;
  CivilTime civil = to_civil(as_utc);
  absl::CivilSecond second(civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second);
  return absl::ToUnixSeconds(absl::FromCivil(second, zone)) * kSecond + (as_utc - floor_to(as_utc, kSecond));
}

bool is_leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

std::optional<Time> in_year(int year, int month, int day, Time clock, const absl::TimeZone& zone) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int days = kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
  if (day < 1 || day > days) return std::nullopt;
  return from_zone(from_civil(year, month, day) + clock, zone);
}

std::optional<Time> newest_year(int month, int day, Time clock, Time now, const absl::TimeZone& zone) {
  int year = to_civil(now + kDay).year;
  for (int last = year - kYearsBack; year >= last; --year) {
    auto time = in_year(year, month, day, clock, zone);
    if (time && *time <= now + kDay) return time;
  }
  return std::nullopt;
}

std::optional<Time> take_named_month(std::string_view& text, Time now, const absl::TimeZone& zone) {
  Scanner in{text};
  int year = 0;
  int month = 0;
  int day = 0;
  Time clock = 0;
  bool has_year = in.number(4, 4, year);
  if (has_year && !in.skip(' ')) return std::nullopt;
  if (!in.month(month)) return std::nullopt;
  in.skip(' ');
  if (!in.number(1, 2, day) || !in.skip(' ')) return std::nullopt;
  if (!has_year && in.rest.size() > 4 && in.rest[4] == ' ') {
    has_year = in.number(4, 4, year);
    if (!has_year || !in.skip(' ')) return std::nullopt;
  }
  if (!in.clock(clock)) return std::nullopt;
  auto time = has_year ? in_year(year, month, day, clock, zone) : newest_year(month, day, clock, now, zone);
  if (time) text = in.rest;
  return time;
}

std::optional<Time> take_numeric(std::string_view& text, const absl::TimeZone& zone) {
  constexpr std::string_view kShape = "2026-04-27T13:21:39";
  if (text.size() < kShape.size() || text[4] != '-' || text[7] != '-' || text[13] != ':') return std::nullopt;
  std::size_t end = kShape.size();
  while (end < text.size() && (is_digit(text[end]) || is_mark(text[end]))) ++end;
  std::size_t colon = text[end - 1] == ':' ? 1 : 0;
  std::string_view written = text.substr(0, end - colon);
  auto time = parse_timestamp(written);
  if (!time) return std::nullopt;
  text.remove_prefix(written.size());
  bool has_zone = written.find_first_of("Z+-", kShape.size()) != std::string_view::npos;
  return has_zone ? time : from_zone(*time, zone);
}

}  // namespace

std::optional<Time> take_time(std::string_view& text, Time now, const absl::TimeZone& zone) {
  std::string_view rest = text;
  if (rest.starts_with('*') || rest.starts_with('.')) rest.remove_prefix(1);
  auto time = take_numeric(rest, zone);
  if (!time) time = take_named_month(rest, now, zone);
  if (!time) return std::nullopt;
  if (rest.starts_with(':')) rest.remove_prefix(1);
  if (!rest.empty() && rest.front() != ' ') return std::nullopt;
  text = rest;
  return time;
}

}  // namespace hecate::syslog
