#include "pipeline/sources/tally.h"

#include <algorithm>

namespace hecate::sources {
namespace {

// Senders choose their names; a longer one is cut.
constexpr std::size_t kLongestName = 256;

}  // namespace

void Lag::observe(Time lag) {
  double seconds = std::max(0.0, static_cast<double>(lag) / kSecond);
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  ++buckets[bucket];
  sum += seconds;
  last = lag;
  greatest = std::max(greatest, lag);
}

void Lag::add(const Lag& later) {
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += later.buckets[i];
  sum += later.sum;
  if (later.count() > 0) last = later.last;
  greatest = std::max(greatest, later.greatest);
}

std::uint64_t Lag::count() const {
  std::uint64_t all = 0;
  for (std::uint64_t each : buckets) all += each;
  return all;
}

double Lag::quantile(double part) const {
  std::uint64_t all = count();
  if (all == 0) return 0;
  auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(all) + 0.999999);
  std::uint64_t seen = 0;
  double most = static_cast<double>(greatest) / kSecond;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    seen += buckets[i];
    if (seen >= wanted) return std::min(kBounds[i], most);
  }
  return most;
}

void Tally::add(const EventView& event, Time arrived) {
  Origin origin = origins_.read(event);
  origin.host = origin.host.substr(0, kLongestName);
  origin.channel = origin.channel.substr(0, kLongestName);
  Arrivals* source = find(origin, arrived);
  if (source == nullptr) {
    ++taken_.untracked;
    return;
  }
  ++source->events;
  source->last = arrived;
  if (origin.time == EventView::kNoTime) return;
  source->newest_event = std::max(source->newest_event, origin.time);
  source->lag.observe(arrived - origin.time);
}

Arrivals* Tally::find(const Origin& origin, Time arrived) {
  if (latest_ != nullptr && latest_->host == origin.host && latest_->channel == origin.channel)
    return latest_;
  auto found = by_name_.find(Name(origin.host, origin.channel));
  if (found != by_name_.end()) return latest_ = found->second;
  if (taken_.sources.size() == most_) return nullptr;
  Arrivals& made = taken_.sources.emplace_back();
  made.host = origin.host;
  made.channel = origin.channel;
  made.first = arrived;
  by_name_.emplace(Name(made.host, made.channel), &made);
  return latest_ = &made;
}

Tally::Taken Tally::take() {
  by_name_.clear();
  latest_ = nullptr;
  return std::exchange(taken_, {});
}

}  // namespace hecate::sources
