#pragma once

#include "absl/container/node_hash_map.h"
#include "pipeline/base/time.h"
#include "pipeline/spl/plan.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecate::store {

// The event that a finding shows of its group: the earliest by (time, arrival). Owns its texts.
struct Sample {
  Time time = 0;
  std::uint64_t arrival = 0;
  std::string raw, host, source, sourcetype, index;
  // Event fields that notables show beside the row (user, dest): name and value, the empty ones left out.
  std::vector<std::pair<std::string, std::string>> fields;

  [[nodiscard]] bool empty() const { return raw.empty(); }
  [[nodiscard]] bool before(const Sample& other) const {
    return time != other.time ? time < other.time : arrival < other.arrival;
  }
  // Nothing for an empty one.
  void encode(std::string& out) const;
  [[nodiscard]] static Result<Sample> decode(std::string_view blob);
  // The one of two encoded samples that comes first; reads no more than their times.
  [[nodiscard]] static std::string_view earlier(std::string_view a, std::string_view b);
};

struct DeltaKey {
  std::uint64_t scan = 0;
  std::int64_t minute = 0;  // minutes since the epoch of the event's time
  std::string group;

  friend bool operator==(const DeltaKey&, const DeltaKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const DeltaKey& k) {
    return H::combine(std::move(h), k.scan, k.minute, k.group);
  }
};

struct Delta {
  spl::GroupState state;
  Sample sample;

  void merge(Delta&& other);
};

// What some events contributed, merged: (scan, minute, group) → partial state. Made by workers, merged and
// written by the journal. Movable; not thread-safe.
class DeltaSet {
 public:
  Delta& at(DeltaKey key) { return deltas_[std::move(key)]; }
  // Moves what is new here and merges what is in both; the smaller set goes into the larger.
  void merge(DeltaSet&& other);
  [[nodiscard]] bool empty() const { return deltas_.empty(); }
  [[nodiscard]] std::size_t size() const { return deltas_.size(); }
  void clear() { deltas_.clear(); }
  [[nodiscard]] auto begin() const { return deltas_.begin(); }
  [[nodiscard]] auto end() const { return deltas_.end(); }
  [[nodiscard]] auto begin() { return deltas_.begin(); }
  [[nodiscard]] auto end() { return deltas_.end(); }

 private:
  absl::node_hash_map<DeltaKey, Delta> deltas_;
};

}  // namespace hecate::store
