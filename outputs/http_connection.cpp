#include "outputs/http_connection.h"

#include <atomic>
#include <exception>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <fmt/format.h>

namespace hecate::outputs {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using SslStream = beast::ssl_stream<beast::tcp_stream>;
using Message = http::request<http::span_body<const char>>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kLongestAnswer = 1024 * 1024;

// How one step, and so one exchange, ended.
struct Outcome {
  error_code error;
  const char* doing = "";     // what failed
  bool answer_began = false;  // bytes of an answer were read
  std::string why = "";       // where `error` does not say it
};

HttpResponse to_response(http::response<http::string_body>&& message) {
  HttpResponse response;
  response.status = static_cast<int>(message.result_int());
  response.retry_after = std::string(message[http::field::retry_after]);
  response.date = std::string(message[http::field::date]);
  auto [first, last] = message.equal_range(http::field::set_cookie);
  for (; first != last; ++first) {
    std::string_view cookie(first->value().data(), first->value().size());
    response.cookies.emplace_back(cookie.substr(0, cookie.find(';')));
  }
  response.body = std::move(message.body());
  return response;
}

// Why a certificate is not taken, and what to do. `trusted`: its chain is good, so it is the name that is
// not.
std::string why_refused(bool trusted, X509_STORE_CTX* context) {
  if (trusted)
    return "its certificate is for another name; let outputs.hec.url have the name that the certificate has, "
           "or give the endpoint a certificate for the one it is called by";
  int error = X509_STORE_CTX_get_error(context);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate, or one that it rests on, has expired; renew it at the endpoint";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet; look at the clocks of both machines";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return fmt::format(
          "its certificate is of a CA that is not trusted here ({}); name that CA's certificate with "
          "outputs.hec.ca_file, and let the endpoint send those between",
          X509_verify_cert_error_string(error));
    default:
      return fmt::format("its certificate is not taken: {}; check it with `openssl s_client`",
                         X509_verify_cert_error_string(error));
  }
}

// All sockets live on `context_`, which runs only inside `post`. `cancel` sets the flag first and then has
// the context cancel what is going on: a step that was about to begin sees the flag, one that has begun is
// cancelled.
class BeastConnection final : public HttpConnection {
 public:
  explicit BeastConnection(HttpPeer peer) : peer_(std::move(peer)), lookup_(peer_.lookup) {}

  Result<HttpResponse> post(const HttpRequest& request) override {
    bool reused = is_open();
    HttpResponse response;
    Outcome outcome = run(request, response);
    // A server may have closed a connection that lay idle: that is no failure of this request.
    if (outcome.error && reused && !outcome.answer_began && outcome.error != beast::error::timeout &&
        !cancelled_)
      outcome = run(request, response);
    if (outcome.error) return fail(describe(outcome));
    return response;
  }

  void cancel() override {
    cancelled_ = true;
    lookup_.cancel();
    asio::post(context_, [this] {
      if (is_open()) socket().cancel();
    });
  }

 private:
  [[nodiscard]] bool is_open() const { return plain_ || secure_; }
  [[nodiscard]] beast::tcp_stream& socket() { return secure_ ? secure_->next_layer() : *plain_; }
  [[nodiscard]] const std::string& host() const { return peer_.proxy ? peer_.proxy->host : peer_.url.host; }
  [[nodiscard]] const std::string& port() const { return peer_.proxy ? peer_.proxy->port : peer_.url.port; }

  void close() {
    plain_.reset();
    secure_.reset();
    buffer_.clear();
  }

  Outcome run(const HttpRequest& request, HttpResponse& response) {
    Outcome outcome = cancelled_ ? Outcome{asio::error::operation_aborted, "posting to"} : Outcome{};
    std::vector<Tcp::endpoint> addresses;
    if (!outcome.error && !is_open()) outcome = find_addresses(addresses);
    if (outcome.error) return outcome;
    context_.restart();
    std::exception_ptr thrown;
    asio::co_spawn(
        context_,
        [&]() -> asio::awaitable<void> { outcome = co_await exchange(addresses, request, response); },
        [&](std::exception_ptr exception) { thrown = std::move(exception); });
    context_.run();
    if (outcome.error || thrown) close();
    if (thrown) std::rethrow_exception(thrown);
    return outcome;
  }

