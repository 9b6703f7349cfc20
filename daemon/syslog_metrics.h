#pragma once

#include "pipeline/syslog/framer.h"
#include "pipeline/syslog/message.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace prometheus {
class Counter;
class Gauge;
class Registry;
}  // namespace prometheus

namespace hecate::daemon {

// Why a message that was sent never became an event.
enum class SyslogDrop : std::uint8_t {
  kernel,      // udp: the system's buffer was full
  queue_full,  // udp: hecate's queue was; at the stop: it never had room
  not_stored,  // udp: the journal could not store anything; at the stop: likewise
  cut_off,     // the connection ended within a message
};
inline constexpr std::size_t kSyslogDrops = 4;

// Why a connection was ended by hecate.
enum class SyslogRefusal : std::uint8_t {
  limit,   // max_connections
  files,   // the limit of open files
  idle,    // no message for too long, or half of one
  memory,  // all unfinished messages together are too large
};
inline constexpr std::size_t kSyslogRefusals = 4;

// What one syslog input counts. Events are counted by Ingest. sent = frames + dropped{kernel, cut_off}, and
// frames = received by Ingest + dropped{queue_full, not_stored}.
class SyslogMetrics {
 public:
  SyslogMetrics(prometheus::Registry& registry, const std::string& input, bool datagrams);

  void bytes(std::size_t bytes);
  void datagrams(std::uint64_t frames, std::uint64_t truncated);
  void stream(const syslog::Framer::Counts& before, const syslog::Framer::Counts& now);
  void messages(const std::array<std::uint64_t, syslog::kHeads>& heads);
  void dropped(SyslogDrop reason, std::uint64_t messages);
  void connections(int change);
  void refused(SyslogRefusal reason);

 private:
  prometheus::Counter* bytes_;
  prometheus::Counter* datagrams_ = nullptr;
  prometheus::Counter* counted_ = nullptr;
  prometheus::Counter* lines_ = nullptr;
  prometheus::Counter* truncated_;
  prometheus::Gauge* connections_ = nullptr;
  std::array<prometheus::Counter*, syslog::kHeads> heads_{};
  std::array<prometheus::Counter*, kSyslogDrops> drops_{};
  std::array<prometheus::Counter*, kSyslogRefusals> refusals_{};
};

}  // namespace hecate::daemon
