#pragma once

#include "daemon/hec_listener.h"
#include "tests/daemon/fake_ingest.h"
#include "tests/daemon/http_client.h"

#include <atomic>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <prometheus/registry.h>

namespace hecate::testing {

// A listener on a port of its own, over a FakeIngest, with the tokens that the cases name.
class HecServer {
 public:
  explicit HecServer(std::size_t max_body = 4096, daemon::HecTimeouts timeouts = {},
                     std::size_t queue_bytes = 1024 * 1024, daemon::HecAckLimits acks = {},
                     daemon::TlsFiles tls = {}) {
    daemon::Config config;
    config.hec.listen = "127.0.0.1:0";
    config.hec.max_body_bytes = max_body;
    config.hec.tls = std::move(tls);
    config.ingest.queue_bytes = queue_bytes;
    auto add_token = [&](const std::string& name, const std::string& token) -> daemon::HecToken& {
      daemon::HecToken& added = config.hec.tokens.emplace_back();
      added.name = name;
      added.token = token;
      return added;
    };
    add_token("plain", "good-token");
    daemon::HecToken& other = add_token("other", "token-with-defaults");
    other.source = "token-source";
    other.sourcetype = "token-type";
    other.index = "token-index";
    add_token("off", "disabled-token").disabled = true;
    add_token("narrow", "narrow-token").indexes = {"main", "sysmon"};
    add_token("by-query", "query-token").query_string = true;
    add_token("acknowledged", "ack-token").ack = true;
    add_token("acknowledged too", "other-ack-token").ack = true;
    auto started =
        daemon::HecListener::start(config, ingest, [this] { return !trouble; }, registry, timeouts, acks);
    if (!started) throw std::runtime_error(started.error().message);
    listener = std::move(*started);
  }

  [[nodiscard]] int port() const { return listener->port(); }

  // The value of a counter, gauge, or a histogram's number of samples; -1 when there is no such.
  [[nodiscard]] double metric(const std::string& name, const std::string& label = "") const {
    for (const auto& family : registry.Collect()) {
      if (family.name != name) continue;
      for (const auto& each : family.metric) {
        if (!label.empty() && (each.label.empty() || each.label[0].value != label)) continue;
        if (family.type == prometheus::MetricType::Histogram)
          return static_cast<double>(each.histogram.sample_count);
        return family.type == prometheus::MetricType::Gauge ? each.gauge.value : each.counter.value;
      }
    }
    return -1;
  }

  prometheus::Registry registry;
  std::atomic<bool> trouble{false};
  FakeIngest ingest;
  std::unique_ptr<daemon::HecListener> listener;
};

inline std::string post(std::string_view body, std::string_view headers = "",
                        std::string_view authorization = "Splunk good-token") {
  return "POST /services/collector/event HTTP/1.1\r\nHost: t\r\nAuthorization: " +
         std::string(authorization) + "\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline constexpr std::string_view kSuccessBody = R"({"text":"Success","code":0})";

}  // namespace hecate::testing
