#include "outputs/endpoint_pool.h"

#include <algorithm>

namespace hecate::outputs {

using std::chrono::milliseconds;

EndpointPool::EndpointPool(std::size_t endpoints, Balance balance, BackOff back_off)
    : endpoints_(endpoints), balance_(balance), back_off_(back_off) {}

bool EndpointPool::usable(const Endpoint& endpoint, Monotonic::time_point now) {
  return !endpoint.busy && !endpoint.full && now >= endpoint.ready_at;
}

// Whether an endpoint further down may go on without this one.
bool EndpointPool::passed_over(const Endpoint& endpoint, Monotonic::time_point now) {
  bool on_trial = endpoint.busy && endpoint.failures > 0;
  return on_trial || endpoint.full || now < endpoint.ready_at;
}

bool EndpointPool::in_turn(std::size_t endpoint, Monotonic::time_point now) const {
  if (!usable(endpoints_[endpoint], now)) return false;
  if (balance_ == Balance::fail_over) {
    return std::ranges::all_of(endpoints_.begin(), endpoints_.begin() + static_cast<std::ptrdiff_t>(endpoint),
                               [&](const Endpoint& before) { return passed_over(before, now); });
  }
  std::size_t turn = next_;
  while (!usable(endpoints_[turn], now)) turn = (turn + 1) % endpoints_.size();
  return turn == endpoint;
}

void EndpointPool::succeeded(std::size_t endpoint) {
  endpoints_[endpoint].busy = false;
  endpoints_[endpoint].failures = 0;
}

milliseconds EndpointPool::failed(std::size_t endpoint, Monotonic::time_point now,
                                  std::optional<milliseconds> asked) {
  Endpoint& failing = endpoints_[endpoint];
  milliseconds longest = back_off_.first * (1LL << std::min(failing.failures, 20));
  longest = std::min(longest, back_off_.longest);
  std::uniform_int_distribution<std::int64_t> jitter(longest.count() / 2, longest.count());
  milliseconds pause(jitter(random_));
  if (asked) pause = std::max(pause, std::min(*asked, back_off_.longest_asked));
  ++failing.failures;
  failing.busy = false;
  failing.ready_at = now + pause;
  return pause;
}

}  // namespace hecate::outputs
