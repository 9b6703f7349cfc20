#include "daemon/admin_server.h"

#include "daemon/admin_access.h"
#include "daemon/listen.h"
#include "daemon/url.h"
#include "outputs/json_writer.h"

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
#include <simdjson.h>
#include <spdlog/spdlog.h>

namespace hecate::daemon {

std::string AdminRequest::parameter(std::string_view name) const {
  return query_parameter(query, name).value_or("");
}

AdminAnswer error_answer(int status, std::string_view why) {
  outputs::JsonWriter json;
  json.begin_object().key("error").value(why).end_object();
  return {status, "application/json", json.take()};
}

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Request = http::request<http::string_body>;
using Verdict = AdminAccess::Verdict;

constexpr std::size_t kConnections = 64;
constexpr std::uint32_t kHeaderLimit = 8 * 1024;
constexpr std::uint64_t kBodyLimit = 4 * 1024;
constexpr auto kPatience = std::chrono::seconds(30);

std::string to_string(beast::string_view text) {
  return {text.data(), text.size()};
}

// What another site's page must not do with what is served here.
constexpr std::pair<const char*, const char*> kGuards[] = {{"X-Content-Type-Options", "nosniff"},
                                                           {"X-Frame-Options", "DENY"},
                                                           {"Referrer-Policy", "no-referrer"},
                                                           {"Cross-Origin-Resource-Policy", "same-origin"}};

AdminAnswer refusal(int status, std::string_view why) {
  AdminAnswer answer = error_answer(status, why);
  if (status == 401) answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 429) answer.headers.emplace_back("Retry-After", std::to_string(AdminAccess::kPause.count()));
  return answer;
}

// The answer to someone who may not ask.
AdminAnswer refusal(Verdict verdict) {
  switch (verdict) {
    case Verdict::not_configured:
      return refusal(401, "admin.token is not configured; set it, or let admin.listen be loopback");
    case Verdict::too_many:
      return refusal(429, "too many wrong tokens from this address; try again in a minute");
    default:
      return refusal(401, "send `Authorization: Bearer <admin.token>`");
  }
}

// `{"token": "…"}`.
std::optional<std::string> token_of(const std::string& body) {
  simdjson::dom::parser parser;
  std::string_view token;
  if (parser.parse(body)["token"].get(token) != simdjson::SUCCESS) return std::nullopt;
  return std::string(token);
}

class Server final : public AdminServer {
 public:
  Server(std::string token, std::map<std::string, Handler> routes, std::function<void()> tick)
      : token_(std::move(token)), routes_(std::move(routes)), tick_(std::move(tick)), acceptor_(io_) {}

  ~Server() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> bind(const std::string& listen, bool trust_loopback) {
    auto bound = open_port(acceptor_, listen, "admin.listen");
    if (!bound) return std::unexpected(bound.error());
    port_ = bound->port();
    // Cookies know no ports: two hecates behind one name must not log each other out.
    access_.emplace(token_, trust_loopback && bound->address().is_loopback(),
                    fmt::format("hecate_{}", port_));
    return {};
  }

