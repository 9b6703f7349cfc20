#include "daemon/hec_stream.h"

#include <algorithm>
#include <cstring>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

namespace hecate::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

HecStream::HecStream(TcpSocket socket, asio::ssl::context* tls, const HecTimeouts& timeouts,
                     HecMetrics& metrics)
    : socket_(std::move(socket)),
      timeouts_(timeouts),
      metrics_(metrics),
      buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (tls != nullptr) tls_ = std::make_unique<Tls>(socket_, *tls);
}

Awaitable<bool> HecStream::shake_hands() {
  if (!tls_) co_return true;
  wait_for(HecWait::handshake);
  error_code error;
  co_await tls_->async_handshake(asio::ssl::stream_base::server, asio::redirect_error(use_awaitable, error));
  co_return !error;
}

Awaitable<bool> HecStream::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == kBuffer) co_return false;
  error_code error;
  auto room = asio::buffer(buffer_.get() + end_, kBuffer - end_);
  std::size_t got = 0;
  if (tls_) {
    got = co_await tls_->async_read_some(room, asio::redirect_error(use_awaitable, error));
  } else {
    got = co_await socket_.async_read_some(room, asio::redirect_error(use_awaitable, error));
  }
  end_ += got;
  metrics_.received(got);
  co_return !error;
}

Awaitable<std::optional<std::size_t>> HecStream::read_into(char* room, std::size_t size) {
  error_code error;
  std::size_t got = 0;
  if (tls_) {
    got =
        co_await tls_->async_read_some(asio::buffer(room, size), asio::redirect_error(use_awaitable, error));
  } else {
    got = co_await socket_.async_read_some(asio::buffer(room, size),
                                           asio::redirect_error(use_awaitable, error));
  }
  metrics_.received(got);
  co_return error ? std::nullopt : std::optional(got);
}

Awaitable<bool> HecStream::skip(std::size_t bytes) {
  for (;;) {
    std::size_t have = std::min(bytes, end_ - begin_);
    begin_ += have;
    bytes -= have;
    if (bytes == 0) co_return true;
    wait_for(HecWait::progress);
    bool more = co_await fill();
    if (!more) co_return false;
  }
}

Awaitable<bool> HecStream::write(std::string_view bytes) {
  wait_for(HecWait::progress);
  error_code error;
  auto whole = asio::buffer(bytes.data(), bytes.size());
  if (tls_) {
    co_await asio::async_write(*tls_, whole, asio::redirect_error(use_awaitable, error));
  } else {
    co_await asio::async_write(socket_, whole, asio::redirect_error(use_awaitable, error));
  }
  co_return !error;
}

bool HecStream::write_now(std::string_view bytes) {
  error_code error;
  socket_.non_blocking(true, error);
  if (error) return false;
  auto whole = asio::buffer(bytes.data(), bytes.size());
  std::size_t written = tls_ ? tls_->write_some(whole, error) : socket_.write_some(whole, error);
  return !error && written == bytes.size();
}

void HecStream::end_sending() {
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

Awaitable<void> HecStream::linger() {
  wait_for(HecWait::closing);
  error_code error;
  if (tls_) co_await tls_->async_shutdown(asio::redirect_error(use_awaitable, error));
  end_sending();
  error = {};
  while (!error) {
    co_await socket_.async_read_some(asio::buffer(buffer_.get(), kBuffer),
                                     asio::redirect_error(use_awaitable, error));
  }
  close();
}

void HecStream::close() {
  error_code ignored;
  socket_.close(ignored);
}

void HecStream::cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

std::chrono::milliseconds HecStream::time_for(HecWait what) const {
  switch (what) {
    case HecWait::handshake:
    case HecWait::header:
      return timeouts_.header;
    case HecWait::request:
      return timeouts_.idle;
    case HecWait::progress:
      return timeouts_.progress;
    case HecWait::closing:
      break;
  }
  return timeouts_.closing;
}

void HecStream::wait_for(HecWait what) {
  waiting_for_ = what;
  deadline_ = std::min(std::chrono::steady_clock::now() + time_for(what), bound_);
}

void HecStream::set_bound(Instant bound) {
  bound_ = bound;
  if (deadline_ != Instant::max()) deadline_ = std::min(deadline_, bound);
}

}  // namespace hecate::daemon
