#include "pipeline/spl/time_format.h"

#include "fmt/format.h"
#include "pipeline/spl/values.h"

#include <array>
#include <cstdint>

namespace hecate::spl {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::size_t kShortName = 3;

struct Zone {
  std::string_view name;
  int hours;
};
constexpr std::array<Zone, 11> kZones = {{{"UTC", 0},
                                          {"GMT", 0},
                                          {"Z", 0},
                                          {"EST", -5},
                                          {"EDT", -4},
                                          {"CST", -6},
                                          {"CDT", -5},
                                          {"MST", -7},
                                          {"MDT", -6},
                                          {"PST", -8},
                                          {"PDT", -7}}};

// A format letter with the digit or colons that may stand between it and the `%`.
struct Letter {
  char letter = '\0';
  int width = 0;   // %3N
  int colons = 0;  // %:z
  std::size_t size = 0;
};

Letter read_letter(std::string_view format) {
  Letter read;
  std::size_t at = 1;
  if (at < format.size() && format[at] >= '1' && format[at] <= '9') read.width = format[at++] - '0';
  while (at < format.size() && format[at] == ':') {
    ++read.colons;
    ++at;
  }
  if (at < format.size()) read.letter = format[at++];
  read.size = at;
  return read;
}

// What a letter stands for that is only short for others.
std::string_view expansion(char letter) {
  switch (letter) {
    case 'T':
      return "%H:%M:%S";
    case 'X':
      return "%H:%M:%S";
    case 'F':
      return "%Y-%m-%d";
    case 'D':
      return "%m/%d/%y";
    case 'x':
      return "%m/%d/%Y";
    case 'R':
      return "%H:%M";
    case 'r':
      return "%I:%M:%S %p";
    case 'c':
      return "%a %b %e %H:%M:%S %Y";
    case '+':
      return "%a %b %e %H:%M:%S %Z %Y";
    default:
      return {};
  }
}

int iso_weekday(const CivilTime& at) {
  return at.weekday == 0 ? 7 : at.weekday;
}

// The ISO week's year and number.
std::pair<int, int> iso_week(const CivilTime& at) {
  int week = (at.yearday + 1 - iso_weekday(at) + 10) / 7;
  auto weeks_in = [](int year) {
    CivilTime last = to_civil(from_civil(year, 12, 31));
    CivilTime first = to_civil(from_civil(year, 1, 1));
    return first.weekday == 4 || last.weekday == 4 ? 53 : 52;
  };
  if (week < 1) return {at.year - 1, weeks_in(at.year - 1)};
  if (week > weeks_in(at.year)) return {at.year + 1, 1};
  return {at.year, week};
}

void append_fraction(Time time, const Letter& letter, std::string& out) {
  int width = letter.width != 0 ? letter.width : letter.letter == 'Q' ? 3 : letter.letter == 'f' ? 6 : 9;
  std::string digits = fmt::format("{:06}000", time - floor_to(time, kSecond));
  out += std::string_view(digits).substr(0, static_cast<std::size_t>(width));
}

// False for a letter that is not known.
bool append_letter(Time time, const CivilTime& at, const Letter& letter, std::string& out) {
  auto add = [&](const auto& text) {
    out += text;
    return true;
  };
  auto two = [&](int number) { return add(fmt::format("{:02}", number)); };
  auto blank_two = [&](int number) { return add(fmt::format("{:2}", number)); };
  int hour12 = at.hour % 12 == 0 ? 12 : at.hour % 12;
  std::string_view month = kMonths[static_cast<std::size_t>(at.month - 1)];
  std::string_view day = kDays[static_cast<std::size_t>(at.weekday)];
  switch (letter.letter) {
    case 'Y':
      return add(fmt::format("{:04}", at.year));
    case 'y':
      return two(at.year % 100);
    case 'C':
      return two(at.year / 100);
    case 'm':
      return two(at.month);
    case 'B':
      return add(month);
    case 'b':
    case 'h':
      return add(month.substr(0, kShortName));
    case 'd':
      return two(at.day);
    case 'e':
      return blank_two(at.day);
    case 'j':
      return add(fmt::format("{:03}", at.yearday + 1));
    case 'A':
      return add(day);
    case 'a':
      return add(day.substr(0, kShortName));
    case 'w':
      return add(fmt::format("{}", at.weekday));
    case 'u':
      return add(fmt::format("{}", iso_weekday(at)));
    case 'H':
      return two(at.hour);
    case 'k':
      return blank_two(at.hour);
    case 'I':
      return two(hour12);
    case 'l':
      return blank_two(hour12);
    case 'p':
      return add(at.hour < 12 ? "AM" : "PM");
    case 'M':
      return two(at.minute);
    case 'S':
      return two(at.second);
    case 's':
      return add(fmt::format("{}", floor_to(time, kSecond) / kSecond));
    case 'U':
      return two((at.yearday + 7 - at.weekday) / 7);
    case 'W':
      return two((at.yearday + 7 - (at.weekday + 6) % 7) / 7);
    case 'V':
      return two(iso_week(at).second);
    case 'G':
      return add(fmt::format("{:04}", iso_week(at).first));
    case 'Z':
      return add("UTC");
    case 'z':
      return add(letter.colons == 0 ? "+0000" : letter.colons == 1 ? "+00:00" : "+00:00:00");
    case 'n':
      return add("\n");
    case 't':
      return add("\t");
    case '%':
      return add("%");
    case 'N':
    case 'Q':
    case 'f':
      append_fraction(time, letter, out);
      return true;
    default:
      return false;
  }
}

// Reads a text by a format, from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}
  bool read(std::string_view format);
  [[nodiscard]] std::optional<Time> time() const;