  void run() {
    asio::co_spawn(io_, accept(), asio::detached);
    if (tick_) asio::co_spawn(io_, keep_ticking(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }

  [[nodiscard]] int port() const override { return port_; }

 private:
  asio::awaitable<void> keep_ticking() {
    asio::steady_timer timer(io_);
    for (auto next = std::chrono::steady_clock::now();; next += kTick) {
      timer.expires_at(next);
      co_await timer.async_wait(asio::use_awaitable);
      tick_();
    }
  }

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
    error_code gone;
    std::string address = stream.socket().remote_endpoint(gone).address().to_string();
    for (bool more = true; more;) {
      http::request_parser<http::string_body> parser;
      parser.header_limit(kHeaderLimit);
      parser.body_limit(kBodyLimit);
      error_code error;
      stream.expires_after(kPatience);
      co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      Request request = parser.release();
      http::response<http::string_body> response = respond(request, address);
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

  http::response<http::string_body> respond(const Request& request, const std::string& address) {
    AdminAnswer answer = route(request, address);
    http::response<http::string_body> response(static_cast<http::status>(answer.status), request.version());
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : kGuards) response.set(name, value);
    for (const auto& [name, value] : answer.headers) response.set(name, value);
    response.keep_alive(request.keep_alive());
    response.body() = std::move(answer.body);
    response.prepare_payload();
    return response;
  }

  AdminAnswer route(const Request& request, const std::string& address) {
    std::string target = to_string(request.target());
    std::size_t question = std::min(target.find('?'), target.size());
    AdminRequest asked{.path = target.substr(0, question),
                       .query = target.substr(std::min(question + 1, target.size()))};
    if (asked.path == "/session") return session(request, address);
    if (asked.path == "/api" || asked.path.starts_with("/api/")) {
      Verdict verdict = access_->may_ask(shown_by(request, address), std::chrono::steady_clock::now());
      if (verdict != Verdict::allowed) return refusal(verdict);
    }
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      AdminAnswer answer = refusal(405, "only GET is served here");
      answer.headers.emplace_back("Allow", "GET, HEAD");
      return answer;
    }
    auto found = routes_.find(asked.path);
    if (found == routes_.end()) return refusal(404, "there is nothing under this path");
    try {
      return found->second(asked);
    } catch (const std::exception& e) {
      spdlog::error("the admin port could not answer {}: {}", asked.path, e.what());
      return refusal(500, "internal error; see the log");
    }
  }

  // Views into `request` and `address`.
  static AdminAccess::Asked shown_by(const Request& request, const std::string& address) {
    auto field = [&](http::field name) {
      beast::string_view value = request[name];
      return std::string_view(value.data(), value.size());
    };
    return {.host = field(http::field::host),
            .authorization = field(http::field::authorization),
            .cookies = field(http::field::cookie),
            .address = address};
  }

  AdminAnswer session(const Request& request, const std::string& address) {
    AdminAccess::Asked asked = shown_by(request, address);
    switch (request.method()) {
      case http::verb::get:
      case http::verb::head:
        return tell_session(asked);
      case http::verb::post:
        return log_in(request, asked);
      case http::verb::delete_:
        access_->log_out(asked.cookies);
        return with_cookie(request, "", std::chrono::seconds(0));
      default:
        AdminAnswer answer = refusal(405, "GET, POST and DELETE are served here");
        answer.headers.emplace_back("Allow", "GET, HEAD, POST, DELETE");
        return answer;
    }
  }

  AdminAnswer tell_session(const AdminAccess::Asked& asked) {
    bool open = access_->is_open_to(asked.host);
    outputs::JsonWriter json;
    json.begin_object().key("required").value(!open).key("token_configured").value(access_->has_token());
    json.key("logged_in").value(access_->is_logged_in(asked.cookies, std::chrono::steady_clock::now()));
    return {200, "application/json", json.end_object().take()};
  }

  AdminAnswer log_in(const Request& request, const AdminAccess::Asked& asked) {
    // A page of another site cannot set this type without asking first; nor does such a page get to try
    // tokens.
    std::string type = to_string(request[http::field::content_type]);
    if (!type.starts_with("application/json")) return refusal(415, "send the token as application/json");
    if (std::string site = to_string(request["Sec-Fetch-Site"]); !site.empty() && site != "same-origin")
      return refusal(403, "a page of another site cannot log in here");
    auto token = token_of(request.body());
    if (!token) return refusal(400, R"(send {"token": "<admin.token>"})");
    auto login = access_->log_in(*token, asked, std::chrono::steady_clock::now());
    if (login.verdict == Verdict::allowed) {
      spdlog::info("admin port: login from {}", asked.address);
      return with_cookie(request, login.secret, AdminAccess::kIdle);
    }
    spdlog::warn("admin port: a login from {} was refused", asked.address);
    if (login.verdict == Verdict::wrong) return refusal(401, "this is not the token of admin.token");
    return refusal(login.verdict);
  }

  AdminAnswer with_cookie(const Request& request, const std::string& value, std::chrono::seconds age) const {
    // Behind a proxy that speaks TLS it must not go over plain HTTP later.
    bool tls = to_string(request["X-Forwarded-Proto"]) == "https";
    AdminAnswer answer{204, "application/json", ""};
    answer.headers.emplace_back(
        "Set-Cookie", fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", access_->cookie(),
                                  value, age.count(), tls ? "; Secure" : ""));
    return answer;
  }

  std::string token_;
  std::map<std::string, Handler> routes_;
  std::function<void()> tick_;
  std::optional<AdminAccess> access_;  // once it is bound
  int port_ = 0;
  std::size_t connections_ = 0;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::start(const std::string& listen, const std::string& token,
                                                        std::map<std::string, Handler> routes,
                                                        bool trust_loopback, std::function<void()> tick) {
  auto server = std::make_unique<Server>(token, std::move(routes), std::move(tick));
  if (auto bound = server->bind(listen, trust_loopback); !bound) return std::unexpected(bound.error());
  server->run();
  return server;
}

}  // namespace hecate::daemon
