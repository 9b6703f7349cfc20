#pragma once

#include "pipeline/sources/sources.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace hecate::daemon {

// Gathers what the workers counted every five seconds and stores it each minute, and once more at its end,
// when no worker counts any more.
class SourcesThread {
 public:
  explicit SourcesThread(sources::Sources& sources);
  ~SourcesThread();

 private:
  void work();

  sources::Sources& sources_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace hecate::daemon
