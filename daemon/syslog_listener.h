#pragma once

#include "daemon/config.h"
#include "pipeline/base/error.h"
#include "pipeline/ingest/ingest.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace prometheus {
class Registry;
}

namespace hecate::daemon {

// Looked at at least four times in the shortest of them.
struct SyslogTimeouts {
  std::chrono::milliseconds handshake{30'000};  // of TLS
  std::chrono::milliseconds progress{60'000};   // in an unfinished message without a byte
  std::chrono::milliseconds closing{5'000};     // in drain(), for what cannot be stored yet
  std::chrono::milliseconds retry{20};          // how often what the queue or the disk refused is tried again
};

// Takes events in by syslog over UDP, TCP and TLS (docs/syslog.md). It reads bytes straight into batches,
// finds where messages begin and end, and hands the batches to Ingest, whose workers take the messages apart.
// There is no answer: what Ingest has no room for, or the journal cannot store, is kept and submitted again;
// meanwhile connections are not read and datagrams are dropped. At most half of ingest.queue_bytes is under
// way, so that HEC senders have room. One network thread of its own for all inputs.
class SyslogListener {
 public:
  // Binds at once (an error names the address and why); serves until destroyed. The inputs of `config.syslog`
  // are Ingest's from `first_input` on. `can_store` says whether anything can be stored at present; called
  // on the network thread. `ingest` and `registry` must outlive the listener.
  [[nodiscard]] static Result<std::unique_ptr<SyslogListener>> start(
      const Config& config, std::size_t first_input, ingest::Ingest& ingest, std::function<bool()> can_store,
      prometheus::Registry& registry, SyslogTimeouts timeouts = {});
  virtual ~SyslogListener() = default;
  // The port that an input of `config.syslog` listens on (the configured one may be 0).
  [[nodiscard]] virtual int port(std::size_t input) const = 0;
  // Reads what has arrived by now, closes, and returns when all of it is evaluated and committed; what cannot
  // be stored within `closing` is lost, counted and logged.
  virtual void drain() = 0;
};

}  // namespace hecate::daemon
