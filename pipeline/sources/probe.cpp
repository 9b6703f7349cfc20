#include "pipeline/sources/probe.h"

#include <simdjson.h>

namespace hecate::sources {
namespace {

// Senders choose these; one that is no UTF-8 would spoil the whole scrape.
std::string label(std::string text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return text;
  for (char& c : text)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return text;
}

prometheus::Labels labels(const Source& source) {
  return {{"host", label(source.host)}, {"channel", label(source.channel)}};
}

prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry, const char* name,
                                              const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

Probe::Probe(prometheus::Registry& registry, std::size_t most_series)
    : untracked(prometheus::BuildCounter()
                    .Name("hecate_source_untracked_events_total")
                    .Help("Events of sources for which the table of sources has no room (sources.most); they "
                          "are evaluated like all others.")
                    .Register(registry)
                    .Add({})),
      detections_without_candidates(
          gauges(registry, "hecate_detections_without_candidates",
                 "Detections that have been loaded for a day and on whose first clause no event was tried in "
                 "the last day; /api/sources lists them.")
              .Add({})),
      most_series_(most_series),
      events_(prometheus::BuildCounter()
                  .Name("hecate_source_events_total")
                  .Help("Events that came in by host and channel, for the first sources that came "
                        "(sources.series); all are in /api/sources.")
                  .Register(registry)),
      last_seen_(
          gauges(registry, "hecate_source_last_seen_seconds",
                 "When the last event of a source came, in seconds since 1970; for the same sources.")),
      silent_(gauges(registry, "hecate_source_silent",
                     "1 for a source that was steady and sends nothing any more; for the same sources.")),
      by_state_(gauges(registry, "hecate_sources",
                       "Hosts' channels that sent events, by state: new, irregular, steady, silent.")),
      lag_(prometheus::BuildHistogram()
               .Name("hecate_source_lag_seconds")
               .Help("From an event's own time to its arrival, by channel; beyond the first 30 channels: "
                     "other.")
               .Register(registry)) {
  judged_all({});
}

void Probe::arrived(const Source& source, std::uint64_t events, const std::string& channel, const Lag& lag) {
  if (Series* series = series_of(source)) series->events->Increment(static_cast<double>(events));
  if (lag.count() == 0) return;
  std::vector<double> increments(lag.buckets.begin(), lag.buckets.end());
  lag_of(channel).ObserveMultiple(increments, lag.sum);
}

void Probe::judged(const Source& source, Source::State state) {
  Series* series = series_of(source);
  if (series == nullptr) return;
  series->last_seen->Set(static_cast<double>(source.last_seen) / kSecond);
  series->silent->Set(state == Source::State::silent ? 1 : 0);
}

void Probe::forgotten(const Source& source) {
  auto found = series_.find(&source);
  if (found == series_.end()) return;
  events_.Remove(found->second.events);
  last_seen_.Remove(found->second.last_seen);
  silent_.Remove(found->second.silent);
  series_.erase(found);
}

void Probe::judged_all(const std::map<Source::State, std::size_t>& sources) {
  for (auto state :
       {Source::State::fresh, Source::State::irregular, Source::State::steady, Source::State::silent}) {
    auto found = sources.find(state);
    by_state_.Add({{"state", std::string(name_of(state))}})
        .Set(found == sources.end() ? 0 : static_cast<double>(found->second));
  }
}

Probe::Series* Probe::series_of(const Source& source) {
  if (auto found = series_.find(&source); found != series_.end()) return &found->second;
  if (series_.size() >= most_series_) return nullptr;
  auto of = labels(source);
  return &series_.emplace(&source, Series{&events_.Add(of), &last_seen_.Add(of), &silent_.Add(of)})
              .first->second;
}

prometheus::Histogram& Probe::lag_of(const std::string& channel) {
  if (auto found = channels_.find(channel); found != channels_.end()) return *found->second;
  prometheus::Histogram::BucketBoundaries bounds(Lag::kBounds.begin(), Lag::kBounds.end());
  bool told_apart = channels_.size() < kMostChannels;
  auto& made = lag_.Add({{"channel", told_apart ? label(channel) : "other"}}, bounds);
  if (told_apart) channels_.emplace(channel, &made);
  return made;
}

}  // namespace hecate::sources
