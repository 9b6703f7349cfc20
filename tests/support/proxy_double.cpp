#include "tests/support/proxy_double.h"

#include <array>
#include <mutex>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace hecate::testing {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// Hands on what comes from one side until it ends, then ends the other.
asio::awaitable<void> relay(std::shared_ptr<Tcp::socket> from, std::shared_ptr<Tcp::socket> to) {
  std::array<char, 4096> bytes{};
  for (;;) {
    auto [ended, size] = co_await from->async_read_some(asio::buffer(bytes), kAwait);
    if (ended) break;
    auto [unsent, sent] = co_await asio::async_write(*to, asio::buffer(bytes, size), kAwait);
    if (unsent) break;
  }
  boost::system::error_code ignored;
  to->shutdown(Tcp::socket::shutdown_send, ignored);
}

}  // namespace

struct ProxyDouble::Server {
  int target_port = 0;
  std::string authorization;
  asio::io_context context{1};
  Tcp::acceptor acceptor{context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::thread thread;

  mutable std::mutex mutex;
  std::vector<Request> requests;

  asio::awaitable<void> listen() {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(kAwait);
      if (error) co_return;
      asio::co_spawn(context, serve(std::make_shared<Tcp::socket>(std::move(socket))), asio::detached);
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<Tcp::socket> client) {
    beast::flat_buffer buffer;
    http::request_parser<http::empty_body> parser;
    auto [unread, size] = co_await http::async_read_header(*client, buffer, parser, kAwait);
    if (unread) co_return;
    int status = take(parser.get());
    auto target = std::make_shared<Tcp::socket>(context);
    if (status == 200) {
      Tcp::endpoint address(asio::ip::address_v4::loopback(), static_cast<unsigned short>(target_port));
      auto [unconnected] = co_await target->async_connect(address, kAwait);
      if (unconnected) status = 502;
    }
    http::response<http::empty_body> answer(static_cast<http::status>(status), 11);
    if (status != 200) answer.prepare_payload();
    auto [unsent, sent] = co_await http::async_write(*client, answer, kAwait);
    if (unsent || status != 200) co_return;
    asio::co_spawn(context, relay(client, target), asio::detached);
    co_await relay(target, client);
  }

  int take(const http::request<http::empty_body>& message) {
    std::lock_guard lock(mutex);
    requests.push_back({std::string(message.method_string()), std::string(message.target()),
                        std::string(message[http::field::proxy_authorization])});
    if (requests.back().authorization != authorization) return 407;
    return message.method() == http::verb::connect ? 200 : 405;
  }
};

ProxyDouble::ProxyDouble(int target_port, std::string authorization) : server_(std::make_unique<Server>()) {
  server_->target_port = target_port;
  server_->authorization = std::move(authorization);
  asio::co_spawn(server_->context, server_->listen(), asio::detached);
  server_->thread = std::thread([server = server_.get()] { server->context.run(); });
}

ProxyDouble::~ProxyDouble() {
  server_->context.stop();
  server_->thread.join();
}

int ProxyDouble::port() const {
  return server_->acceptor.local_endpoint().port();
}

std::vector<ProxyDouble::Request> ProxyDouble::requests() const {
  std::lock_guard lock(server_->mutex);
  return server_->requests;
}

}  // namespace hecate::testing
