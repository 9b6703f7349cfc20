#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

namespace prometheus {
class Registry;
}

namespace hecate::daemon {

// The values of counters and gauges as they are now, by name and labels.
class MetricValues {
 public:
  explicit MetricValues(const prometheus::Registry& registry);

  // Over all series of the name, or those that have the label; 0 where there is none.
  [[nodiscard]] double sum(std::string_view name, std::string_view label = {},
                           std::string_view value = {}) const;
  // By the value of a label; of those series only that have the other one.
  [[nodiscard]] std::map<std::string, double> by(std::string_view name, std::string_view label,
                                                 std::string_view other = {},
                                                 std::string_view value = {}) const;
  [[nodiscard]] bool has(std::string_view name) const { return family(name) != nullptr; }

 private:
  [[nodiscard]] const prometheus::MetricFamily* family(std::string_view name) const;
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace hecate::daemon
