#include "daemon/metric_values.h"

#include <algorithm>

#include <prometheus/registry.h>

namespace hecate::daemon {
namespace {

std::string_view label_of(const prometheus::ClientMetric& metric, std::string_view name) {
  for (const auto& label : metric.label)
    if (label.name == name) return label.value;
  return {};
}

double value_of(const prometheus::MetricFamily& family, const prometheus::ClientMetric& metric) {
  return family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
}

}  // namespace

MetricValues::MetricValues(const prometheus::Registry& registry) : families_(registry.Collect()) {}

const prometheus::MetricFamily* MetricValues::family(std::string_view name) const {
  auto found = std::ranges::find(families_, name, &prometheus::MetricFamily::name);
  return found == families_.end() ? nullptr : &*found;
}

double MetricValues::sum(std::string_view name, std::string_view label, std::string_view value) const {
  double sum = 0;
  if (const auto* found = family(name)) {
    for (const auto& metric : found->metric)
      if (label.empty() || label_of(metric, label) == value) sum += value_of(*found, metric);
  }
  return sum;
}

std::map<std::string, double> MetricValues::by(std::string_view name, std::string_view label,
                                               std::string_view other, std::string_view value) const {
  std::map<std::string, double> sums;
  if (const auto* found = family(name)) {
    for (const auto& metric : found->metric)
      if (other.empty() || label_of(metric, other) == value)
        sums[std::string(label_of(metric, label))] += value_of(*found, metric);
  }
  return sums;
}

}  // namespace hecate::daemon
