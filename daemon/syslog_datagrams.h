#pragma once

#include "daemon/syslog_flow.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/socket.h>

// The messages that come by UDP, each a datagram. For the listener's own sources only; the network thread's
// alone.
namespace hecate::daemon {

// Reads many datagrams with one call. What comes while the flow is closed is dropped and counted, and so is
// what the system had no room for.
class SyslogDatagrams {
 public:
  SyslogDatagrams(UdpSocket& socket, const SyslogInput& config, SyslogFlow& flow, SyslogBatcher& batcher,
                  SyslogMetrics& metrics);

  // Until `drain`.
  Awaitable<void> run();
  // Reads what has arrived by now, and ends.
  void drain();
  // Counts what the system dropped since the last time.
  void count_kernel_drops();

 private:
  static constexpr std::size_t kAtOnce = 64;
  // Reads once; how many datagrams there were.
  [[nodiscard]] std::size_t read();
  [[nodiscard]] std::string_view address_of(const sockaddr_storage& sender);

  UdpSocket& socket_;
  SyslogFlow& flow_;
  SyslogBatcher& batcher_;
  SyslogMetrics& metrics_;
  std::size_t slot_;  // bytes a datagram may have
  std::unique_ptr<char[]> bytes_;
  std::array<iovec, kAtOnce> parts_{};
  std::array<mmsghdr, kAtOnce> headers_{};
  std::array<sockaddr_storage, kAtOnce> senders_{};
  sockaddr_storage last_sender_{};
  std::string last_address_;
  std::uint32_t kernel_drops_ = 0;
  std::size_t receive_buffer_ = 0;
  bool draining_ = false;
  std::size_t left_ = 0;  // datagrams that may have arrived before the drain
};

}  // namespace hecate::daemon
