#include "daemon/syslog_stream.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace hecate::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// What is unfinished goes in front of the next read, in the batch, up to this; more stays where it is until
// the message is whole, so that a sender of small pieces does not have it copied with each.
constexpr std::size_t kMovedRest = 16 * 1024;
// The least that a read into the batch has room for.
constexpr std::size_t kLeastRoom = 64 * 1024;
constexpr std::size_t kMostIntoRest = 64 * 1024;
constexpr std::size_t kKeptCapacity = 2 * kMovedRest;

// A sender that vanished without a word is found out within about three minutes.
void keep_alive(int socket) {
  auto set = [socket](int level, int option, int value) {
    (void)::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 30);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

std::string address_of(const TcpSocket& socket) {
  error_code error;
  auto endpoint = socket.remote_endpoint(error);
  if (error) return {};
  asio::ip::address address = endpoint.address();
  // The same machine has one name, whichever kind of socket it comes by.
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return address.to_string();
}

}  // namespace

SyslogStream::SyslogStream(TcpSocket socket, SyslogStreams& shared)
    : socket_(std::move(socket)),
      shared_(shared),
      transport_(socket_.native_handle(), shared.tls ? shared.tls->context().native_handle() : nullptr),
      framer_(shared.config.max_message),
      address_(address_of(socket_)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  keep_alive(socket_.native_handle());
  shared_.all.insert(this);
  shared_.metrics.connections(1);
}

SyslogStream::~SyslogStream() {
  keep_rest({});
  shared_.all.erase(this);
  shared_.metrics.connections(-1);
  shared_.stream_over();
}

void SyslogStream::close_if_late(Instant now) {
  if (now < deadline_) return;
  deadline_ = Instant::max();
  shared_.metrics.refused(SyslogRefusal::idle);
  error_code ignored;
  socket_.cancel(ignored);
}

void SyslogStream::drain() {
  if (draining_) return;
  int arrived = 0;
  if (::ioctl(socket_.native_handle(), FIONREAD, &arrived) < 0) arrived = 0;
  draining_ = true;
  // OpenSSL holds what the socket does not show any more; a drain ends, too, when nothing comes. The end of
  // the stream, which is seen only behind the bytes, counts as one.
  constexpr std::size_t kMostInTls = 64 * 1024;
  left_ = static_cast<std::size_t>(arrived) + 1 + (shared_.tls ? kMostInTls : 0);
  error_code ignored;
  socket_.cancel(ignored);
}

void SyslogStream::wait_at_most(std::chrono::milliseconds time) {
  deadline_ = std::chrono::steady_clock::now() + time;
}

Awaitable<void> SyslogStream::run() {
  bool shaken = co_await shake_hands();
  if (shaken) co_await read_all();
}

Awaitable<bool> SyslogStream::shake_hands() {
  wait_at_most(shared_.timeouts.handshake);
  for (;;) {
    State state = transport_.handshake();
    if (state == State::more) co_return true;
    bool go_on = state == State::wait_read || state == State::wait_write;
    if (go_on && !draining_) go_on = co_await wait_for(state);
    if (go_on && !draining_) continue;
    if (!draining_) shared_.tls->handshake_failed();
    co_return false;
  }
}

// False: the wait was broken off, or the connection is lost.
Awaitable<bool> SyslogStream::wait_for(State state) {
  error_code error;
  auto what = state == State::wait_write ? asio::socket_base::wait_write : asio::socket_base::wait_read;
  co_await socket_.async_wait(what, asio::redirect_error(use_awaitable, error));
  co_return !error;
}

Awaitable<void> SyslogStream::read_all() {
  for (;;) {
    deadline_ = Instant::max();
    bool open = co_await shared_.flow.wait_open();
    if (!open || drained()) co_return end(false);
    std::size_t left = left_;
    State state = read();
    if (state == State::closed || state == State::broken) co_return end(state == State::closed);
    if (state == State::more) {
      // Others have their turn.
      co_await asio::post(socket_.get_executor(), use_awaitable);
      continue;
    }
    if (draining_ && left_ < left) continue;
    if (draining_) co_return end(false);
    wait_at_most(rest_.empty() ? std::chrono::milliseconds(shared_.config.idle / kMillisecond)
                               : shared_.timeouts.progress);
    bool ready = co_await wait_for(state);
    if (!ready && !draining_) co_return end(false);
  }
}

SyslogStream::State SyslogStream::read() {
  State state = rest_.size() <= kMovedRest ? read_into_batch() : read_into_rest();
  shared_.batcher.send_soon();
  if (shared_.unfinished_bytes <= shared_.flow.most_bytes()) return state;
  shared_.metrics.refused(SyslogRefusal::memory);
  return State::broken;
}

void SyslogStream::took(std::size_t bytes) {
  shared_.metrics.bytes(bytes);
  if (draining_) left_ -= std::min(left_, bytes);
}

void SyslogStream::keep_rest(std::string_view bytes) {
  shared_.unfinished_bytes += bytes.size() - rest_.size();
  rest_.assign(bytes);
  if (rest_.capacity() > kKeptCapacity && rest_.size() <= kMovedRest) rest_.shrink_to_fit();
}

SyslogStream::State SyslogStream::read_into_batch() {
  SyslogBatcher& batcher = shared_.batcher;
  ingest::Buffer& body = batcher.body(rest_.size() + kLeastRoom);
  std::size_t begin = body.size();
  std::size_t first = batcher.frames().size();
  body.append(rest_);
  std::size_t at = body.size();
  auto [bytes, state] = transport_.receive(body.data() + at, body.capacity() - at);
  body.resize(at + bytes);
  took(bytes);
  syslog::Framer::Counts before = framer_.counts();
  std::size_t rest = framer_.read(body.view(), begin, batcher.frames());
  shared_.metrics.stream(before, framer_.counts());
  batcher.name_sender(first, address_);
  keep_rest(body.view().substr(rest));
  body.resize(batcher.frames().size() == first ? begin : rest);
  return state;
}

SyslogStream::State SyslogStream::read_into_rest() {
  std::size_t had = rest_.size();
  std::size_t wanted =
      std::clamp<std::size_t>(framer_.needed() - std::min(framer_.needed(), had), 4096, kMostIntoRest);
  SyslogTransport::Received received;
  rest_.resize_and_overwrite(had + wanted, [&](char* bytes, std::size_t /*size*/) {
    received = transport_.receive(bytes + had, wanted);
    return had + received.bytes;
  });
  shared_.unfinished_bytes += received.bytes;
  took(received.bytes);
  std::vector<syslog::Frame> frames;
  syslog::Framer::Counts before = framer_.counts();
  std::size_t used = framer_.read(rest_, 0, frames);
  shared_.metrics.stream(before, framer_.counts());
  std::string_view whole = rest_;
  for (const syslog::Frame& frame : frames)
    shared_.batcher.add(whole.substr(frame.begin, frame.size), address_);
  if (used > 0) keep_rest(std::string(whole.substr(used)));
  return received.state;
}

// A last line needs no end where the sender ended in good order.
void SyslogStream::end(bool in_order) {
  std::vector<syslog::Frame> frames;
  syslog::Framer::Counts before = framer_.counts();
  bool cut_off = in_order ? !framer_.finish(rest_, 0, frames) : !rest_.empty();
  shared_.metrics.stream(before, framer_.counts());
  if (cut_off) shared_.metrics.dropped(SyslogDrop::cut_off, 1);
  for (const syslog::Frame& frame : frames)
    shared_.batcher.add(std::string_view(rest_).substr(frame.begin, frame.size), address_);
  shared_.batcher.send_soon();
}

}  // namespace hecate::daemon
