#pragma once

#include "absl/container/flat_hash_set.h"
#include "pipeline/store/delta.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace hecate::window {

// Groups that commits have touched and first_match detections have not looked at yet: each once, however
// often it was touched. Bounded; what does not fit is dropped, since the scheduled run tells it anyway.
// Thread-safe.
class EarlyQueue {
 public:
  static constexpr std::size_t kMost = 100'000;
  struct Added {
    bool any = false;
    std::size_t dropped = 0;
  };

  // The scans that first_match detections use, from now on.
  void watch(absl::flat_hash_set<std::uint64_t> scans);
  Added add(const store::DeltaSet& deltas);
  // All that waits, in the order of (scan, minute, group).
  [[nodiscard]] std::vector<store::DeltaKey> take();

 private:
  std::atomic<bool> watching_ = false;  // so that commits cost nothing where no detection is of that kind
  std::atomic<bool> waiting_ = false;
  std::mutex mutex_;
  absl::flat_hash_set<std::uint64_t> scans_;
  absl::flat_hash_set<store::DeltaKey> keys_;
};

}  // namespace hecate::window
