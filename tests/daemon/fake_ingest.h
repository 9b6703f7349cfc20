#pragma once

#include "pipeline/ingest/ingest.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hecate::testing {

// What a listener hands on, as the real Ingest would read it; answers come from another thread, as they do
// there.
class FakeIngest final : public ingest::Ingest {
 public:
  struct Event {
    std::string raw, host, source, sourcetype, index;
    Time time = EventView::kNoTime;
    std::string fallback_host, fallback_source;
  };

  FakeIngest() : worker_([this] { work(); }) {}
  ~FakeIngest() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      held_ = false;
      committing_held_ = false;
    }
    changed_.notify_all();
    worker_.join();
  }

  std::atomic<bool> full{false};      // refuses every batch
  std::atomic<bool> disk_bad{false};  // stores nothing
  std::atomic<std::size_t> queued{0};

  void hold(bool held) {
    {
      std::lock_guard lock(mutex_);
      held_ = held;
    }
    changed_.notify_all();
  }
  // Evaluates, and keeps what should come to disk waiting.
  void hold_commits(bool held) {
    {
      std::lock_guard lock(mutex_);
      committing_held_ = held;
    }
    changed_.notify_all();
  }
  [[nodiscard]] std::size_t waiting() {
    std::lock_guard lock(mutex_);
    return batches_.size();
  }
  [[nodiscard]] std::size_t finished() const { return finished_; }
  [[nodiscard]] std::vector<Event> take_events() {
    std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }
  // Runs on the listener's thread, once, with the next batch; for what is to happen while it is busy.
  void at_next_submit(std::function<void()> action) {
    std::lock_guard lock(mutex_);
    at_submit_ = std::move(action);
  }
  bool submit(std::unique_ptr<ingest::Batch>& batch) override {
    std::function<void()> action;
    {
      std::lock_guard lock(mutex_);
      action = std::exchange(at_submit_, {});
    }
    if (action) action();
    if (full) return false;
    {
      std::lock_guard lock(mutex_);
      batches_.push_back(std::move(batch));
    }
    changed_.notify_all();
    return true;
  }
  void set_feed(const catalogue::Feed&) override {}
  void barrier() override {}
  [[nodiscard]] std::size_t queued_bytes() const override { return queued; }

 private:
  void work() {
    for (;;) {
      std::unique_ptr<ingest::Batch> batch;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !held_ && (stopping_ || !batches_.empty()); });
        if (batches_.empty()) return;
        batch = std::move(batches_.front());
        batches_.pop_front();
      }
      read(*batch);
    }
  }

  void read(ingest::Batch& batch) {
    constexpr Time now = 1'777'291'200 * kSecond;  // 2026-04-27T12:00:00Z
    std::vector<Event> events;
    ingest::BatchResult result = reader_.read(batch, now, [&](EventView& e) {
      events.push_back({std::string(e.raw), std::string(e.host), std::string(e.source),
                        std::string(e.sourcetype), std::string(e.index), e.envelope_time,
                        std::string(e.fallback.host), std::string(e.fallback.source)});
    });
    if (batch.evaluated) batch.evaluated(result);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !committing_held_; });
      result.stored = !disk_bad;
      if (result.stored) events_.insert(events_.end(), events.begin(), events.end());
    }
    batch.done(result);
    ++finished_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<ingest::Batch>> batches_;
  std::vector<Event> events_;
  std::function<void()> at_submit_;
  bool held_ = false;
  bool committing_held_ = false;
  std::atomic<std::size_t> finished_{0};
  bool stopping_ = false;
  ingest::BatchReader reader_;
  std::thread worker_;
};

}  // namespace hecate::testing
