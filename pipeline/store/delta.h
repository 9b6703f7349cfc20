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

// An event that satisfied a search but came too late for it, or from the future. It is in no pane; it is kept
// for people to look at.
struct Aside {
  enum class Reason : std::uint8_t { late, future };
  Reason reason = Reason::late;
  std::uint64_t scan = 0;
  Time received = 0;
  Sample sample;
};
[[nodiscard]] std::string_view to_text(Aside::Reason reason);

// What some events contributed, merged: (scan, minute, group) → partial state. Made by workers, merged and
// written by the journal. Movable; not thread-safe.
class DeltaSet {
 public:
  struct Once;

  DeltaSet();
  ~DeltaSet();
  DeltaSet(DeltaSet&& other) noexcept;
  DeltaSet& operator=(DeltaSet&& other) noexcept;

  Delta& at(DeltaKey key) { return deltas_[std::move(key)]; }
  void add_aside(Aside event);
  // What the event of this name contributed, in that minute of its time: the journal takes it the first time.
  void add_once(std::string event, std::int64_t minute, DeltaSet&& deltas);
  // Moves what is new here and merges what is in both; the smaller set goes into the larger.
  void merge(DeltaSet&& other);
  // Nothing at all; `size` and the iterators are of the merged deltas only.
  [[nodiscard]] bool empty() const { return deltas_.empty() && aside_.empty() && once_.empty(); }
  [[nodiscard]] std::size_t size() const { return deltas_.size(); }
  void clear();
  [[nodiscard]] const std::vector<Aside>& aside() const { return aside_; }
  [[nodiscard]] std::vector<Once> take_once();
  [[nodiscard]] auto begin() const { return deltas_.begin(); }
  [[nodiscard]] auto end() const { return deltas_.end(); }
  [[nodiscard]] auto begin() { return deltas_.begin(); }
  [[nodiscard]] auto end() { return deltas_.end(); }

 private:
  absl::node_hash_map<DeltaKey, Delta> deltas_;
  std::vector<Aside> aside_;
  std::vector<Once> once_;
};

struct DeltaSet::Once {
  std::string event;
  std::int64_t minute = 0;
  DeltaSet deltas;
};

// The groups of a scan (spl::GroupReader) where all that it contributed is of one window (match::Panes).
[[nodiscard]] Result<void> read_groups(const DeltaSet& deltas, const spl::Scan& scan,
                                       spl::GroupVisitor visit);

}  // namespace hecate::store
