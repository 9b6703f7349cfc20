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
  int cuts = 0;
  std::size_t most_bytes = SIZE_MAX;

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
      auto [no_header, header_size] = co_await http::async_read_header(stream, buffer, parser, kAwait);
      if (no_header) co_return;
      std::uint64_t length = parser.content_length().value_or(0);
      if (length > 0 && takes_cut()) {
        (void)co_await http::async_read_some(stream, buffer, parser, kAwait);
        reset_connection(stream);
        co_return;
      }
      if (is_too_large(length)) {
        http::response<http::string_body> refusal(http::status::payload_too_large, 11, "too large");
        refusal.prepare_payload();
        (void)co_await http::async_write(stream, refusal, kAwait);
        co_return;
      }
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
      for (const auto& [name, value] : answer.headers) response.insert(name, value);
      response.keep_alive(!answer.close);
      response.prepare_payload();
      if (answer.kind == Answer::Kind::cut) {
        response.body().resize(response.body().size() / 2);
        http::response_serializer<http::string_body> half(response);
        (void)co_await http::async_write(stream, half, kAwait);
        co_return;
      }
      auto [unsent, sent] = co_await http::async_write(stream, response, kAwait);
      if (unsent || answer.close) co_return;
    }
  }

  bool takes_cut() {
    std::lock_guard lock(mutex);
    return cuts > 0 && cuts-- > 0;
  }

  bool is_too_large(std::uint64_t length) {
    std::lock_guard lock(mutex);
    return length > most_bytes;
  }

  template <typename Stream>
  static void reset_connection(Stream& stream) {
    auto& socket = beast::get_lowest_layer(stream).socket();
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
  }

  Answer take(const http::request<http::string_body>& message, int connection) {
    Request request{.target = std::string(message.target()),
                    .authorization = std::string(message[http::field::authorization]),
                    .content_type = std::string(message[http::field::content_type]),
                    .channel = std::string(message["X-Splunk-Request-Channel"]),
                    .cookie = std::string(message[http::field::cookie]),
                    .proxy_authorization = std::string(message[http::field::proxy_authorization]),
                    .body = message.body(),
                    .connection = connection};
    std::lock_guard lock(mutex);
    Answer answer = script(request, requests.size());
    bool events = request.target.find("/ack") == std::string::npos;
    if (events && answer.kind == Answer::Kind::reply && answer.status == 200) {
      std::istringstream lines(request.body);
      for (std::string line; std::getline(lines, line);) accepted.push_back(line);
    }
    requests.push_back(std::move(request));
    return answer;
  }
};

HecDouble::HecDouble(const std::string& certificate, const std::string& key, const std::string& client_ca)
    : server_(std::make_unique<Server>()) {
  if (!certificate.empty()) {
    server_->tls.emplace(asio::ssl::context::tls_server);
    server_->tls->use_certificate_chain_file(certificate);
    server_->tls->use_private_key_file(key, asio::ssl::context::pem);
    if (!client_ca.empty()) {
      server_->tls->load_verify_file(client_ca);
      server_->tls->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    }
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

void HecDouble::cut_bodies(int count) {
  std::lock_guard lock(server_->mutex);
  server_->cuts = count;
}

void HecDouble::refuse_over(std::size_t bytes) {
  std::lock_guard lock(server_->mutex);
  server_->most_bytes = bytes;
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
