#include "pipeline/schedule/relative_time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace hecate::schedule {
namespace {

// Keeps sums far from the ends of Time, and typing errors (`-99999999d`) out.
constexpr std::size_t kMostSteps = 16;
constexpr long kMostYears = 1000;

constexpr std::array<Time, 8> kLengths = {kSecond,  kMinute,   kHour,     kDay,
                                          7 * kDay, 31 * kDay, 92 * kDay, 366 * kDay};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}

std::string_view take(std::string_view& rest, bool (*wanted)(char)) {
  auto end = std::find_if_not(rest.begin(), rest.end(), wanted);
  auto taken = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(taken.size());
  return taken;
}

// The same day and time of day `months` later; the last day of the month where it is too short.
Time add_months(Time time, long months) {
  auto civil = to_civil(time);
  long total = civil.year * 12L + (civil.month - 1) + months;
  long year = total >= 0 ? total / 12 : -((11 - total) / 12);
  int month = static_cast<int>(total - year * 12) + 1;
  Time first = from_civil(static_cast<int>(year), month, 1);
  Time next = month == 12 ? from_civil(static_cast<int>(year) + 1, 1, 1)
                          : from_civil(static_cast<int>(year), month + 1, 1);
  int day = std::min(civil.day, static_cast<int>((next - first) / kDay));
  return first + (day - 1) * kDay + (time - floor_to(time, kDay));
}

}  // namespace

std::optional<RelativeTime::Unit> RelativeTime::unit(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, Unit>, 34> kUnits = {{
      {"s", Unit::second},        {"sec", Unit::second},       {"secs", Unit::second},
      {"second", Unit::second},   {"seconds", Unit::second},   {"m", Unit::minute},
      {"min", Unit::minute},      {"mins", Unit::minute},      {"minute", Unit::minute},
      {"minutes", Unit::minute},  {"h", Unit::hour},           {"hr", Unit::hour},
      {"hrs", Unit::hour},        {"hour", Unit::hour},        {"hours", Unit::hour},
      {"d", Unit::day},           {"day", Unit::day},          {"days", Unit::day},
      {"w", Unit::week},          {"week", Unit::week},        {"weeks", Unit::week},
      {"mon", Unit::month},       {"month", Unit::month},      {"months", Unit::month},
      {"q", Unit::quarter},       {"qtr", Unit::quarter},      {"qtrs", Unit::quarter},
      {"quarter", Unit::quarter}, {"quarters", Unit::quarter}, {"y", Unit::year},
      {"yr", Unit::year},         {"yrs", Unit::year},         {"year", Unit::year},
      {"years", Unit::year},
  }};
  for (const auto& [name, unit] : kUnits) {
    if (name == word) return unit;
  }
  return std::nullopt;
}

Result<RelativeTime::Step> RelativeTime::parse_step(std::string_view& rest, std::string_view whole) {
  auto wrong = [&](std::string_view what) {
    return fail(
        fmt::format("relative time \"{}\": {}; write offsets and snaps such as -70m@m, @d, -1w@w1, with the "
                    "units s, m, h, d, "
                    "w, mon, q, y, or now",
                    whole, what));
  };
  char sign = rest.front();
  if (sign != '+' && sign != '-' && sign != '@') return wrong(fmt::format("\"{}\" is not understood", rest));
  rest.remove_prefix(1);
  Step step;
  step.snap = sign == '@';
  auto digits = step.snap ? std::string_view() : take(rest, is_digit);
  auto word = take(rest, is_letter);
  auto found = unit(word);
  if (!found) return wrong(fmt::format("\"{}\" is not a unit of time", word));
  step.unit = *found;
  if (step.snap) {
    auto weekday = word == "w" ? take(rest, is_digit) : std::string_view();
    if (weekday.size() > 1 || (!weekday.empty() && weekday.front() > '7')) {
      return wrong(fmt::format("there is no weekday {} (0 and 7 are Sunday)", weekday));
    }
    step.amount = weekday.empty() ? 0 : (weekday.front() - '0') % 7;
    return step;
  }
  step.amount = 1;
  if (!digits.empty()) {
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step.amount);
    long most = kMostYears * (366 * kDay / kLengths[static_cast<std::size_t>(step.unit)]);
    if (error != std::errc() || step.amount > most) return wrong("it reaches further than 1000 years");
  }
  if (sign == '-') step.amount = -step.amount;
  return step;
}

Result<RelativeTime> RelativeTime::parse(std::string_view text) {
  RelativeTime time;
  time.text_ = text;
  std::string_view rest = text;
  if (rest.starts_with("now")) rest.remove_prefix(3);
  if (text.empty()) return fail("relative time: it is empty; write now, or offsets and snaps such as -70m@m");
  while (!rest.empty()) {
    auto step = parse_step(rest, text);
    if (!step) return std::unexpected(step.error());
    time.steps_.push_back(*step);
    if (time.steps_.size() > kMostSteps) {
      return fail(
          fmt::format("relative time \"{}\": it has more than {} steps; shorten it", text, kMostSteps));
    }
  }
  return time;
}

Time RelativeTime::snap(Time time, const Step& step) {
  auto civil = to_civil(time);
  switch (step.unit) {
    case Unit::week: {
      long back = (civil.weekday - step.amount + 7) % 7;
      return floor_to(time, kDay) - back * kDay;
    }
    case Unit::month:
      return from_civil(civil.year, civil.month, 1);
    case Unit::quarter:
      return from_civil(civil.year, (civil.month - 1) / 3 * 3 + 1, 1);
    case Unit::year:
      return from_civil(civil.year, 1, 1);
    default:
      return floor_to(time, kLengths[static_cast<std::size_t>(step.unit)]);
  }
}

Time RelativeTime::offset(Time time, const Step& step) {
  switch (step.unit) {
    case Unit::month:
      return add_months(time, step.amount);
    case Unit::quarter:
      return add_months(time, 3 * step.amount);
    case Unit::year:
      return add_months(time, 12 * step.amount);
    default:
      return time + step.amount * kLengths[static_cast<std::size_t>(step.unit)];
  }
}

Time RelativeTime::resolve(Time now) const {
  for (const auto& step : steps_) now = step.snap ? snap(now, step) : offset(now, step);
  return now;
}

bool RelativeTime::on_minute() const {
  long seconds = 0;
  for (const auto& step : steps_) {
    if (step.snap && step.unit != Unit::second) seconds = 0;
    if (!step.snap && step.unit == Unit::second) seconds += step.amount;
  }
  return seconds % 60 == 0;
}

}  // namespace hecate::schedule
