#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

namespace hecate::ingest {

// Counts what was admitted and is not yet finished, so that a run can wait for all that came before it
// without stopping what comes after. Thread-safe; entered and left once a batch, not once an event.
class Admission {
 public:
  // A batch comes in; give the ticket back when it is finished.
  [[nodiscard]] std::uint64_t enter() {
    std::lock_guard lock(mutex_);
    ++open_.back();
    return first_ + open_.size() - 1;
  }

  void leave(std::uint64_t ticket) {
    std::lock_guard lock(mutex_);
    --open_[ticket - first_];
    if (drop_finished()) finished_.notify_all();
  }

  // Waits until every batch that entered before this call has left.
  void wait_for_earlier() {
    std::unique_lock lock(mutex_);
    std::uint64_t mine = first_ + open_.size() - 1;
    open_.push_back(0);
    drop_finished();
    finished_.wait(lock, [&] { return first_ > mine; });
  }

 private:
  // Epochs at the front in which nothing is open any more, but for the newest, which still takes batches.
  bool drop_finished() {
    bool dropped = false;
    while (open_.size() > 1 && open_.front() == 0) {
      open_.pop_front();
      ++first_;
      dropped = true;
    }
    return dropped;
  }

  std::mutex mutex_;
  std::condition_variable finished_;
  std::deque<std::uint64_t> open_{0};  // batches in flight by epoch; a new epoch begins with each wait
  std::uint64_t first_ = 0;            // the epoch of open_.front()
};

}  // namespace hecate::ingest
