#include "outputs/hec_client.h"

#include "outputs/hec_url.h"

#include <atomic>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <fmt/format.h>
#include <simdjson.h>

namespace hecate::outputs {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using SslStream = beast::ssl_stream<beast::tcp_stream>;
using Parser = http::response_parser<http::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kLongestAnswer = 1024 * 1024;
constexpr std::size_t kShownOfAnswer = 200;

// How one exchange ended.
struct Outcome {
  error_code error;
  const char* doing = "";     // what failed
  bool answer_began = false;  // bytes of an answer were read
};

HecAnswer read_answer(const Parser& parser) {
  HecAnswer answer;
  answer.status = static_cast<int>(parser.get().result_int());
  const std::string& body = parser.get().body();
  answer.text = body.substr(0, kShownOfAnswer);
  simdjson::dom::parser json;
  simdjson::dom::object object;
  if (json.parse(body).get(object) != simdjson::SUCCESS) return answer;
  std::int64_t code = 0;
  if (object["code"].get(code) == simdjson::SUCCESS) answer.code = static_cast<int>(code);
  std::string_view text;
  if (object["text"].get(text) == simdjson::SUCCESS) answer.text = text.substr(0, kShownOfAnswer);
  return answer;
}

// All sockets live on `context_`, which runs only inside `post`. `cancel` sets the flag first and then has
// the context cancel what is going on: a step that was about to begin sees the flag, one that has begun is
// cancelled.
class BeastHecClient final : public HecClient {
 public:
  BeastHecClient(HecEndpoint endpoint, HecUrl url, std::optional<asio::ssl::context> tls)
      : endpoint_(std::move(endpoint)), url_(std::move(url)), tls_(std::move(tls)) {}

  Result<HecAnswer> post(std::string_view body) override {
    if (cancelled_) return fail(fmt::format("{}: posting was cancelled", endpoint_.url));
    bool reused = is_open();
    HecAnswer answer;
    Outcome outcome = run(body, answer);
    // An endpoint may have closed a connection that lay idle: that is no failure of this request.
    if (outcome.error && reused && !outcome.answer_began && outcome.error != beast::error::timeout &&
        !cancelled_)
      outcome = run(body, answer);
    if (outcome.error) return fail(describe(outcome));
    return answer;
  }

  void cancel() override {
    cancelled_ = true;
    asio::post(context_, [this] {
      resolver_.cancel();
      if (is_open()) socket().cancel();
    });
  }

 private:
  [[nodiscard]] bool is_open() const { return plain_ || secure_; }
  [[nodiscard]] beast::tcp_stream& socket() { return secure_ ? secure_->next_layer() : *plain_; }

  void close() {
    plain_.reset();
    secure_.reset();
    buffer_.clear();
  }

  Outcome run(std::string_view body, HecAnswer& answer) {
    Outcome outcome;
    context_.restart();
    asio::co_spawn(
        context_, [&]() -> asio::awaitable<void> { outcome = co_await exchange(body, answer); },
        asio::detached);
    context_.run();
    if (outcome.error) close();
    return outcome;
  }

  asio::awaitable<Outcome> exchange(std::string_view body, HecAnswer& answer) {
    if (!is_open()) {
      Outcome connected = co_await connect();
      if (connected.error) co_return connected;
    }
    // Not a conditional expression: g++ 12 loses temporaries of co_await inside one.
    if (secure_) co_return co_await send(*secure_, body, answer);
    co_return co_await send(*plain_, body, answer);
  }

  asio::awaitable<Outcome> connect() {
    auto [unresolved, addresses] = co_await resolver_.async_resolve(url_.host, url_.port, kAwait);
    if (unresolved) co_return Outcome{unresolved, "finding the address of"};
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "connecting to"};
    if (tls_)
      secure_.emplace(context_, *tls_);
    else
      plain_.emplace(context_);
    socket().expires_after(endpoint_.timeout);
    auto [unconnected, address] = co_await socket().async_connect(addresses, kAwait);
    if (unconnected) co_return Outcome{unconnected, "connecting to"};
    error_code ignored;
    socket().socket().set_option(Tcp::no_delay(true), ignored);
    if (!tls_) co_return Outcome{};
    co_return co_await shake_hands();
  }

