#pragma once

#include "daemon/hec_protocol.h"

#include <array>
#include <cstdint>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace hecate::daemon {

// What the HEC listener counts: requests, by the code of their answer. Events are counted by Ingest.
class HecMetrics {
 public:
  explicit HecMetrics(prometheus::Registry& registry);

  void received(std::size_t bytes);
  // One answered request.
  void answered(HecCode code, double seconds);
  void connections(int change);

 private:
  static constexpr std::size_t kCodes = 512;  // HEC's and HTTP's fit
  std::array<prometheus::Counter*, kCodes> requests_{};
  prometheus::Counter* bytes_;
  prometheus::Gauge* connections_;
  prometheus::Histogram* seconds_;
};

}  // namespace hecate::daemon