 private:
  bool letter(const Letter& letter);
  bool number(std::size_t digits, int& into);
  bool fraction();
  bool epoch();
  bool zone();
  bool offset(bool negative);
  bool meridiem();
  template <std::size_t N>
  bool name(const std::array<std::string_view, N>& names, int& index);
  void skip_blanks();
  bool try_text(std::string_view text);

  std::string_view left_;
  int year_ = 1970, month_ = 1, day_ = 1, hour_ = 0, minute_ = 0, second_ = 0, yearday_ = 0;
  Time micros_ = 0;
  Time ahead_of_utc_ = 0;
  bool afternoon_ = false;
  bool twelve_ = false;
  std::optional<Time> epoch_;
};

void Reader::skip_blanks() {
  while (!left_.empty() && (left_[0] == ' ' || left_[0] == '\t' || left_[0] == '\n')) left_.remove_prefix(1);
}

bool Reader::try_text(std::string_view text) {
  if (left_.size() < text.size() || !equals_without_case(left_.substr(0, text.size()), text)) return false;
  left_.remove_prefix(text.size());
  return true;
}

bool Reader::read(std::string_view format) {
  while (!format.empty()) {
    if (format[0] == '%') {
      Letter next = read_letter(format);
      format.remove_prefix(next.size);
      if (!letter(next)) return false;
    } else if (format[0] == ' ') {
      skip_blanks();
      format.remove_prefix(1);
    } else {
      if (!left_.starts_with(format[0])) return false;
      left_.remove_prefix(1);
      format.remove_prefix(1);
    }
  }
  return true;
}

bool Reader::number(std::size_t digits, int& into) {
  skip_blanks();
  std::size_t count = 0;
  int value = 0;
  for (; count < digits && count < left_.size() && left_[count] >= '0' && left_[count] <= '9'; ++count) {
    value = value * 10 + (left_[count] - '0');
  }
  left_.remove_prefix(count);
  if (count > 0) into = value;
  return count > 0;
}

bool Reader::fraction() {
  Time unit = kSecond / 10;
  std::size_t count = 0;
  micros_ = 0;
  for (; count < left_.size() && left_[count] >= '0' && left_[count] <= '9'; ++count, unit /= 10) {
    micros_ += (left_[count] - '0') * unit;
  }
  left_.remove_prefix(count);
  return count > 0;
}

bool Reader::epoch() {
  std::size_t count = 0;
  bool negative = left_.starts_with('-');
  Time value = 0;
  constexpr std::size_t kMostDigits = 12;
  for (count = negative ? 1 : 0; count < left_.size() && left_[count] >= '0' && left_[count] <= '9';
       ++count) {
    if (count > kMostDigits) return false;
    value = value * 10 + (left_[count] - '0');
  }
  if (count == (negative ? 1U : 0U)) return false;
  left_.remove_prefix(count);
  epoch_ = (negative ? -value : value) * kSecond;
  return true;
}

