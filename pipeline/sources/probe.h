#pragma once

#include "pipeline/sources/source_table.h"

#include <map>
#include <memory>
#include <string>

#include <absl/container/flat_hash_map.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace hecate::sources {

// What is exported of sources. Series are bounded: the first sources that came have some of their own, as
// many as it is told; lag goes by channel, of which the first kMostChannels are told apart. All else is in
// the totals, and in the table.
class Probe {
 public:
  static constexpr std::size_t kMostChannels = 30;
  Probe(prometheus::Registry& registry, std::size_t most_series);

  void arrived(const Source& source, std::uint64_t events, const std::string& channel, const Lag& lag);
  void judged(const Source& source, Source::State state);
  void forgotten(const Source& source);
  void judged_all(const std::map<Source::State, std::size_t>& sources);

  prometheus::Counter& untracked;
  prometheus::Gauge& detections_without_candidates;

 private:
  struct Series {
    prometheus::Counter* events;
    prometheus::Gauge* last_seen;
    prometheus::Gauge* silent;
  };
  [[nodiscard]] Series* series_of(const Source& source);
  [[nodiscard]] prometheus::Histogram& lag_of(const std::string& channel);

  std::size_t most_series_;
  prometheus::Family<prometheus::Counter>& events_;
  prometheus::Family<prometheus::Gauge>& last_seen_;
  prometheus::Family<prometheus::Gauge>& silent_;
  prometheus::Family<prometheus::Gauge>& by_state_;
  prometheus::Family<prometheus::Histogram>& lag_;
  absl::flat_hash_map<const Source*, Series> series_;
  std::map<std::string, prometheus::Histogram*> channels_;
};

}  // namespace hecate::sources
