#include "daemon/sources_answer.h"

#include "daemon/url.h"
#include "outputs/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

using outputs::JsonWriter;
using sources::Source;
using sources::Sources;

constexpr std::array kStates{Source::State::silent, Source::State::steady, Source::State::irregular,
                             Source::State::fresh};
constexpr std::size_t kMostRows = 100'000;

AdminAnswer bad(std::string_view why) {
  JsonWriter json;
  json.begin_object().key("error").value(why).end_object();
  return {400, "application/json", json.take()};
}

struct Wanted {
  std::string state, host, channel;
  std::size_t limit = 1000;

  [[nodiscard]] bool takes(const Sources::Row& row) const {
    return (state.empty() || state == name_of(row.state)) && (host.empty() || host == row.source.host) &&
           (channel.empty() || channel == row.source.channel);
  }
};

Result<Wanted> read(const AdminRequest& request) {
  constexpr std::array<std::string_view, 4> kKnown{"state", "host", "channel", "limit"};
  for (const std::string& name : query_names(request.query))
    if (std::ranges::find(kKnown, name) == kKnown.end())
      return fail(fmt::format("{}: no such parameter; known are {}", name, fmt::join(kKnown, ", ")));
  Wanted wanted{.state = request.parameter("state"),
                .host = request.parameter("host"),
                .channel = request.parameter("channel")};
  auto known = [&](Source::State state) { return wanted.state == name_of(state); };
  if (!wanted.state.empty() && std::ranges::none_of(kStates, known))
    return fail("state: one of silent, steady, irregular, new");
  if (std::string text = request.parameter("limit"); !text.empty()) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wanted.limit);
    if (error != std::errc{} || end != text.data() + text.size() || wanted.limit < 1 ||
        wanted.limit > kMostRows)
      return fail(fmt::format("limit: a whole number from 1 to {}", kMostRows));
  }
  return wanted;
}

void time(JsonWriter& json, std::string_view key, Time time, bool known = true) {
  json.key(key);
  known ? json.value(format_iso(time)) : json.raw("null");
}

void seconds(JsonWriter& json, std::string_view key, double value, bool known = true) {
  json.key(key).raw(known ? fmt::format("{}", value) : "null");
}

void write_source(JsonWriter& json, const Sources::Row& row) {
  const Source& source = row.source;
  json.begin_object().key("host").value(source.host).key("channel").value(source.channel);
  json.key("state").value(name_of(row.state));
  time(json, "first_seen", source.first_seen);
  time(json, "last_seen", source.last_seen);
  time(json, "newest_event", source.newest_event, source.newest_event != EventView::kNoTime);
  json.key("events").value(source.events);
  bool steady = row.state == Source::State::steady || row.state == Source::State::silent;
  seconds(json, "silent_after", static_cast<double>(row.patience) / kSecond, steady);
  json.key("lag");
  if (source.lag.count() == 0) {
    json.raw("null").end_object();
    return;
  }
  json.begin_object();
  seconds(json, "last", static_cast<double>(source.lag.last) / kSecond);
  seconds(json, "p50", source.lag.quantile(0.5));
  seconds(json, "p95", source.lag.quantile(0.95));
  seconds(json, "most", static_cast<double>(source.lag.greatest) / kSecond);
  json.end_object().end_object();
}

std::string to_json(const Sources::View& view, const Wanted& wanted) {
  std::map<Source::State, std::int64_t> counts;
  std::vector<const Sources::Row*> rows;
  for (const Sources::Row& row : view.sources) {
    ++counts[row.state];
    if (wanted.takes(row)) rows.push_back(&row);
  }
  // Who stopped first, the longest silent before the others; then by name.
  auto order = [](const Sources::Row* row) {
    bool silent = row->state == Source::State::silent;
    return std::tuple(!silent, silent ? row->source.last_seen : 0, std::string_view(row->source.host),
                      std::string_view(row->source.channel));
  };
  std::ranges::sort(rows, {}, order);
  JsonWriter json;
  json.begin_object();
  time(json, "now", view.now);
  json.key("count").begin_object();
  for (Source::State state : kStates) json.key(name_of(state)).value(counts[state]);
  json.end_object().key("untracked_events").value(view.untracked_events).key("sources").begin_array();
  for (std::size_t i = 0; i < std::min(rows.size(), wanted.limit); ++i) write_source(json, *rows[i]);
  json.end_array().key("detections").begin_array();
  for (const Sources::Silence& each : view.detections) {
    json.begin_object().key("name").value(each.detection).key("silent").value(each.silent);
    time(json, "since", each.since);
    time(json, "last_candidate", each.last, each.last != 0);
    json.end_object();
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace

AdminAnswer sources_answer(Sources& sources, const AdminRequest& request) {
  auto wanted = read(request);
  if (!wanted) return bad(wanted.error().message);
  return {200, "application/json", to_json(sources.view(), *wanted)};
}

}  // namespace hecate::daemon
