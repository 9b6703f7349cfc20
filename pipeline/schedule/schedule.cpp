#include "pipeline/schedule/schedule.h"

#include <fmt/format.h>

namespace hecate::schedule {
namespace {

constexpr int kHorizon = 100'000;
// Enough to see each kind of day that snapping tells apart.
constexpr int kRunsLookedAt = 400;

bool empty_at_every_run(const Schedule& schedule) {
  Time at = from_civil(2026, 1, 1);
  for (int i = 0; i < kRunsLookedAt; ++i) {
    at = schedule.cron.next(at);
    auto window = schedule.window(at);
    if (window.earliest < window.latest) return false;
  }
  return true;
}

Result<RelativeTime> parse_bound(std::string_view name, std::string_view text) {
  auto time = RelativeTime::parse(text);
  if (!time) return fail(fmt::format("{}: {}", name, time.error().message));
  if (!time->on_minute()) {
    return fail(
        fmt::format("{} \"{}\" falls between minutes; windows are made of whole minutes, so add @m or use "
                    "whole minutes",
                    name, text));
  }
  return time;
}

}  // namespace

Result<Schedule> Schedule::parse(std::string_view cron_text, std::string_view earliest_text,
                                 std::string_view latest_text) {
  auto cron = Cron::parse(cron_text);
  if (!cron) return std::unexpected(cron.error());
  auto earliest = parse_bound("earliest", earliest_text);
  if (!earliest) return std::unexpected(earliest.error());
  auto latest = parse_bound("latest", latest_text);
  if (!latest) return std::unexpected(latest.error());
  Schedule schedule{*std::move(cron), *std::move(earliest), *std::move(latest)};
  if (empty_at_every_run(schedule)) {
    return fail(
        fmt::format("the window from earliest \"{}\" to latest \"{}\" holds no time; earliest must lie "
                    "before latest",
                    earliest_text, latest_text));
  }
  return schedule;
}

Window Schedule::window(Time scheduled) const {
  return {scheduled, earliest.resolve(scheduled), latest.resolve(scheduled)};
}

std::optional<Window> Schedule::first_window_with(Time event_time, Time after) const {
  Time at = after;
  for (int i = 0; i < kHorizon; ++i) {
    at = cron.next(at);
    auto candidate = window(at);
    if (candidate.holds(event_time)) return candidate;
    if (candidate.earliest > event_time) return std::nullopt;  // later windows begin no earlier
  }
  return std::nullopt;
}

}  // namespace hecate::schedule
