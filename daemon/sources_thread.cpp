#include "daemon/sources_thread.h"

#include <chrono>

#include <spdlog/spdlog.h>

namespace hecate::daemon {
namespace {

constexpr auto kGather = std::chrono::seconds(5);
constexpr int kGathersASave = 12;

}  // namespace

SourcesThread::SourcesThread(sources::Sources& sources) : sources_(sources), thread_([this] { work(); }) {}

SourcesThread::~SourcesThread() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  woken_.notify_one();
  thread_.join();
}

void SourcesThread::work() {
  for (int gathers = 1;; ++gathers) {
    bool stop;
    {
      std::unique_lock lock(mutex_);
      stop = woken_.wait_for(lock, kGather, [this] { return stop_; });
    }
    sources_.gather();
    if (stop || gathers % kGathersASave == 0) {
      // What could not be stored is part of the next try; a failing disk is told of elsewhere.
      if (auto saved = sources_.save(); !saved)
        spdlog::debug("what is known of sources could not be stored: {}", saved.error().message);
    }
    if (stop) return;
  }
}

}  // namespace hecate::daemon
