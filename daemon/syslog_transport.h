#pragma once

#include <cstddef>
#include <memory>

#include <openssl/ssl.h>

namespace hecate::daemon {

// Reads what a connection's non-blocking socket has, plain or by TLS. Knows nothing of waiting: it says what
// to wait for.
class SyslogTransport {
 public:
  // `socket` must stay open as long as this lives. `context` null: plain; else the socket is the server's end
  // of a TLS connection, which begins with a handshake.
  SyslogTransport(int socket, SSL_CTX* context);
  ~SyslogTransport();
  SyslogTransport(const SyslogTransport&) = delete;
  SyslogTransport& operator=(const SyslogTransport&) = delete;

  enum class State {
    more,        // there may be more to read
    wait_read,   // nothing is there at present
    wait_write,  // TLS has to say something first
    closed,      // the sender ended in good order
    broken,      // it did not, or what it sent is no TLS
  };
  struct Received {
    std::size_t bytes = 0;
    State state = State::more;
  };
  // Fills as much of `room` as there is.
  [[nodiscard]] Received receive(char* room, std::size_t size);
  // `more`: it is done, or there is none to do.
  [[nodiscard]] State handshake();

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  [[nodiscard]] Received receive_plain(char* room, std::size_t size) const;
  [[nodiscard]] State state_of(int result) const;

  int socket_;
  std::unique_ptr<SSL, Free> ssl_;
  bool shaken_ = false;
};

}  // namespace hecate::daemon
