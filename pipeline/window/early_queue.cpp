#include "pipeline/window/early_queue.h"

#include <algorithm>
#include <tuple>

namespace hecate::window {

void EarlyQueue::watch(absl::flat_hash_set<std::uint64_t> scans) {
  std::lock_guard guard(mutex_);
  scans_ = std::move(scans);
  watching_ = !scans_.empty();
}

EarlyQueue::Added EarlyQueue::add(const store::DeltaSet& deltas) {
  Added added;
  if (!watching_) return added;
  std::lock_guard guard(mutex_);
  for (const auto& [key, delta] : deltas) {
    if (!scans_.contains(key.scan)) continue;
    if (keys_.size() < kMost) {
      added.any |= keys_.insert(key).second;
    } else if (!keys_.contains(key)) {
      ++added.dropped;
    }
  }
  waiting_ = !keys_.empty();
  return added;
}

std::vector<store::DeltaKey> EarlyQueue::take() {
  if (!waiting_) return {};
  absl::flat_hash_set<store::DeltaKey> taken;
  {
    std::lock_guard guard(mutex_);
    taken.swap(keys_);
    waiting_ = false;
  }
  std::vector<store::DeltaKey> keys(std::make_move_iterator(taken.begin()),
                                    std::make_move_iterator(taken.end()));
  std::ranges::sort(keys, [](const auto& a, const auto& b) {
    return std::tie(a.scan, a.minute, a.group) < std::tie(b.scan, b.minute, b.group);
  });
  return keys;
}

}  // namespace hecate::window
