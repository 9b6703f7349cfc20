#pragma once

#include "pipeline/base/clock.h"
#include "pipeline/window/runner.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace hecate::daemon {

// Gives the runner its thread and the real time: it advances when a run is due, when a commit brought
// something for first_match, and when a new catalogue comes. Stops when destroyed, after the run in hand.
class RunnerThread {
 public:
  // `accepted` is called on the runner's thread once a catalogue given to set_catalogue has taken effect
  // there.
  using Accepted = std::function<void(const std::shared_ptr<const catalogue::Catalogue>&)>;
  RunnerThread(window::Runner& runner, const Clock& clock, Accepted accepted);
  ~RunnerThread();

  // The detections from now on; takes effect before the next run, and is tried until it does.
  void set_catalogue(std::shared_ptr<const catalogue::Catalogue> catalogue);

 private:
  void work();
  void advance();
  void take_catalogue();
  void pause_after_error(std::unique_lock<std::mutex>& lock);

  window::Runner& runner_;
  const Clock& clock_;
  Accepted accepted_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stop_ = false;
  bool wake_ = true;
  std::shared_ptr<const catalogue::Catalogue> next_catalogue_;
  std::thread thread_;
};

}  // namespace hecate::daemon
