#include "daemon/admin_server.h"

#include "daemon/hec_protocol.h"
#include "daemon/listen.h"
#include "daemon/url.h"

#include <chrono>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace hecate::daemon {

std::string AdminRequest::parameter(std::string_view name) const {
  return query_parameter(query, name).value_or("");
}

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Request = http::request<http::empty_body>;

constexpr std::size_t kConnections = 64;
constexpr std::uint32_t kHeaderLimit = 8 * 1024;
constexpr auto kPatience = std::chrono::seconds(30);

std::string to_string(beast::string_view text) {
  return {text.data(), text.size()};
}

class Server final : public AdminServer {
 public:
  Server(std::string token, std::map<std::string, Handler> routes, bool trust_loopback)
      : token_(std::move(token)),
        routes_(std::move(routes)),
        trust_loopback_(trust_loopback),
        acceptor_(io_) {}

  ~Server() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> bind(const std::string& listen) {
    auto bound = open_port(acceptor_, listen, "admin.listen");
    if (!bound) return std::unexpected(bound.error());
    port_ = bound->port();
    api_is_open_ = trust_loopback_ && bound->address().is_loopback();
    return {};
  }

  void run() {
    asio::co_spawn(io_, accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }

  [[nodiscard]] int port() const override { return port_; }

 private:
  asio::awaitable<void> accept() {
    for (;;) {
      error_code error;
      tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error) {
        spdlog::warn("a connection to the admin port could not be accepted: {}", error.message());
        asio::steady_timer pause(io_, std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::use_awaitable);
      } else if (connections_ < kConnections) {
        ++connections_;
        asio::co_spawn(io_, serve(beast::tcp_stream(std::move(socket))),
                       [this](const std::exception_ptr&) { --connections_; });
      }
    }
  }

  asio::awaitable<void> serve(beast::tcp_stream stream) {
    beast::flat_buffer buffer(2 * kHeaderLimit);
    for (bool more = true; more;) {
      http::request_parser<http::empty_body> parser;
      parser.header_limit(kHeaderLimit);
      error_code error;
      stream.expires_after(kPatience);
      co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      // A body is refused by the parser; nothing that is served here has one.
      if (error) break;
      Request request = parser.release();
      http::response<http::string_body> response = respond(request);
      more = response.keep_alive();
      bool head = request.method() == http::verb::head;
      stream.expires_after(kPatience);
      if (head) {
        http::response_serializer<http::string_body> serializer(response);
        co_await http::async_write_header(stream, serializer,
                                          asio::redirect_error(asio::use_awaitable, error));
      } else {
        co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
      }
      if (error) break;
    }
    error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  http::response<http::string_body> respond(const Request& request) {
    AdminAnswer answer = route(request);
    http::response<http::string_body> response(static_cast<http::status>(answer.status), request.version());
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::cache_control, "no-store");
    if (answer.status == 401) response.set(http::field::www_authenticate, "Bearer");
    if (answer.status == 405) response.set(http::field::allow, "GET, HEAD");
    response.keep_alive(request.keep_alive());
    response.body() = std::move(answer.body);
    response.prepare_payload();
    return response;
  }

  AdminAnswer route(const Request& request) {
    std::string target = to_string(request.target());
    std::size_t question = std::min(target.find('?'), target.size());
    AdminRequest asked{.path = target.substr(0, question),
                       .query = target.substr(std::min(question + 1, target.size()))};
    bool api = asked.path == "/api" || asked.path.starts_with("/api/");
    if (api && !api_is_open_) {
      if (auto refused = refuse(to_string(request[http::field::authorization]))) return std::move(*refused);
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return {405, "application/json", R"({"error":"only GET is served here"})"};
    }
    auto found = routes_.find(asked.path);
    if (found == routes_.end()) {
      return {404, "application/json", R"({"error":"there is nothing under this path"})"};
    }
    try {
      return found->second(asked);
    } catch (const std::exception& e) {
      spdlog::error("the admin port could not answer {}: {}", asked.path, e.what());
      return {500, "application/json", R"({"error":"internal error; see the log"})"};
    }
  }

  // The answer to someone who may not ask; nullopt when they may.
  [[nodiscard]] std::optional<AdminAnswer> refuse(std::string_view authorization) const {
    constexpr std::string_view kScheme = "Bearer ";
    if (token_.empty()) {
      return AdminAnswer{
          401, "application/json",
          R"({"error":"admin.token is not configured; set it, or let admin.listen be loopback"})"};
    }
    if (authorization.starts_with(kScheme) && same_secret(authorization.substr(kScheme.size()), token_)) {
      return std::nullopt;
    }
    return AdminAnswer{401, "application/json", R"({"error":"send `Authorization: Bearer <admin.token>`"})"};
  }

  std::string token_;
  std::map<std::string, Handler> routes_;
  bool trust_loopback_;
  bool api_is_open_ = false;
  int port_ = 0;
  std::size_t connections_ = 0;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::start(const std::string& listen, const std::string& token,
                                                        std::map<std::string, Handler> routes,
                                                        bool trust_loopback) {
  auto server = std::make_unique<Server>(token, std::move(routes), trust_loopback);
  if (auto bound = server->bind(listen); !bound) return std::unexpected(bound.error());
  server->run();
  return server;
}

}  // namespace hecate::daemon
