#pragma once

#include "absl/container/flat_hash_map.h"
#include "pipeline/base/time.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace hecate::match {

// Which times of events a search still takes. Too old is an event that is more than `lateness` behind the
// clock and that no run still to come looks at, or older than all windows that the search ever had; too new
// one that is more than `future_skew` ahead of the clock.
struct TimeBounds {
  enum class Verdict : std::uint8_t { timely, late, future };

  Time lateness = 24 * kHour;
  Time future_skew = 10 * kMinute;
  // By scan: the earliest event time that a run still to come looks at.
  absl::flat_hash_map<std::uint64_t, Time> needed_from;
  // By scan: where its first window begins (0: not known); and the greatest of these.
  absl::flat_hash_map<std::uint64_t, Time> first_window;
  Time newest_first_window = 0;

  [[nodiscard]] bool may_be_untimely(Time time, Time now) const {
    return time < now - lateness || time > now + future_skew || time < newest_first_window;
  }
  // What holds for one scan; looked up once for all events.
  struct OfScan {
    Time first_window = kAny;
    Time needed_from = kNone;
    static constexpr Time kAny = INT64_MIN;
    static constexpr Time kNone = INT64_MAX;
  };
  [[nodiscard]] OfScan of(std::uint64_t scan) const {
    OfScan found;
    if (auto first = first_window.find(scan); first != first_window.end()) found.first_window = first->second;
    if (auto needed = needed_from.find(scan); needed != needed_from.end()) found.needed_from = needed->second;
    return found;
  }
  [[nodiscard]] Verdict judge(const OfScan& scan, Time time, Time now) const {
    if (time > now + future_skew) return Verdict::future;
    if (time < scan.first_window) return Verdict::late;
    return time >= now - lateness || time >= scan.needed_from ? Verdict::timely : Verdict::late;
  }
};

// The bounds in force: set by who runs the windows, read by the workers once a batch. Thread-safe.
class SharedTimeBounds {
 public:
  void set(TimeBounds bounds) {
    auto next = std::make_shared<const TimeBounds>(std::move(bounds));
    std::lock_guard lock(mutex_);
    bounds_ = std::move(next);
    version_.fetch_add(1, std::memory_order_release);
  }
  // Rises with each `set`, so that a reader need not take the lock while nothing changed.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Null until they are set: every time is taken.
  [[nodiscard]] std::shared_ptr<const TimeBounds> get() const {
    std::lock_guard lock(mutex_);
    return bounds_;
  }

 private:
  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> version_{0};
  std::shared_ptr<const TimeBounds> bounds_;
};

}  // namespace hecate::match
