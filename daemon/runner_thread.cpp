#include "daemon/runner_thread.h"

#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

namespace hecate::daemon {
namespace {

// The wall clock may be set while the thread waits, so it looks again at least this often.
constexpr Time kLongestWait = 5 * kSecond;

}  // namespace

RunnerThread::RunnerThread(window::Runner& runner, const Clock& clock) : runner_(runner), clock_(clock) {
  runner_.set_wake([this] {
    std::lock_guard lock(mutex_);
    wake_ = true;
    woken_.notify_one();
  });
  thread_ = std::thread([this] { work(); });
}

RunnerThread::~RunnerThread() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  woken_.notify_one();
  thread_.join();
  runner_.set_wake({});
}

void RunnerThread::set_catalogue(std::shared_ptr<const catalogue::Catalogue> catalogue) {
  std::lock_guard lock(mutex_);
  next_catalogue_ = std::move(catalogue);
  wake_ = true;
  woken_.notify_one();
}

void RunnerThread::work() {
  while (true) {
    std::shared_ptr<const catalogue::Catalogue> catalogue;
    {
      std::unique_lock lock(mutex_);
      Time wait = std::clamp(runner_.next_due() - clock_.now(), Time{0}, kLongestWait);
      woken_.wait_for(lock, std::chrono::microseconds(wait), [this] { return stop_ || wake_; });
      if (stop_) return;
      wake_ = false;
      catalogue = std::move(next_catalogue_);
      next_catalogue_.reset();
    }
    if (catalogue) {
      if (auto set = runner_.set_catalogue(std::move(catalogue)); !set)
        spdlog::error("the schedule of the new detections could not be read: {}", set.error().message);
    }
    advance();
  }
}

void RunnerThread::advance() {
  auto runs = runner_.advance(clock_.now());
  if (!runs) {
    spdlog::error("a scheduled run failed and will be tried again: {}", runs.error().message);
    // Not at once: what made it fail (a full disk, mostly) is still there.
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_; });
  } else if (*runs > 0) {
    spdlog::debug("{} scheduled runs done", *runs);
  }
}

}  // namespace hecate::daemon
