#pragma once

#include "daemon/syslog_flow.h"
#include "daemon/syslog_listener.h"
#include "daemon/syslog_transport.h"
#include "pipeline/syslog/framer.h"

#include <chrono>
#include <memory>
#include <string>
#include <unordered_set>

// One sender's TCP or TLS connection. For the listener's own sources only; the network thread's alone.
namespace hecate::daemon {

class SyslogStream;

// What the streams of one input share.
struct SyslogStreams {
  const SyslogInput& config;
  const SyslogTimeouts& timeouts;
  SyslogFlow& flow;
  SyslogBatcher& batcher;
  SyslogMetrics& metrics;
  std::unique_ptr<TlsServer> tls;  // null: plain
  std::size_t& unfinished_bytes;   // of all streams of the listener
  std::function<void()> stream_over;
  std::unordered_set<SyslogStream*> all{};
};

// Reads a stream's bytes into the batch in hand, has them cut into messages, and keeps what is unfinished.
// Lives in its own coroutine.
class SyslogStream {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  SyslogStream(TcpSocket socket, SyslogStreams& shared);
  ~SyslogStream();
  SyslogStream(const SyslogStream&) = delete;
  SyslogStream& operator=(const SyslogStream&) = delete;

  // Until the sender leaves, is sent away, or the listener drains.
  Awaitable<void> run();

  void close_if_late(Instant now);
  // Reads what has arrived by now, and no more.
  void drain();

 private:
  using State = SyslogTransport::State;

  Awaitable<bool> shake_hands();
  Awaitable<void> read_all();
  Awaitable<bool> wait_for(State state);
  [[nodiscard]] State read();
  [[nodiscard]] State read_into_batch();
  [[nodiscard]] State read_into_rest();
  void took(std::size_t bytes);
  void keep_rest(std::string_view bytes);
  [[nodiscard]] bool drained() const { return draining_ && left_ == 0; }
  void end(bool in_order);
  void wait_at_most(std::chrono::milliseconds time);

  TcpSocket socket_;
  SyslogStreams& shared_;
  SyslogTransport transport_;
  syslog::Framer framer_;
  std::string address_;
  std::string rest_;  // bytes that are no whole message yet
  Instant deadline_ = Instant::max();
  bool draining_ = false;
  std::size_t left_ = 0;  // to read, while draining
};

}  // namespace hecate::daemon
