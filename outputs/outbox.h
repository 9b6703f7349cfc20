#pragma once

#include "outputs/hec_client.h"
#include "pipeline/base/clock.h"
#include "pipeline/store/store.h"

#include <memory>

namespace prometheus {
class Registry;
}

namespace hecate::outputs {

struct OutboxOptions {
  HecEndpoint endpoint;
  int batch = 100;  // envelopes a request
  std::chrono::milliseconds first_retry{500};
  std::chrono::milliseconds longest_retry{60'000};
};

// Posts what is in the outbox, oldest first, in batches, until the endpoint answers code 0; then it leaves
// the outbox. No answer, 429, 5xx: again after a back-off with jitter, without end. A thread of its own.
class Outbox {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Outbox>> start(store::Store& store, const Clock& clock,
                                                             OutboxOptions options,
                                                             prometheus::Registry& registry);
  virtual ~Outbox() = default;  // stops after the request in flight
  // There is something new; thread-safe.
  virtual void wake() = 0;
};

}  // namespace hecate::outputs
