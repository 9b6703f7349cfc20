#pragma once

#include "daemon/hec_listener.h"
#include "daemon/hec_metrics.h"
#include "daemon/network.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <boost/asio/ssl/stream.hpp>

// The bytes of one sender's connection. For the HEC listener's own sources only: it brings Asio with it.
namespace hecate::daemon {

// A socket, by TLS or not; what was read from it and is not used yet; and how long the sender may keep it
// waiting. The network thread's alone.
class HecStream {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // `tls` null: plain; else the socket is the server's end of a TLS connection, which begins with a
  // handshake.
  HecStream(TcpSocket socket, boost::asio::ssl::context* tls, const HecTimeouts& timeouts,
            HecMetrics& metrics);
  HecStream(const HecStream&) = delete;
  HecStream& operator=(const HecStream&) = delete;

  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  [[nodiscard]] NetworkExecutor executor() { return socket_.get_executor(); }

  Awaitable<bool> shake_hands();

  // What was read and not used yet.
  [[nodiscard]] std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void use(std::size_t bytes) { begin_ += bytes; }
  [[nodiscard]] bool is_full() const { return begin_ == 0 && end_ == kBuffer; }
  // Reads more; false when the sender is gone or the buffer is full of what nobody can use.
  Awaitable<bool> fill();
  // Reads past the buffer, which must be empty; nullopt: the sender is gone.
  Awaitable<std::optional<std::size_t>> read_into(char* room, std::size_t size);
  // Reads so many bytes for nobody.
  Awaitable<bool> skip(std::size_t bytes);

  Awaitable<bool> write(std::string_view bytes);
  // As much as goes at once; false when that is not all.
  bool write_now(std::string_view bytes);
  // Ends the sending side and reads on for a moment: a connection closed with bytes unread is reset, and the
  // reset can overtake the answer.
  Awaitable<void> linger();
  void end_sending();
  // Ends whatever waits.
  void close();
  void cancel();  // and leaves the connection open

  // What the sender may keep waiting from now on, until the next of these.
  void wait_for(HecWait what);
  void wait_without_end() { deadline_ = Instant::max(); }
  // No wait may go on beyond this, that without end apart.
  void set_bound(Instant bound);
  [[nodiscard]] bool is_late(Instant now) const { return now >= deadline_; }
  [[nodiscard]] HecWait waiting_for() const { return waiting_for_; }

 private:
  using Tls = boost::asio::ssl::stream<TcpSocket&>;
  [[nodiscard]] std::chrono::milliseconds time_for(HecWait what) const;

  static constexpr std::size_t kBuffer = 32 * 1024;
  TcpSocket socket_;
  std::unique_ptr<Tls> tls_;
  const HecTimeouts& timeouts_;
  HecMetrics& metrics_;
  std::unique_ptr<char[]> buffer_;  // [begin_, end_) is unread
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Instant deadline_ = Instant::max();
  Instant bound_ = Instant::max();
  HecWait waiting_for_ = HecWait::request;
};

}  // namespace hecate::daemon