  Outcome find_addresses(std::vector<Tcp::endpoint>& addresses) {
    auto found = lookup_.find(host(), peer_.connect_timeout);
    if (!found) {
      return {asio::error::host_not_found, "finding the address of", false, std::move(found.error().message)};
    }
    auto number = static_cast<unsigned short>(std::stoi(port()));
    for (const std::string& text : *found) {
      error_code no_address;
      auto address = asio::ip::make_address(text, no_address);
      if (!no_address) addresses.emplace_back(address, number);
    }
    return {};
  }

  asio::awaitable<Outcome> exchange(const std::vector<Tcp::endpoint>& addresses, const HttpRequest& request,
                                    HttpResponse& response) {
    if (!is_open()) {
      Outcome connected = co_await connect(addresses);
      if (connected.error) co_return connected;
    }
    Message message = to_message(request);
    // Not a conditional expression: g++ 12 loses temporaries of co_await inside one.
    if (secure_) co_return co_await send(*secure_, message, response);
    co_return co_await send(*plain_, message, response);
  }

  asio::awaitable<Outcome> connect(const std::vector<Tcp::endpoint>& addresses) {
    if (peer_.tls)
      secure_.emplace(context_, peer_.tls->context());
    else
      plain_.emplace(context_);
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "connecting to"};
    socket().expires_after(peer_.connect_timeout);
    auto [unconnected, address] = co_await socket().async_connect(addresses, kAwait);
    if (unconnected) co_return Outcome{unconnected, "connecting to"};
    error_code ignored;
    socket().socket().set_option(Tcp::no_delay(true), ignored);
    if (!peer_.tls) co_return Outcome{};
    if (peer_.proxy) {
      Outcome tunnelled = co_await open_tunnel();
      if (tunnelled.error) co_return tunnelled;
    }
    co_return co_await shake_hands();
  }

  asio::awaitable<Outcome> open_tunnel() {
    http::request<http::empty_body> request(http::verb::connect, peer_.url.authority(), 11);
    request.set(http::field::host, peer_.url.authority());
    if (!peer_.proxy->authorization.empty())
      request.set(http::field::proxy_authorization, peer_.proxy->authorization);
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "connecting to"};
    socket().expires_after(peer_.connect_timeout);
    auto [unsent, sent] = co_await http::async_write(socket(), request, kAwait);
    if (unsent) co_return Outcome{unsent, "asking the proxy for"};
    http::response_parser<http::empty_body> parser;
    parser.skip(true);  // what follows a 200 is the tunnel's
    auto [unread, read] = co_await http::async_read_header(socket(), buffer_, parser, kAwait);
    if (unread) co_return Outcome{unread, "asking the proxy for"};
    int status = static_cast<int>(parser.get().result_int());
    if (status / 100 == 2) co_return Outcome{};
    std::string why = fmt::format("it answered {} {}", status, std::string(parser.get().reason()));
    if (status == 407) why += " (user and password stand in the proxy's URL: http://user:password@host:port)";
    co_return Outcome{asio::error::connection_refused, "asking the proxy for", false, std::move(why)};
  }

  asio::awaitable<Outcome> shake_hands() {
    const std::string& name = peer_.url.host;
    error_code no_address;
    asio::ip::make_address(name, no_address);
    if (no_address) SSL_set_tlsext_host_name(secure_->native_handle(), name.c_str());
    // Without verification (a choice of the configuration) the callback would turn it on again.
    refusal_.clear();
    if (SSL_get_verify_mode(secure_->native_handle()) != SSL_VERIFY_NONE) {
      secure_->set_verify_callback(
          [this, named = asio::ssl::host_name_verification(name)](bool trusted, auto& context) {
            bool good = named(trusted, context);
            if (!good && refusal_.empty()) refusal_ = why_refused(trusted, context.native_handle());
            return good;
          });
    }
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "connecting to"};
    socket().expires_after(peer_.connect_timeout);
    auto [error] = co_await secure_->async_handshake(asio::ssl::stream_base::client, kAwait);
    co_return Outcome{error, "agreeing on TLS with", false, refusal_};
  }

  [[nodiscard]] Message to_message(const HttpRequest& request) const {
    bool by_proxy = peer_.proxy && !peer_.tls;
    std::string target = by_proxy ? "http://" + peer_.url.authority() + request.target : request.target;
    Message message(http::verb::post, target, 11);
    message.set(http::field::host, peer_.url.authority());
    message.set(http::field::user_agent, "hecate");
    if (by_proxy && !peer_.proxy->authorization.empty())
      message.set(http::field::proxy_authorization, peer_.proxy->authorization);
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = beast::span<const char>(request.body.data(), request.body.size());
    message.prepare_payload();
    return message;
  }

  template <typename Stream>
  asio::awaitable<Outcome> send(Stream& stream, Message& message, HttpResponse& response) {
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "posting to"};
    socket().expires_after(peer_.timeout);
    auto [unsent, sent] = co_await http::async_write(stream, message, kAwait);
    // A server that takes no more of a body (413) answers and hangs up before the end of it.
    bool hung_up = unsent == asio::error::broken_pipe || unsent == asio::error::connection_reset;
    if (unsent && !hung_up) co_return Outcome{unsent, "posting to"};

    http::response_parser<http::string_body> parser;
    parser.body_limit(kLongestAnswer);
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "waiting for the answer of"};
    socket().expires_after(peer_.timeout);
    auto [unread, read] = co_await http::async_read(stream, buffer_, parser, kAwait);
    if (unread) {
      bool began = read > 0 || parser.got_some();
      co_return Outcome{hung_up && !began ? unsent : unread, "waiting for the answer of", began};
    }
    bool keep = parser.keep_alive() && !hung_up;
    response = to_response(parser.release());
    if (!keep) close();
    co_return Outcome{};
  }

  [[nodiscard]] std::string describe(const Outcome& outcome) const {
    std::string hint = "check that it runs and can be reached from here";
    if (outcome.error.category() == asio::error::get_ssl_category())
      hint = outcome.why.empty() ? "check the certificates on both sides and outputs.hec's ca_file, and that "
                                   "the port speaks TLS"
                                 : "";
    else if (outcome.error == beast::error::timeout)
      hint = fmt::format("nothing came within {} ms; it is overloaded, or something on the way drops packets",
                         (is_connecting(outcome) ? peer_.connect_timeout : peer_.timeout).count());
    std::string way = peer_.proxy ? fmt::format(" through the proxy {}:{}", host(), port()) : "";
    return fmt::format(
        "{} {}://{}{} failed: {}{}{}", outcome.doing, peer_.tls ? "https" : "http", peer_.url.authority(),
        way, outcome.why.empty() ? outcome.error.message() : outcome.why, hint.empty() ? "" : "; ", hint);
  }
  static bool is_connecting(const Outcome& outcome) {
    std::string_view doing = outcome.doing;
    return !doing.starts_with("posting") && !doing.starts_with("waiting");
  }

  HttpPeer peer_;
  AddressLookup lookup_;
  asio::io_context context_{1};
  std::optional<beast::tcp_stream> plain_;
  std::optional<SslStream> secure_;
  beast::flat_buffer buffer_;
  std::string refusal_;  // why the endpoint's certificate is not taken
  std::atomic<bool> cancelled_ = false;
};

}  // namespace

std::unique_ptr<HttpConnection> HttpConnection::make(HttpPeer peer) {
  return std::make_unique<BeastConnection>(std::move(peer));
}

}  // namespace hecate::outputs
