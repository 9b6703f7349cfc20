#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <random>
#include <vector>

namespace hecate::outputs {

enum class Balance {
  fail_over,    // the first that works, in the order of the configuration
  round_robin,  // all that work, in turn
};

// Pauses after a failure: doubling from `first` to `longest`; of each between half and all, so that many do
// not come at once. An endpoint that asks for a pause (Retry-After) gets that, up to `longest_asked`.
struct BackOff {
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds longest{60'000};
  std::chrono::milliseconds longest_asked{600'000};
};

// Which of several endpoints takes the next batch: each has its own health and back-off, and one that is
// failing, busy with a trial or full never holds up another. Time is passed in. Not thread-safe.
class EndpointPool {
 public:
  using Monotonic = std::chrono::steady_clock;

  EndpointPool(std::size_t endpoints, Balance balance, BackOff back_off);

  // Whether it is this endpoint's turn. With fail_over, a working endpoint that is busy keeps its turn, so
  // that batches arrive in order; one on trial after a failure does not.
  [[nodiscard]] bool in_turn(std::size_t endpoint, Monotonic::time_point now) const;
  // A request begins: until it has succeeded, failed, or is told idle, the endpoint is busy.
  void begin(std::size_t endpoint) { endpoints_[endpoint].busy = true; }
  // There is a batch for it: the next one is another's.
  void took_turn(std::size_t endpoint) { next_ = (endpoint + 1) % endpoints_.size(); }
  // The batch arrived: its failures are forgotten.
  void succeeded(std::size_t endpoint);
  // Gives the pause.
  std::chrono::milliseconds failed(std::size_t endpoint, Monotonic::time_point now,
                                   std::optional<std::chrono::milliseconds> asked = std::nullopt);
  // Busy no more, and no wiser.
  void idle(std::size_t endpoint) { endpoints_[endpoint].busy = false; }
  // It owes as many acknowledgements as it may.
  void set_full(std::size_t endpoint, bool full) { endpoints_[endpoint].full = full; }
  // Until when it is left alone; in the past when it is not.
  [[nodiscard]] Monotonic::time_point ready_at(std::size_t endpoint) const {
    return endpoints_[endpoint].ready_at;
  }

 private:
  struct Endpoint {
    bool busy = false;
    bool full = false;
    int failures = 0;  // since the last batch that it took
    Monotonic::time_point ready_at{};
  };
  [[nodiscard]] static bool usable(const Endpoint& endpoint, Monotonic::time_point now);
  [[nodiscard]] static bool passed_over(const Endpoint& endpoint, Monotonic::time_point now);

  std::vector<Endpoint> endpoints_;
  Balance balance_;
  BackOff back_off_;
  std::size_t next_ = 0;  // round_robin: whose turn it is, if it can
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace hecate::outputs
