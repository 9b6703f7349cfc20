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

// What a connection may keep the listener waiting for.
enum class HecWait : std::uint8_t {
  handshake,  // of TLS
  request,    // the next one to begin
  header,     // its end
  progress,   // some bytes of a body, or some room for an answer
  closing,    // the sender to stop sending
};
inline constexpr std::size_t kHecWaits = 5;

// What the HEC listener counts: requests, by the code of their answer. Events are counted by Ingest.
class HecMetrics {
 public:
  explicit HecMetrics(prometheus::Registry& registry);

  void received(std::size_t bytes);
  // Bytes that came out of packed bodies.
  void unpacked(std::size_t bytes);
  // One answered request.
  void answered(HecCode code, double seconds);
  void connections(int change);
  // One was closed since it kept the listener waiting too long.
  void closed(HecWait waited_for);
  void acks(std::size_t channels, std::size_t ids);

 private:
  static constexpr std::size_t kCodes = 512;  // HEC's and HTTP's fit
  std::array<prometheus::Counter*, kCodes> requests_{};
  prometheus::Counter* bytes_;
  prometheus::Counter* unpacked_;
  prometheus::Gauge* connections_;
  std::array<prometheus::Counter*, kHecWaits> closed_{};
  prometheus::Gauge* ack_channels_;
  prometheus::Gauge* ack_ids_;
  prometheus::Histogram* seconds_;
};

}  // namespace hecate::daemon