  asio::awaitable<Outcome> shake_hands() {
    error_code no_address;
    asio::ip::make_address(url_.host, no_address);
    if (no_address) SSL_set_tlsext_host_name(secure_->native_handle(), url_.host.c_str());
    if (endpoint_.verify) secure_->set_verify_callback(asio::ssl::host_name_verification(url_.host));
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "connecting to"};
    socket().expires_after(endpoint_.timeout);
    auto [error] = co_await secure_->async_handshake(asio::ssl::stream_base::client, kAwait);
    co_return Outcome{error, "agreeing on TLS with"};
  }

  template <typename Stream>
  asio::awaitable<Outcome> send(Stream& stream, std::string_view body, HecAnswer& answer) {
    http::request<http::span_body<const char>> request(http::verb::post, url_.target, 11);
    request.set(http::field::host, url_.authority());
    request.set(http::field::authorization, "Splunk " + endpoint_.token);
    request.set(http::field::content_type, "application/json");
    request.set(http::field::user_agent, "hecate");
    request.body() = beast::span<const char>(body.data(), body.size());
    request.prepare_payload();
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "posting to"};
    socket().expires_after(endpoint_.timeout);
    auto [unsent, sent] = co_await http::async_write(stream, request, kAwait);
    if (unsent) co_return Outcome{unsent, "posting to"};

    Parser parser;
    parser.body_limit(kLongestAnswer);
    if (cancelled_) co_return Outcome{asio::error::operation_aborted, "waiting for the answer of"};
    socket().expires_after(endpoint_.timeout);
    auto [unread, read] = co_await http::async_read(stream, buffer_, parser, kAwait);
    if (unread) co_return Outcome{unread, "waiting for the answer of", read > 0 || parser.got_some()};
    answer = read_answer(parser);
    if (!parser.keep_alive()) close();
    co_return Outcome{};
  }

  [[nodiscard]] std::string describe(const Outcome& outcome) const {
    std::string hint = "check that it runs and can be reached from here";
    if (outcome.error.category() == asio::error::get_ssl_category())
      hint = "check the certificate and outputs.hec's CA file, and that the port speaks TLS";
    else if (outcome.error == beast::error::timeout)
      hint = fmt::format("nothing came within {} ms; it is overloaded, or something on the way drops packets",
                         endpoint_.timeout.count());
    return fmt::format("{} {} failed: {}; {}", outcome.doing, endpoint_.url, outcome.error.message(), hint);
  }

  HecEndpoint endpoint_;
  HecUrl url_;
  std::optional<asio::ssl::context> tls_;
  asio::io_context context_{1};
  Tcp::resolver resolver_{context_};
  std::optional<beast::tcp_stream> plain_;
  std::optional<SslStream> secure_;
  beast::flat_buffer buffer_;
  std::atomic<bool> cancelled_ = false;
};

Result<asio::ssl::context> make_tls(const HecEndpoint& endpoint) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  error_code error;
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv3 |
                      asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                  error);
  tls.set_verify_mode(endpoint.verify ? asio::ssl::verify_peer : asio::ssl::verify_none, error);
  if (endpoint.ca_file.empty())
    tls.set_default_verify_paths(error);
  else
    tls.load_verify_file(endpoint.ca_file, error);
  if (error)
    return fail(fmt::format("{}: the CA certificates cannot be read ({}); it must be a PEM file",
                            endpoint.ca_file.empty() ? "the system's CA store" : endpoint.ca_file,
                            error.message()));
  return tls;
}

}  // namespace

Result<std::unique_ptr<HecClient>> HecClient::make(HecEndpoint endpoint) {
  auto url = parse_hec_url(endpoint.url);
  if (!url) return std::unexpected(url.error());
  std::optional<asio::ssl::context> tls;
  if (url->tls) {
    auto made = make_tls(endpoint);
    if (!made) return std::unexpected(made.error());
    tls = std::move(*made);
  }
  return std::make_unique<BeastHecClient>(std::move(endpoint), std::move(*url), std::move(tls));
}

}  // namespace hecate::outputs
