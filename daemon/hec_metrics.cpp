#include "daemon/hec_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace hecate::daemon {

namespace {

constexpr std::array<const char*, kHecWaits> kWaitNames = {"handshake", "idle", "header", "progress",
                                                           "closing"};

}  // namespace

HecMetrics::HecMetrics(prometheus::Registry& registry) {
  auto& requests =
      prometheus::BuildCounter()
          .Name("hecate_hec_requests_total")
          .Help("Requests answered, by the code in the answer (HEC's own, or HTTP's from 400 on)")
          .Register(registry);
  for (const HecStatus& status : hec_statuses()) {
    auto code = static_cast<std::size_t>(status.code);
    requests_[code] = &requests.Add({{"code", std::to_string(code)}});
  }
  bytes_ = &prometheus::BuildCounter()
                .Name("hecate_bytes_received_total")
                .Help("Bytes read from senders, headers included, before unpacking")
                .Register(registry)
                .Add({{"input", "hec"}});
  unpacked_ = &prometheus::BuildCounter()
                   .Name("hecate_hec_decompressed_bytes_total")
                   .Help("Bytes that came out of bodies sent with gzip")
                   .Register(registry)
                   .Add({{"input", "hec"}});
  auto& closed = prometheus::BuildCounter()
                     .Name("hecate_hec_connections_closed_total")
                     .Help(
                         "Connections closed since they kept hecate waiting: for the TLS handshake, for a "
                         "request (idle), for its header's end, for progress in a body or an answer, or for "
                         "the sender to stop sending (closing)")
                     .Register(registry);
  for (std::size_t i = 0; i < kHecWaits; ++i) closed_[i] = &closed.Add({{"reason", kWaitNames[i]}});
  ack_channels_ = &prometheus::BuildGauge()
                       .Name("hecate_hec_ack_channels")
                       .Help("Channels of senders that use acknowledgement")
                       .Register(registry)
                       .Add({});
  ack_ids_ = &prometheus::BuildGauge()
                  .Name("hecate_hec_ack_ids")
                  .Help("ackIds handed out and not yet told to be stored")
                  .Register(registry)
                  .Add({});
  connections_ = &prometheus::BuildGauge()
                      .Name("hecate_hec_connections")
                      .Help("Open connections of HEC senders")
                      .Register(registry)
                      .Add({});
  seconds_ =
      &prometheus::BuildHistogram()
           .Name("hecate_hec_request_seconds")
           .Help("From the end of a request's header to its answer")
           .Register(registry)
           .Add({}, prometheus::Histogram::BucketBoundaries{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                            0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10});
}

void HecMetrics::received(std::size_t bytes) {
  bytes_->Increment(static_cast<double>(bytes));
}

void HecMetrics::unpacked(std::size_t bytes) {
  unpacked_->Increment(static_cast<double>(bytes));
}

void HecMetrics::closed(HecWait waited_for) {
  closed_[static_cast<std::size_t>(waited_for)]->Increment();
}

void HecMetrics::acks(std::size_t channels, std::size_t ids) {
  ack_channels_->Set(static_cast<double>(channels));
  ack_ids_->Set(static_cast<double>(ids));
}

void HecMetrics::answered(HecCode code, double seconds) {
  auto index = static_cast<std::size_t>(code);
  requests_[index]->Increment();
  seconds_->Observe(seconds);
}

void HecMetrics::connections(int change) {
  connections_->Increment(change);
}

}  // namespace hecate::daemon
