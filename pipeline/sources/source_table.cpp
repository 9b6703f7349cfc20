#include "pipeline/sources/source_table.h"

#include <algorithm>

namespace hecate::sources {

std::string_view name_of(Source::State state) {
  switch (state) {
    case Source::State::fresh:
      return "new";
    case Source::State::irregular:
      return "irregular";
    case Source::State::steady:
      return "steady";
    case Source::State::silent:
      return "silent";
  }
  return {};
}

void SourceTable::restore(Source source) {
  if (full()) return;
  auto& kept = sources_.emplace_back(std::make_unique<Source>(std::move(source)));
  by_name_.emplace(Name(kept->host, kept->channel), kept.get());
}

const Source* SourceTable::add(const Arrivals& arrivals) {
  auto found = by_name_.find(Name(arrivals.host, arrivals.channel));
  if (found == by_name_.end()) {
    if (full()) return nullptr;
    auto& made = sources_.emplace_back(std::make_unique<Source>());
    made->host = arrivals.host;
    made->channel = arrivals.channel;
    made->first_seen = made->last_seen = made->flowing_since = made->period = arrivals.first;
    found = by_name_.emplace(Name(made->host, made->channel), made.get()).first;
  }
  arrive(*found->second, arrivals);
  return found->second;
}

void SourceTable::stored(const Source& row) {
  auto found = by_name_.find(Name(row.host, row.channel));
  if (found != by_name_.end()) found->second->stored = row.last_seen;
}

void SourceTable::arrive(Source& source, const Arrivals& arrivals) const {
  // Several workers are taken from one after another: what one brings may be older than what is known.
  Time pause = arrivals.first - quiet_since(source);
  if (pause > longest_pause()) {
    source.flowing_since = source.period = arrivals.first;
    source.pause = source.pause_before = 0;
  } else if (pause > source.pause) {
    source.pause = pause;
  }
  if (arrivals.last - source.period >= options_.steady_after) {
    source.period = arrivals.last;
    source.pause_before = std::exchange(source.pause, 0);
  }
  source.last_seen = std::max(source.last_seen, arrivals.last);
  source.newest_event = std::max(source.newest_event, arrivals.newest_event);
  source.events += arrivals.events;
  source.lag.add(arrivals.lag);
}

Time SourceTable::quiet_since(const Source& source) const {
  return std::max(source.last_seen, started_);
}

Time SourceTable::patience(const Source& source) const {
  return std::max(options_.silent_after, 3 * std::max(source.pause, source.pause_before));
}

Source::State SourceTable::state(const Source& source, Time now) const {
  if (source.last_seen - source.flowing_since >= options_.steady_after)
    return now - quiet_since(source) > patience(source) ? Source::State::silent : Source::State::steady;
  return now - source.first_seen < options_.steady_after ? Source::State::fresh : Source::State::irregular;
}

std::vector<std::unique_ptr<Source>> SourceTable::forget(Time now) {
  bool make_room = full();
  auto stays = [&](const std::unique_ptr<Source>& source) {
    if (now - quiet_since(*source) > options_.forget_after) return false;
    auto known = state(*source, now);
    bool was_steady = known == Source::State::steady || known == Source::State::silent;
    return !make_room || was_steady || now - quiet_since(*source) <= longest_pause();
  };
  auto gone = std::stable_partition(sources_.begin(), sources_.end(), stays);
  std::vector<std::unique_ptr<Source>> forgotten(std::make_move_iterator(gone),
                                                 std::make_move_iterator(sources_.end()));
  sources_.erase(gone, sources_.end());
  for (const auto& source : forgotten) by_name_.erase(Name(source->host, source->channel));
  return forgotten;
}

}  // namespace hecate::sources
