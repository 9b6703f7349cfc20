#include "daemon/accept.h"

#include <algorithm>
#include <cstdint>

#include <boost/asio/redirect_error.hpp>
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

namespace hecate::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

std::size_t open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return SIZE_MAX;
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t most_connections(std::size_t listeners) {
  constexpr std::size_t kReserve = 256;
  std::size_t limit = open_file_limit();
  return std::max<std::size_t>(1, (limit - std::min(kReserve, limit / 2)) / listeners);
}

void end_with_its_error(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

ConnectionIntake::ConnectionIntake(TcpAcceptor& acceptor, std::string input, std::function<bool()> has_room,
                                   std::function<void(TcpSocket)> take, prometheus::Registry& registry)
    : acceptor_(acceptor),
      input_(std::move(input)),
      has_room_(std::move(has_room)),
      take_(std::move(take)),
      pauses_(&prometheus::BuildCounter()
                   .Name("hecate_accept_pauses_total")
                   .Help("Times that a listener took no connection in for 0.1 s, since the limit of open "
                         "files left no room for it: senders wait")
                   .Register(registry)
                   .Add({{"input", input_}})) {}

Awaitable<void> ConnectionIntake::run() {
  while (acceptor_.is_open()) {
    if (!has_room_()) {
      co_await pause("it has as many as it may");
      continue;
    }
    error_code error;
    TcpSocket socket = co_await acceptor_.async_accept(asio::redirect_error(use_awaitable, error));
    if (!error) {
      take_(std::move(socket));
    } else if (error != asio::error::operation_aborted && error != asio::error::connection_aborted) {
      co_await pause(error.message());
    }
  }
}

// Told once a minute at most: it comes again with each sender that waits.
Awaitable<void> ConnectionIntake::pause(const std::string& why) {
  pauses_->Increment();
  auto now = std::chrono::steady_clock::now();
  if (now >= warn_at_) {
    warn_at_ = now + std::chrono::minutes(1);
    spdlog::warn(
        "{} takes no more connections at present ({}): senders wait; raise the limit of open files (ulimit "
        "-n, LimitNOFILE), now {}",
        input_, why, open_file_limit());
  }
  NetworkTimer pause(acceptor_.get_executor(), std::chrono::milliseconds(100));
  co_await pause.async_wait(use_awaitable);
}

void ConnectionIntake::finish() {
  error_code error;
  acceptor_.non_blocking(true, error);
  // Bounded: more may come while these are taken.
  for (int i = 0; i < asio::socket_base::max_listen_connections && !error; ++i) {
    TcpSocket socket = acceptor_.accept(error);
    if (!error) take_(std::move(socket));
  }
  acceptor_.close(error);
}

}  // namespace hecate::daemon
