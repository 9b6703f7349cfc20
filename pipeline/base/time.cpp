#include "pipeline/base/time.h"

#include <charconv>
#include <chrono>
#include <limits>

#include <fmt/format.h>

namespace hecate {

namespace {

// Reads a timestamp from the front; each step takes what it read away and says whether it was there.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool done() const { return text_.empty(); }

  bool skip(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool digits(std::size_t count, int& out) {
    if (text_.size() < count) return false;
    out = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      out = out * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    return true;
  }

  // Any number of digits, at least one, as millionths.
  bool decimals(Time& micros) {
    Time unit = 100'000;
    micros = 0;
    std::size_t count = 0;
    while (count < text_.size() && text_[count] >= '0' && text_[count] <= '9') {
      micros += (text_[count++] - '0') * unit;
      unit /= 10;
    }
    text_.remove_prefix(count);
    return count > 0;
  }

 private:
  std::string_view text_;
};

bool read_date(Reader& in, std::chrono::sys_days& day) {
  int year, month, dom;
  if (!in.digits(4, year) || !in.skip('-') || !in.digits(2, month) || !in.skip('-') || !in.digits(2, dom)) {
    return false;
  }
  std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(dom))};
  if (!date.ok()) return false;
  day = date;
  return true;
}

bool read_clock(Reader& in, Time& time) {
  int hour, minute, second;
  if (!in.digits(2, hour) || !in.skip(':') || !in.digits(2, minute) || !in.skip(':') ||
      !in.digits(2, second)) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  time = hour * kHour + minute * kMinute + second * kSecond;
  Time micros = 0;
  if (in.skip('.') && !in.decimals(micros)) return false;
  time += micros;
  return true;
}

bool read_zone(Reader& in, Time& offset) {
  offset = 0;
  if (in.done() || in.skip('Z')) return true;
  in.skip(' ');
  bool east = in.skip('+');
  if (!east && !in.skip('-')) return false;
  int hours, minutes;
  if (!in.digits(2, hours)) return false;
  in.skip(':');
  if (!in.digits(2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  offset = (east ? 1 : -1) * (hours * kHour + minutes * kMinute);
  return true;
}

Time micros_of(std::chrono::sys_days day) {
  return day.time_since_epoch().count() * kDay;
}

}  // namespace

std::optional<Time> parse_timestamp(std::string_view text) {
  Reader in(text);
  std::chrono::sys_days day;
  Time clock, offset;
  if (!read_date(in, day)) return std::nullopt;
  if (!in.skip('T') && !in.skip(' ')) return std::nullopt;
  if (!read_clock(in, clock) || !read_zone(in, offset) || !in.done()) return std::nullopt;
  return micros_of(day) + clock - offset;
}

std::optional<Time> parse_epoch(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  auto digit = [&] { return at != end && *at >= '0' && *at <= '9'; };
  // No more than 19 digits can be told apart.
  std::uint64_t seconds = 0;
  for (; digit(); ++at) seconds = seconds * 10 + static_cast<std::uint64_t>(*at - '0');
  auto whole = static_cast<std::size_t>(at - text.data());
  if (whole == 0 || whole > 19) return std::nullopt;
  if (seconds > static_cast<std::uint64_t>(std::numeric_limits<Time>::max())) return std::nullopt;
  Time micros = 0;
  if (at != end) {
    if (*at++ != '.' || !digit()) return std::nullopt;
    for (Time unit = 100'000; digit(); ++at, unit /= 10) micros += (*at - '0') * unit;
    if (at != end) return std::nullopt;
  }
  auto count = static_cast<Time>(seconds);
  if (seconds > 100'000'000'000'000'000) return count / 1000;                  // nanoseconds
  if (seconds > 100'000'000'000'000) return count;                             // microseconds
  if (seconds > 100'000'000'000) return count * kMillisecond + micros / 1000;  // milliseconds
  return count * kSecond + micros;
}

std::string format_epoch(Time time) {
  Time seconds = floor_to(time, kSecond);
  Time micros = time - seconds;
  seconds /= kSecond;
  std::string sign;
  if (seconds < 0) {  // -0.5 lies in second -1, half a second on
    sign = "-";
    seconds = -seconds;
    if (micros != 0) {
      --seconds;
      micros = kSecond - micros;
    }
  }
  if (micros == 0) return fmt::format("{}{}", sign, seconds);
  std::string text = fmt::format("{}{}.{:06}", sign, seconds, micros);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

std::string format_iso(Time time) {
  CivilTime t = to_civil(time);
  Time millis = (time - floor_to(time, kSecond)) / kMillisecond;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", t.year, t.month, t.day, t.hour, t.minute,
                     t.second, millis);
}

CivilTime to_civil(Time time) {
  Time midnight = floor_to(time, kDay);
  std::chrono::sys_days day{std::chrono::days{midnight / kDay}};
  std::chrono::year_month_day date{day};
  std::chrono::sys_days new_year = date.year() / std::chrono::January / 1;
  auto rest = static_cast<int>((time - midnight) / kSecond);
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<int>(static_cast<unsigned>(date.month())),
          .day = static_cast<int>(static_cast<unsigned>(date.day())),
          .hour = rest / 3600,
          .minute = rest / 60 % 60,
          .second = rest % 60,
          .weekday = static_cast<int>(std::chrono::weekday{day}.c_encoding()),
          .yearday = static_cast<int>((day - new_year).count())};
}

Time from_civil(int year, int month, int day, int hour, int minute, int second) {
  std::chrono::sys_days first =
      std::chrono::year{year} / std::chrono::month(static_cast<unsigned>(month)) / 1;
  return micros_of(first) + (day - 1) * kDay + hour * kHour + minute * kMinute + second * kSecond;
}

}  // namespace hecate
