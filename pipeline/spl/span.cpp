#include "pipeline/spl/span.h"

#include <array>
#include <charconv>

namespace hecate::spl {
namespace {

struct Unit {
  std::string_view name;
  Time length;
};

constexpr auto kUnits = std::to_array<Unit>({
    {"", kSecond},        {"s", kSecond},      {"sec", kSecond},     {"secs", kSecond}, {"second", kSecond},
    {"seconds", kSecond}, {"m", kMinute},      {"min", kMinute},     {"mins", kMinute}, {"minute", kMinute},
    {"minutes", kMinute}, {"h", kHour},        {"hr", kHour},        {"hrs", kHour},    {"hour", kHour},
    {"hours", kHour},     {"d", kDay},         {"day", kDay},        {"days", kDay},    {"w", 7 * kDay},
    {"week", 7 * kDay},   {"weeks", 7 * kDay}, {"ms", kMillisecond},
});

}  // namespace

std::optional<Time> parse_span(std::string_view text) {
  std::uint32_t number = 0;
  auto [behind, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || number == 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(behind - text.data()));
  for (const Unit& unit : kUnits) {
    if (unit.name == text) return unit.length * number;
  }
  return std::nullopt;
}

Time automatic_span(Time window) {
  if (window <= kHour) return kMinute;
  if (window <= kDay) return 5 * kMinute;
  if (window <= 30 * kDay) return kHour;
  return kDay;
}

Time step_for(Time window, std::size_t most, Time least) {
  constexpr auto kSteps =
      std::to_array<Time>({kSecond, 5 * kSecond, 10 * kSecond, 30 * kSecond, kMinute, 5 * kMinute,
                           10 * kMinute, 30 * kMinute, kHour, kDay, 7 * kDay, 30 * kDay});
  for (Time step : kSteps) {
    if (step >= least && window / step <= static_cast<Time>(most)) return step;
  }
  return kSteps.back();
}

}  // namespace hecate::spl
