#pragma once

#include "daemon/buffer_pool.h"
#include "daemon/hec_acks.h"
#include "daemon/hec_listener.h"
#include "daemon/hec_metrics.h"
#include "daemon/hec_protocol.h"
#include "daemon/tls_server.h"
#include "pipeline/ingest/ingest.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

namespace hecate::daemon {

class HecConnection;

// What the connections of one listener share. The network thread's alone; for the listener's own sources
// only.
struct HecService {
  HecService(const Config& config, ingest::Ingest& ingest, std::function<bool()> can_store,
             prometheus::Registry& registry, HecTimeouts timeouts, HecAckLimits acks)
      : tokens(config.hec.tokens),
        max_body(config.hec.max_body_bytes),
        queue_bytes(config.ingest.queue_bytes),
        ingest(ingest),
        can_store(std::move(can_store)),
        metrics(registry),
        timeouts(timeouts),
        acks(acks) {}

  HecTokens tokens;
  std::size_t max_body;
  std::size_t queue_bytes;
  ingest::Ingest& ingest;
  std::function<bool()> can_store;
  HecMetrics metrics;
  HecTimeouts timeouts;
  std::unique_ptr<TlsServer> tls;  // null: plain

  BufferPool pool;
  HecAcks acks;
  std::size_t reading_bytes = 0;  // of bodies on their way in; at most queue_bytes
  bool draining = false;
  std::size_t in_flight = 0;  // requests between the end of their header and their answer
  std::size_t unsettled = 0;  // requests answered with an ackId and not stored yet
  std::function<void()> request_over;
  std::unordered_set<HecConnection*> connections;
};

}  // namespace hecate::daemon
