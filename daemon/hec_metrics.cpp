#include "daemon/hec_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace hecate::daemon {

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

void HecMetrics::answered(HecCode code, double seconds) {
  auto index = static_cast<std::size_t>(code);
  requests_[index]->Increment();
  seconds_->Observe(seconds);
}

void HecMetrics::connections(int change) {
  connections_->Increment(change);
}

}  // namespace hecate::daemon