bool Reader::zone() {
  if (left_.starts_with('+') || left_.starts_with('-')) {
    bool negative = left_[0] == '-';
    left_.remove_prefix(1);
    return offset(negative);
  }
  for (const Zone& zone : kZones) {
    if (!try_text(zone.name)) continue;
    ahead_of_utc_ = zone.hours * kHour;
    return true;
  }
  return false;
}

// `hhmm`, `hh:mm` or `hh`; the sign is read.
bool Reader::offset(bool negative) {
  int hours = 0;
  int minutes = 0;
  if (!number(2, hours)) return false;
  bool colon = try_text(":");
  if (!number(2, minutes) && colon) return false;
  ahead_of_utc_ = hours * kHour + minutes * kMinute;
  if (negative) ahead_of_utc_ = -ahead_of_utc_;
  return true;
}

bool Reader::meridiem() {
  twelve_ = true;
  afternoon_ = try_text("PM");
  return afternoon_ || try_text("AM");
}

template <std::size_t N>
bool Reader::name(const std::array<std::string_view, N>& names, int& index) {
  for (std::size_t i = 0; i < N; ++i) {
    if (!try_text(names[i]) && !try_text(names[i].substr(0, kShortName))) continue;
    index = static_cast<int>(i);
    return true;
  }
  return false;
}

bool Reader::letter(const Letter& letter) {
  if (std::string_view longer = expansion(letter.letter); !longer.empty()) return read(longer);
  int ignored = 0;
  switch (letter.letter) {
    case 'Y':
      return number(4, year_);
    case 'y':
      if (!number(2, year_)) return false;
      year_ += year_ < 69 ? 2000 : 1900;
      return true;
    case 'm':
      return number(2, month_);
    case 'B':
    case 'b':
    case 'h':
      if (!name(kMonths, month_)) return false;
      ++month_;
      return true;
    case 'd':
    case 'e':
      return number(2, day_);
    case 'j':
      return number(3, yearday_);
    case 'A':
    case 'a':
      return name(kDays, ignored);
    case 'w':
    case 'u':
      return number(1, ignored);
    case 'H':
    case 'k':
    case 'I':
    case 'l':
      return number(2, hour_);
    case 'p':
      return meridiem();
    case 'M':
      return number(2, minute_);
    case 'S':
      return number(2, second_);
    case 's':
      return epoch();
    case 'N':
    case 'Q':
    case 'f':
      return fraction();
    case 'z':
    case 'Z':
      return zone();
    case 'n':
    case 't':
      skip_blanks();
      return true;
    case '%':
      return try_text("%");
    default:
      return false;
  }
}

std::optional<Time> Reader::time() const {
  if (epoch_) return *epoch_ + micros_;
  int hour = hour_;
  if (twelve_) {
    if (hour < 1 || hour > 12) return std::nullopt;
    hour = hour % 12 + (afternoon_ ? 12 : 0);
  }
  bool in_range = month_ >= 1 && month_ <= 12 && day_ >= 1 && hour <= 23 && minute_ <= 59 && second_ <= 60;
  if (!in_range) return std::nullopt;
  Time date = from_civil(year_, month_, day_);
  if (to_civil(date).day != day_) return std::nullopt;  // 30 February
  if (yearday_ != 0) date = from_civil(year_, 1, 1) + (yearday_ - 1) * kDay;
  return date + hour * kHour + minute_ * kMinute + second_ * kSecond + micros_ - ahead_of_utc_;
}

}  // namespace

void format_time(Time time, std::string_view format, std::string& out) {
  CivilTime at = to_civil(time);
  while (!format.empty()) {
    if (format[0] != '%') {
      out += format[0];
      format.remove_prefix(1);
      continue;
    }
    Letter letter = read_letter(format);
    if (std::string_view longer = expansion(letter.letter); !longer.empty()) {
      format_time(time, longer, out);
    } else if (!append_letter(time, at, letter, out)) {
      out += format.substr(0, letter.size);
    }
    format.remove_prefix(letter.size);
  }
}

std::optional<Time> parse_time(std::string_view text, std::string_view format) {
  Reader reader(text);
  if (!reader.read(format)) return std::nullopt;
  return reader.time();
}

}  // namespace hecate::spl
