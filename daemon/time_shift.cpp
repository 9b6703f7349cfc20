#include "daemon/time_shift.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

// Names end where one of these does: CreationUtcTime is found by UtcTime, TimeCreated's attribute by
// SystemTime.
constexpr std::array<std::string_view, 6> kNames{"UtcTime",   "TimeCreated",       "SystemTime",
                                                 "EventTime", "EventReceivedTime", "@timestamp"};
// What may stand between a name and its timestamp: `": "`, `='`, `'>`, `: `.
constexpr std::string_view kBetween = "\"'=: >\\";
constexpr std::size_t kDateAndTime = 19;  // 2026-04-27 13:21:39

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The length of the timestamp at the front of `text` with its decimals, or 0.
std::size_t timestamp_length(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-dd?dd:dd:dd";
  if (text.size() < kDateAndTime) return 0;
  for (std::size_t i = 0; i < form.size(); ++i) {
    bool fits = form[i] == 'd'   ? is_digit(text[i])
                : form[i] == '?' ? text[i] == ' ' || text[i] == 'T'
                                 : text[i] == form[i];
    if (!fits) return 0;
  }
  std::size_t length = kDateAndTime;
  if (length + 1 < text.size() && text[length] == '.' && is_digit(text[length + 1])) {
    ++length;
    while (length < text.size() && is_digit(text[length])) ++length;
  }
  return length;
}

// Where a timestamp begins behind the name that ends at `from`; npos when none does.
std::size_t timestamp_after(std::string_view raw, std::size_t from) {
  std::size_t at = raw.find_first_not_of(kBetween, from);
  if (at == std::string_view::npos || at == from) return std::string_view::npos;
  return timestamp_length(raw.substr(at)) > 0 ? at : std::string_view::npos;
}

void append_shifted(std::string& out, std::string_view written, Time delta) {
  Time moved = parse_timestamp(written).value_or(0) + delta;
  CivilTime civil = to_civil(moved);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", civil.year, civil.month,
                 civil.day, written[10], civil.hour, civil.minute, civil.second);
  if (written.size() == kDateAndTime) return;
  // As many decimals as were written; those beyond microseconds stay as they are.
  std::string micros = fmt::format("{:06}", moved - floor_to(moved, kSecond));
  std::string_view decimals = written.substr(kDateAndTime + 1);
  out += '.';
  out += micros.substr(0, std::min(decimals.size(), micros.size()));
  if (decimals.size() > micros.size()) out += decimals.substr(micros.size());
}

}  // namespace

std::string shift_times(std::string_view raw, Time delta) {
  std::string out;
  out.reserve(raw.size());
  std::size_t copied = 0;
  for (std::size_t at = 0; at < raw.size(); ++at) {
    char c = raw[at];
    if (c != 'U' && c != 'T' && c != 'S' && c != 'E' && c != '@') continue;
    auto name =
        std::ranges::find_if(kNames, [&](std::string_view each) { return raw.substr(at).starts_with(each); });
    if (name == kNames.end()) continue;
    std::size_t stamp = timestamp_after(raw, at + name->size());
    if (stamp == std::string_view::npos) continue;
    std::string_view written = raw.substr(stamp, timestamp_length(raw.substr(stamp)));
    out += raw.substr(copied, stamp - copied);
    append_shifted(out, written, delta);
    copied = stamp + written.size();
    at = copied - 1;
  }
  out += raw.substr(copied);
  return out;
}

}  // namespace hecate::daemon
