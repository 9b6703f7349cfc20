#pragma once

#include "outputs/endpoint_pool.h"
#include "outputs/hec_client.h"
#include "pipeline/base/clock.h"
#include "pipeline/store/store.h"

#include <chrono>
#include <memory>
#include <vector>

namespace prometheus {
class Registry;
}

namespace hecate::outputs {

struct OutboxOptions {
  std::vector<HecEndpoint> endpoints;  // at least one
  Balance balance = Balance::fail_over;
  int batch = 100;  // envelopes a request
  BackOff back_off;
  // Acknowledgement: how long to wait for it, how often to ask, and how many requests of an endpoint may
  // wait.
  Time ack_timeout = 5 * kMinute;
  std::chrono::milliseconds ack_poll{1'000};
  std::size_t most_unacknowledged = 100;
  HecNetwork network;
};

// Posts what is in the outbox, oldest first, in batches, until an endpoint confirms it: with code 0, and
// where the answer has an ackId, with `true` for that; then it leaves the outbox. No answer, 429, 5xx, no
// `true` in time: again, without end, after a back-off. A thread an endpoint; batches arrive in order as long
// as one endpoint takes them at the first try.
class Outbox {
 public:
  // Refuses endpoints that HecClient refuses.
  [[nodiscard]] static Result<std::unique_ptr<Outbox>> start(store::Store& store, const Clock& clock,
                                                             OutboxOptions options,
                                                             prometheus::Registry& registry);
  virtual ~Outbox() = default;  // stops after the requests in flight
  // There is something new; thread-safe.
  virtual void wake() = 0;
};

}  // namespace hecate::outputs
