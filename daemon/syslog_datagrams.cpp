#include "daemon/syslog_datagrams.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>

namespace hecate::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kLargestDatagram = 65'536;
// Between slots, so that they do not all fall on the same lines of the cache.
constexpr std::size_t kGap = 192;
// Reads before others have their turn.
constexpr int kReads = 16;

// What the system counts for the smallest datagram, at the least.
constexpr std::size_t kLeastCounted = 512;

// What the system gave; it counts its own bookkeeping in and so doubles what it is asked for.
std::size_t set_receive_buffer(int socket, std::size_t wanted) {
  int size = static_cast<int>(wanted);
  if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    (void)::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  socklen_t length = sizeof size;
  if (::getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, &length) != 0) return 0;
  return static_cast<std::size_t>(size) / 2;
}

}  // namespace

SyslogDatagrams::SyslogDatagrams(UdpSocket& socket, const SyslogInput& config, SyslogFlow& flow,
                                 SyslogBatcher& batcher, SyslogMetrics& metrics)
    : socket_(socket),
      flow_(flow),
      batcher_(batcher),
      metrics_(metrics),
      slot_(std::min(config.max_message, kLargestDatagram)),
      bytes_(std::make_unique_for_overwrite<char[]>((slot_ + kGap) * kAtOnce)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  receive_buffer_ = set_receive_buffer(socket_.native_handle(), config.receive_buffer);
  if (receive_buffer_ < config.receive_buffer) {
    spdlog::warn(
        "{}: the system gives a receive buffer of {} bytes instead of {}; raise net.core.rmem_max, or more "
        "messages than need be are dropped while hecate is busy",
        config.name, receive_buffer_, config.receive_buffer);
  }
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    parts_[i] = {bytes_.get() + i * (slot_ + kGap), slot_};
    headers_[i].msg_hdr.msg_iov = &parts_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_name = &senders_[i];
  }
}

Awaitable<void> SyslogDatagrams::run() {
  while (!draining_ || left_ > 0) {
    std::size_t got = kAtOnce;
    for (int i = 0; i < kReads && got == kAtOnce; ++i) {
      got = read();
      left_ -= std::min(left_, got);
    }
    batcher_.send_soon();
    if (got == kAtOnce) {
      co_await asio::post(socket_.get_executor(), use_awaitable);
      continue;
    }
    if (draining_) break;
    error_code ignored;
    co_await socket_.async_wait(asio::socket_base::wait_read, asio::redirect_error(use_awaitable, ignored));
  }
  count_kernel_drops();
}

void SyslogDatagrams::drain() {
  draining_ = true;
  left_ = 2 * receive_buffer_ / kLeastCounted;
  error_code ignored;
  socket_.cancel(ignored);
}

std::size_t SyslogDatagrams::read() {
  for (mmsghdr& header : headers_) header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  int got = ::recvmmsg(socket_.native_handle(), headers_.data(), kAtOnce, MSG_DONTWAIT, nullptr);
  if (got <= 0) return 0;
  auto count = static_cast<std::size_t>(got);
  std::size_t bytes = 0;
  std::uint64_t truncated = 0;
  bool open = flow_.is_open();
  for (std::size_t i = 0; i < count; ++i) {
    bytes += headers_[i].msg_len;
    if ((headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) ++truncated;
    std::string_view message(static_cast<const char*>(parts_[i].iov_base), headers_[i].msg_len);
    if (open) batcher_.add(message, address_of(senders_[i]));
  }
  metrics_.bytes(bytes);
  metrics_.datagrams(count, truncated);
  if (!open) metrics_.dropped(flow_.reason(), count);
  return count;
}

std::string_view SyslogDatagrams::address_of(const sockaddr_storage& sender) {
  const bool six = sender.ss_family == AF_INET6;
  const auto& four = reinterpret_cast<const sockaddr_in&>(sender);
  const auto& long_form = reinterpret_cast<const sockaddr_in6&>(sender);
  const void* address = six ? static_cast<const void*>(&long_form.sin6_addr) : &four.sin_addr;
  const auto& last_six = reinterpret_cast<const sockaddr_in6&>(last_sender_);
  const auto& last_four = reinterpret_cast<const sockaddr_in&>(last_sender_);
  const void* last = six ? static_cast<const void*>(&last_six.sin6_addr) : &last_four.sin_addr;
  std::size_t size = six ? sizeof(in6_addr) : sizeof(in_addr);
  if (sender.ss_family == last_sender_.ss_family && std::memcmp(address, last, size) == 0)
    return last_address_;
  last_sender_ = sender;
  char text[INET6_ADDRSTRLEN] = {};
  if (six && IN6_IS_ADDR_V4MAPPED(&long_form.sin6_addr)) {
    (void)::inet_ntop(AF_INET, long_form.sin6_addr.s6_addr + 12, text, sizeof text);
  } else {
    (void)::inet_ntop(sender.ss_family, address, text, sizeof text);
  }
  last_address_ = text;
  return last_address_;
}

void SyslogDatagrams::count_kernel_drops() {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return;
  std::uint32_t now = memory[SK_MEMINFO_DROPS];
  metrics_.dropped(SyslogDrop::kernel, now - kernel_drops_);
  kernel_drops_ = now;
}

}  // namespace hecate::daemon
