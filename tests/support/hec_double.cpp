#include "tests/support/hec_double.h"

#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace hecate::testing {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using SslStream = beast::ssl_stream<beast::tcp_stream>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace

struct HecDouble::Server {
  asio::io_context context{1};
  Tcp::acceptor acceptor{context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::optional<asio::ssl::context> tls;
  std::thread thread;

  mutable std::mutex mutex;
  Script script = [](const Request&, std::size_t) { return success(); };
  std::vector<Request> requests;
  std::vector<std::string> accepted;
  int connections = 0;

  asio::awaitable<void> listen() {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(kAwait);
      if (error) co_return;
      int number = 0;
      {
        std::lock_guard lock(mutex);
        number = ++connections;
      }
      asio::co_spawn(context, serve(std::move(socket), number), asio::detached);
    }
  }

  asio::awaitable<void> serve(Tcp::socket socket, int number) {
    if (!tls) {
      beast::tcp_stream stream(std::move(socket));
      co_await talk(stream, number);
      co_return;
    }
    SslStream stream(beast::tcp_stream(std::move(socket)), *tls);
    auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kAwait);
    if (!error) co_await talk(stream, number);
  }

  template <typename Stream>
  asio::awaitable<void> talk(Stream& stream, int number) {
    beast::flat_buffer buffer;
    for (;;) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(std::uint64_t{64} * 1024 * 1024);
      auto [unread, size] = co_await http::async_read(stream, buffer, parser, kAwait);
      if (unread) co_return;
      Answer answer = take(parser.get(), number);
      if (answer.kind == Answer::Kind::reset) co_return;
      if (answer.kind == Answer::Kind::never) {
        asio::steady_timer forever(context, asio::steady_timer::time_point::max());
        co_await forever.async_wait(kAwait);
        co_return;
      }
      http::response<http::string_body> response(static_cast<http::status>(answer.status), 11, answer.body);
      response.keep_alive(!answer.close);
      response.prepare_payload();
      auto [unsent, sent] = co_await http::async_write(stream, response, kAwait);
      if (unsent || answer.close) co_return;
    }
  }

  Answer take(const http::request<http::string_body>& message, int connection) {
    Request request{std::string(message.target()), std::string(message[http::field::authorization]),
                    std::string(message[http::field::content_type]), message.body(), connection};
    std::lock_guard lock(mutex);
    Answer answer = script(request, requests.size());
    if (answer.kind == Answer::Kind::reply && answer.status == 200) {
      std::istringstream lines(request.body);
      for (std::string line; std::getline(lines, line);) accepted.push_back(line);
    }
    requests.push_back(std::move(request));
    return answer;
  }
};

HecDouble::HecDouble(const std::string& certificate, const std::string& key)
    : server_(std::make_unique<Server>()) {
  if (!certificate.empty()) {
    server_->tls.emplace(asio::ssl::context::tls_server);
    server_->tls->use_certificate_chain_file(certificate);
    server_->tls->use_private_key_file(key, asio::ssl::context::pem);
  }
  asio::co_spawn(server_->context, server_->listen(), asio::detached);
  server_->thread = std::thread([server = server_.get()] { server->context.run(); });
}

HecDouble::~HecDouble() {
  server_->context.stop();
  server_->thread.join();
}

void HecDouble::answer(Script script) {
  std::lock_guard lock(server_->mutex);
  server_->script = std::move(script);
}

int HecDouble::port() const {
  return server_->acceptor.local_endpoint().port();
}

std::string HecDouble::url() const {
  return (server_->tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port());
}

std::vector<HecDouble::Request> HecDouble::requests() const {
  std::lock_guard lock(server_->mutex);
  return server_->requests;
}

std::vector<std::string> HecDouble::accepted() const {
  std::lock_guard lock(server_->mutex);
  return server_->accepted;
}

int HecDouble::connections() const {
  std::lock_guard lock(server_->mutex);
  return server_->connections;
}

}  // namespace hecate::testing
