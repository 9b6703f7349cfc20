#include "daemon/runner_thread.h"

#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

namespace hecate::daemon {
namespace {

// The wall clock may be set while the thread waits, so it looks again at least this often.
constexpr Time kLongestWait = 5 * kSecond;

}  // namespace

RunnerThread::RunnerThread(window::Runner& runner, const Clock& clock, Accepted accepted)
    : runner_(runner), clock_(clock), accepted_(std::move(accepted)) {
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
  runner_.stop();
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
    {
      std::unique_lock lock(mutex_);
      Time wait = std::clamp(runner_.next_due() - clock_.now(), Time{0}, kLongestWait);
      woken_.wait_for(lock, std::chrono::microseconds(wait), [this] { return stop_ || wake_; });
      if (stop_) return;
      wake_ = false;
    }
    take_catalogue();
    advance();
  }
}

// A catalogue that cannot be taken up (the disk refuses, mostly) waits: the old one goes on as a whole.
void RunnerThread::take_catalogue() {
  std::shared_ptr<const catalogue::Catalogue> catalogue;
  {
    std::lock_guard lock(mutex_);
    catalogue = next_catalogue_;
  }
  if (!catalogue) return;
  if (auto set = runner_.set_catalogue(catalogue); !set) {
    spdlog::error("the new detections cannot be taken up yet, the old ones go on; it is tried again: {}",
                  set.error().message);
    std::unique_lock lock(mutex_);
    wake_ = true;
    pause_after_error(lock);
    return;
  }
  accepted_(catalogue);
  std::lock_guard lock(mutex_);
  if (next_catalogue_ == catalogue) next_catalogue_.reset();
}

// What made it fail (a full disk, mostly) is still there: not again at once.
void RunnerThread::pause_after_error(std::unique_lock<std::mutex>& lock) {
  woken_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_; });
}

void RunnerThread::advance() {
  auto runs = runner_.advance(clock_.now());
  if (!runs) {
    spdlog::error("a scheduled run failed and will be tried again: {}", runs.error().message);
    std::unique_lock lock(mutex_);
    pause_after_error(lock);
  } else if (*runs > 0) {
    spdlog::debug("{} scheduled runs done", *runs);
  }
}

}  // namespace hecate::daemon
