#include "daemon/syslog_transport.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <openssl/err.h>
#include <sys/socket.h>

namespace hecate::daemon {

SyslogTransport::SyslogTransport(int socket, SSL_CTX* context) : socket_(socket) {
  if (context == nullptr) return;
  ssl_.reset(SSL_new(context));
  if (!ssl_) return;
  SSL_set_fd(ssl_.get(), socket);
  SSL_set_accept_state(ssl_.get());
  // A record is read with those behind it, instead of its head and its body one by one.
  SSL_set_read_ahead(ssl_.get(), 1);
}

SyslogTransport::~SyslogTransport() {
  if (ssl_ && shaken_) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

SyslogTransport::State SyslogTransport::state_of(int result) const {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return State::wait_read;
    case SSL_ERROR_WANT_WRITE:
      return State::wait_write;
    case SSL_ERROR_ZERO_RETURN:
      return State::closed;
    default:
      return State::broken;
  }
}

SyslogTransport::State SyslogTransport::handshake() {
  if (!ssl_ || shaken_) return State::more;
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_.get());
  shaken_ = result == 1;
  return shaken_ ? State::more : state_of(result);
}

SyslogTransport::Received SyslogTransport::receive(char* room, std::size_t size) {
  if (!ssl_) return receive_plain(room, size);
  Received received;
  while (received.bytes < size) {
    ERR_clear_error();
    std::size_t left = std::min<std::size_t>(size - received.bytes, INT_MAX);
    int got = SSL_read(ssl_.get(), room + received.bytes, static_cast<int>(left));
    if (got <= 0) {
      received.state = state_of(got);
      // It must not be spoken to any more.
      if (received.state == State::broken) shaken_ = false;
      break;
    }
    received.bytes += static_cast<std::size_t>(got);
  }
  return received;
}

SyslogTransport::Received SyslogTransport::receive_plain(char* room, std::size_t size) const {
  ssize_t got = -1;
  do {
    got = ::recv(socket_, room, size, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return {0, State::closed};
  if (got < 0) return {0, errno == EAGAIN || errno == EWOULDBLOCK ? State::wait_read : State::broken};
  auto bytes = static_cast<std::size_t>(got);
  return {bytes, bytes < size ? State::wait_read : State::more};
}

}  // namespace hecate::daemon
