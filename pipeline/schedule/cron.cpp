#include "pipeline/schedule/cron.h"

#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

namespace hecate::schedule {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

// What one of the five fields may hold.
struct Field {
  std::string_view name;
  int low, high;                            // of numbers
  std::span<const std::string_view> names;  // names[i] stands for low + i
};
constexpr std::array<Field, 5> kFields = {{{"minute", 0, 59, {}},
                                           {"hour", 0, 23, {}},
                                           {"day of month", 1, 31, {}},
                                           {"month", 1, 12, kMonths},
                                           {"day of week", 0, 7, kWeekdays}}};

std::vector<std::string_view> split_at_blanks(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    auto end = std::min(text.find_first_of(" \t", begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
  return value;
}

std::optional<int> name_or_number(const Field& field, std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (field.names[i] == lower) return field.low + static_cast<int>(i);
  }
  auto value = text.empty() ? std::nullopt : number(text);
  return value && *value >= field.low && *value <= field.high ? value : std::nullopt;
}

// One item of a list: `*`, n, a-b, each with an optional `/step`. False when it is none of these.
bool add_item(const Field& field, std::string_view item, std::bitset<64>& values) {
  int step = 1;
  auto slash = item.find('/');
  if (slash != std::string_view::npos) {
    auto given = slash + 1 < item.size() ? number(item.substr(slash + 1)) : std::nullopt;
    if (!given || *given < 1) return false;
    step = *given;
    item = item.substr(0, slash);
  }
  int low = field.low;
  int high = field.high;
  if (item != "*") {
    auto dash = item.find('-');
    auto first = name_or_number(field, item.substr(0, dash));
    if (!first) return false;
    low = *first;
    if (dash != std::string_view::npos) {
      auto last = name_or_number(field, item.substr(dash + 1));
      if (!last) return false;
      high = *last;
      if (field.high == 7 && high == 0 && low > 0) high = 7;  // fri-sun
    } else if (slash == std::string_view::npos) {
      high = low;
    }
  }
  if (low > high) return false;
  for (int value = low; value <= high; value += step) values.set(static_cast<std::size_t>(value));
  return true;
}

Result<std::bitset<64>> parse_field(const Field& field, std::string_view text, std::string_view whole) {
  std::bitset<64> values;
  std::string_view rest = text;
  while (true) {
    auto comma = rest.find(',');
    if (!add_item(field, rest.substr(0, comma), values)) {
      return fail(fmt::format(
          "cron schedule \"{}\": the {} field \"{}\" is not valid; use *, numbers from {} to {}{}, "
          "ranges a-b, lists a,b and steps */n",
          whole, field.name, text, field.low, field.high,
          field.names.empty() ? "" : fmt::format(" or names such as {}", field.names[1])));
    }
    if (comma == std::string_view::npos) return values;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  auto words = split_at_blanks(text);
  if (words.size() != kFields.size()) {
    return fail(
        fmt::format("cron schedule \"{}\" has {} fields instead of five; write minute, hour, day of month, "
                    "month and day of "
                    "week, as in \"0 * * * *\"",
                    text, words.size()));
  }
  std::array<std::bitset<64>, 5> values;
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    auto field = parse_field(kFields[i], words[i], text);
    if (!field) return std::unexpected(field.error());
    values[i] = *field;
  }
  if (values[4][7]) values[4].set(0);  // Sunday
  values[4].reset(7);
  Cron cron;
  cron.text_ = text;
  cron.minutes_ = values[0].to_ullong();
  cron.hours_ = values[1].to_ullong();
  cron.days_ = values[2].to_ullong();
  cron.months_ = values[3].to_ullong();
  cron.weekdays_ = values[4].to_ullong();
  cron.any_day_ = words[2].front() == '*';
  cron.any_weekday_ = words[4].front() == '*';
  if (!cron.ever()) {
    return fail(
        fmt::format("cron schedule \"{}\" never comes: none of its months has such a day; change the day "
                    "of month or the month",
                    text));
  }
  return cron;
}

bool Cron::day_matches(const CivilTime& civil) const {
  bool day = days_[static_cast<std::size_t>(civil.day)];
  bool weekday = weekdays_[static_cast<std::size_t>(civil.weekday)];
  // Where one begins with `*`, both must hold: that field takes every day, or thins them out (`*/2`).
  return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

// Days repeat after 400 years, leap years and weekdays included.
bool Cron::ever() const {
  for (Time day = from_civil(2000, 1, 1); day < from_civil(2400, 1, 1); day += kDay) {
    auto civil = to_civil(day);
    if (months_[static_cast<std::size_t>(civil.month)] && day_matches(civil)) return true;
  }
  return false;
}

Time Cron::next(Time time) const {
  Time at = floor_to(time, kMinute) + kMinute;
  while (true) {
    auto civil = to_civil(at);
    if (!months_[static_cast<std::size_t>(civil.month)]) {
      at = civil.month == 12 ? from_civil(civil.year + 1, 1, 1) : from_civil(civil.year, civil.month + 1, 1);
    } else if (!day_matches(civil)) {
      at = floor_to(at, kDay) + kDay;
    } else if (!hours_[static_cast<std::size_t>(civil.hour)]) {
      at = floor_to(at, kHour) + kHour;
    } else if (!minutes_[static_cast<std::size_t>(civil.minute)]) {
      at += kMinute;
    } else {
      return at;
    }
  }
}

}  // namespace hecate::schedule
