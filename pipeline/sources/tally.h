#pragma once

#include "pipeline/base/time.h"
#include "pipeline/sources/origin.h"

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace hecate::sources {

// How long events took from their own time to their arrival: a histogram, in seconds. An event ahead of the
// clock is in the first bucket.
struct Lag {
  static constexpr std::array<double, 11> kBounds{1, 2, 5, 10, 30, 60, 300, 900, 3'600, 21'600, 86'400};

  std::array<std::uint64_t, kBounds.size() + 1> buckets{};
  double sum = 0;  // seconds, what is ahead of the clock as 0
  Time last = 0;   // of the newest arrival; negative: ahead of the clock
  Time greatest = 0;

  void observe(Time lag);
  void add(const Lag& later);
  [[nodiscard]] std::uint64_t count() const;
  // The bound, in seconds, under which that part (0.95) of the events lies; that of the greatest lag for
  // those over all bounds. 0 without events.
  [[nodiscard]] double quantile(double part) const;
};

// What one source sent within some time.
struct Arrivals {
  std::string host, channel;
  std::uint64_t events = 0;
  Time first = 0, last = 0;  // arrivals
  Time newest_event = EventView::kNoTime;
  Lag lag;
};

// Counts one worker's events by source, to be taken away every few seconds. Not thread-safe. Memory: at most
// `most` sources; events of further ones are counted together. An event of a known source allocates nothing.
class Tally {
 public:
  explicit Tally(std::size_t most) : most_(most) {}

  void add(const EventView& event, Time arrived);

  struct Taken {
    std::deque<Arrivals> sources;
    std::uint64_t untracked = 0;  // events of sources that found no room
  };
  // What was counted since the last time.
  [[nodiscard]] Taken take();

 private:
  using Name = std::pair<std::string_view, std::string_view>;  // host, channel: those of `taken_`
  [[nodiscard]] Arrivals* find(const Origin& origin, Time arrived);

  std::size_t most_;
  OriginReader origins_;
  Taken taken_;
  absl::flat_hash_map<Name, Arrivals*> by_name_;
  // Sources that came before, by a digest of their names that is cheaper than a hash of all of them.
  static constexpr int kRecentBits = 8;
  std::array<Arrivals*, 1U << kRecentBits> recent_{};
};

}  // namespace hecate::sources
