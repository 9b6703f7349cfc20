#pragma once

#include "pipeline/base/time.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
template <typename T>
class Family;
}  // namespace prometheus

namespace hecate::window {

// The runner's metrics (hecate_window_*). The registry must outlive it.
class RunnerProbe {
 public:
  explicit RunnerProbe(prometheus::Registry& registry);
  void ran(const std::string& detection, std::size_t rows, std::chrono::duration<double> took, bool made_up);
  void told_early(const std::string& detection, std::size_t rows);
  // On a run, scheduled, done again or early.
  void spent(const std::string& detection, std::chrono::duration<double> time);
  // How long ago the newest run that is done was due, and when the next one is to begin.
  void lag(const std::string& detection, Time behind, Time next_due);
  void forget_lag(const std::string& detection);
  // Its counters are there from now on, at 0.
  void know(const std::string& detection);
  void dropped_early(std::size_t groups);
  void ran_again(const std::string& detection);
  void incomplete(const std::string& detection);
  // Events put aside that went by age or number.
  void removed_aside(std::int64_t events);
  // Groups of a commit that came into windows that were run already.
  void late(std::size_t groups);

 private:
  prometheus::Family<prometheus::Counter>& runs_;
  prometheus::Family<prometheus::Counter>& rows_;
  prometheus::Family<prometheus::Gauge>& lags_;
  prometheus::Family<prometheus::Gauge>& next_;
  prometheus::Histogram& seconds_;
  prometheus::Family<prometheus::Counter>& spent_;
  prometheus::Counter& made_up_;
  prometheus::Counter& dropped_early_;
  prometheus::Counter& late_;
  prometheus::Family<prometheus::Counter>& again_;
  prometheus::Family<prometheus::Counter>& incomplete_;
  prometheus::Counter& removed_aside_;
};

}  // namespace hecate::window
