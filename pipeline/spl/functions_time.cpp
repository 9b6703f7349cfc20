#include "pipeline/schedule/relative_time.h"
#include "pipeline/spl/function_groups.h"
#include "pipeline/spl/time_format.h"

#include <cmath>

namespace hecate::spl {
namespace {

constexpr std::string_view kGroup = "Date and time";

// SPL's times are seconds since 1970.
std::optional<Time> as_time(const Value& value) {
  constexpr double kLatest = 253402300799.0;  // the year 9999
  std::optional<double> seconds = to_number(value);
  if (!seconds || std::fabs(*seconds) > kLatest) return std::nullopt;
  return std::llround(*seconds * kSecond);
}

Value from_time(Time time) {
  return static_cast<double>(time) / kSecond;
}

Value relative_time(const Call& call) {
  Value text = call[1];
  if (text.is_null()) return {};
  Result<schedule::RelativeTime> relative = schedule::RelativeTime::parse(call.to_text_in_arena(text));
  if (!relative) return {};
  return map_values(call, call[0], [&](const Value& value) -> Value {
    std::optional<Time> time = as_time(value);
    return time ? from_time(relative->resolve(*time)) : Value();
  });
}

std::string check_relative(Expression& call, FieldNames&) {
  std::optional<std::string_view> text = literal_text(call, 1);
  if (!text) return {};
  Result<schedule::RelativeTime> relative = schedule::RelativeTime::parse(*text);
  return relative ? std::string() : relative.error().message;
}

Value strftime(const Call& call) {
  Value format = call[1];
  if (format.is_null()) return {};
  std::string_view letters = call.to_text_in_arena(format);
  return map_values(call, call[0], [&](const Value& value) -> Value {
    std::optional<Time> time = as_time(value);
    if (!time) return {};
    std::string text;
    format_time(*time, letters, text);
    return call.keep(text);
  });
}

Value strptime(const Call& call) {
  Value format = call[1];
  if (format.is_null()) return {};
  std::string_view letters = call.to_text_in_arena(format);
  return map_text(call, 0, [&](std::string_view text) -> Value {
    std::optional<Time> time = parse_time(text, letters);
    return time ? from_time(*time) : Value();
  });
}

constexpr Function kFunctions[] = {
    {"now", 0, 0, "", kGroup, "The moment the search runs, in whole seconds.",
     [](const Call& call) { return from_time(floor_to(call.context.now, kSecond)); }},
    {"relative_time", 2, 2, "time, relative", kGroup, "The time moved as by -1d@d.", relative_time,
     check_relative},
    {"strftime", 2, 2, "time, format", kGroup, "The time as text, in UTC.", strftime},
    {"strptime", 2, 2, "text, format", kGroup, "The time that the text spells; UTC where it names no zone.",
     strptime},
    {"time", 0, 0, "", kGroup, "The moment the search runs.",
     [](const Call& call) { return from_time(call.context.now); }},
};

}  // namespace

std::span<const Function> time_functions() {
  return kFunctions;
}

}  // namespace hecate::spl
