#pragma once

#include "daemon/config.h"
#include "daemon/hec_acks.h"
#include "pipeline/base/error.h"
#include "pipeline/ingest/ingest.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace prometheus {
class Registry;
}

namespace hecate::daemon {

// How long a sender may keep a connection waiting. Looked at at least four times in the shortest of them.
struct HecTimeouts {
  std::chrono::milliseconds idle{60'000};      // between requests
  std::chrono::milliseconds header{30'000};    // from the first byte of a request to the end of its header;
                                               // and for the TLS handshake
  std::chrono::milliseconds progress{30'000};  // in a body, or while an answer is taken, without a byte
  std::chrono::milliseconds closing{5'000};    // for a sender to stop sending what was refused; and, in
                                               // drain(), to send the rest of a request begun
  std::chrono::milliseconds channel{600'000};  // unused, before it is forgotten with its ackIds
};

// Takes events in over Splunk's HTTP Event Collector protocol (docs/hec.md): its routes, tokens,
// acknowledgement and TLS, bodies of any length and encoding that HEC knows, keep-alive and pipelining. It
// reads a body straight into a Batch, hands it to Ingest, and answers when the batch is done. One network
// thread of its own. Memory: bodies being read are bounded by ingest.queue_bytes, like those that wait in
// Ingest.
class HecListener {
 public:
  // Reads the certificates and binds at once (an error names the file or address and why); serves until
  // destroyed. `can_store` says whether anything can be stored at present (else 503 code 9); the network
  // thread calls it for every request. `ingest` and `registry` must outlive the listener.
  [[nodiscard]] static Result<std::unique_ptr<HecListener>> start(
      const Config& config, ingest::Ingest& ingest, std::function<bool()> can_store,
      prometheus::Registry& registry, HecTimeouts timeouts = {}, HecAckLimits acks = {});
  virtual ~HecListener() = default;
  // The port it listens on (the configured one may be 0).
  [[nodiscard]] virtual int port() const = 0;
  // Turns new requests away with 503 code 23; answers those in flight, then closes. Returns when all are
  // answered, and those with an ackId are stored.
  virtual void drain() = 0;
};

}  // namespace hecate::daemon
