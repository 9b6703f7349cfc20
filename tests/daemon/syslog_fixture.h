#pragma once

#include "daemon/syslog_listener.h"
#include "tests/daemon/fake_ingest.h"
#include "tests/support/syslog_senders.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <prometheus/registry.h>

namespace hecate::testing {

// A listener on ports of its own, over a FakeIngest. Inputs that name no port get one of the system's.
class SyslogServer {
 public:
  explicit SyslogServer(std::vector<daemon::SyslogInput> inputs, daemon::SyslogTimeouts timeouts = {},
                        std::size_t queue_bytes = 64 * 1024 * 1024);

  [[nodiscard]] int port(std::size_t input = 0) const { return listener->port(input); }
  // The sum over all of this name whose labels have all these values; -1 where there is none.
  [[nodiscard]] double metric(const std::string& name, const std::vector<std::string>& labels = {}) const;
  // Waits for so many events and gives them in the order in which they came.
  [[nodiscard]] std::vector<FakeIngest::Event> wait_for_events(std::size_t count);
  [[nodiscard]] std::vector<std::string> wait_for_texts(std::size_t count);

  prometheus::Registry registry;
  std::atomic<bool> trouble{false};
  FakeIngest ingest;
  std::unique_ptr<daemon::SyslogListener> listener;

 private:
  std::vector<FakeIngest::Event> events_;
};

[[nodiscard]] daemon::SyslogInput syslog_input(daemon::SyslogInput::Protocol protocol);

}  // namespace hecate::testing
