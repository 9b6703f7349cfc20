#include "pipeline/sources/tally.h"

#include <algorithm>
#include <cstring>

namespace hecate::sources {
namespace {

// Senders choose their names; a longer one is cut.
constexpr std::size_t kLongestName = 256;

// Tells names apart well enough: length, begin, middle and end.
std::uint64_t digest(std::string_view name) {
  constexpr std::uint64_t mix = 0x9E37'79B9'7F4A'7C15;  // the golden ratio: spreads over the top bits
  std::uint64_t sum = name.size();
  if (name.size() < sizeof(sum)) {
    for (char c : name) sum = sum << 8 | static_cast<unsigned char>(c);
    return sum * mix;
  }
  std::size_t last = name.size() - sizeof(sum);
  for (std::size_t at : {std::size_t{0}, last / 2, last}) {
    std::uint64_t part;
    std::memcpy(&part, name.data() + at, sizeof(part));
    sum = (sum ^ part) * mix;
  }
  return sum;
}

}  // namespace

void Lag::observe(Time lag) {
  static constexpr auto bounds = [] {
    std::array<Time, kBounds.size()> times{};
    for (std::size_t i = 0; i < times.size(); ++i) times[i] = static_cast<Time>(kBounds[i]) * kSecond;
    return times;
  }();
  std::size_t bucket = 0;
  for (Time bound : bounds) bucket += lag > bound ? 1 : 0;
  ++buckets[bucket];
  sum += std::max(0.0, static_cast<double>(lag) / kSecond);
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
  Arrivals*& recent = recent_[(digest(origin.host) + digest(origin.channel)) >> (64 - kRecentBits)];
  if (recent != nullptr && recent->host == origin.host && recent->channel == origin.channel) return recent;
  auto found = by_name_.find(Name(origin.host, origin.channel));
  if (found != by_name_.end()) return recent = found->second;
  if (taken_.sources.size() == most_) return nullptr;
  Arrivals& made = taken_.sources.emplace_back();
  made.host = origin.host;
  made.channel = origin.channel;
  made.first = arrived;
  by_name_.emplace(Name(made.host, made.channel), &made);
  return recent = &made;
}

Tally::Taken Tally::take() {
  by_name_.clear();
  recent_.fill(nullptr);
  return std::exchange(taken_, {});
}

}  // namespace hecate::sources
