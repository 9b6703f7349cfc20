#include "daemon/hec_connection.h"

#include "daemon/gzip.h"
#include "daemon/url.h"
#include "pipeline/base/time.h"

#include <algorithm>
#include <cstring>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/rfc7230.hpp>

namespace hecate::daemon {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kHeaderLimit = 16 * 1024;
// A body is given room for this much at first, and more as it comes: a sender that only announces much gets
// little.
constexpr std::size_t kFirstRoom = 1024 * 1024;
// A refused body up to this size is read away to keep the connection; with a larger one it is closed.
constexpr std::size_t kSkipLimit = 1024 * 1024;
constexpr std::size_t kChunkRoom = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view to_view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// A request between the end of its header and its answer; drain() waits for these.
struct InFlight {
  explicit InFlight(HecService& service) : service(service) { ++service.in_flight; }
  ~InFlight() {
    --service.in_flight;
    service.request_over();
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  HecService& service;
};

std::string first_of(std::optional<std::string> given, const std::string& otherwise) {
  return given && !given->empty() ? std::move(*given) : otherwise;
}

}  // namespace

HecConnection::HecConnection(HecSocket socket, HecService& service)
    : socket_(std::move(socket)),
      service_(service),
      buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {
  service_.connections.insert(this);
  service_.metrics.connections(1);
}

HecConnection::~HecConnection() {
  charge(0);
  service_.connections.erase(this);
  service_.metrics.connections(-1);
}

void HecConnection::close() {
  error_code ignored;
  socket_.close(ignored);
}

void HecConnection::close_if_late(Instant now) {
  if (now < deadline_) return;
  service_.draining ? turn_away() : close();
}

void HecConnection::turn_away() {
  if (std::exchange(mid_request_, false)) {
    std::string answer =
        hec_answer({.code = HecCode::shutting_down, .event_number = {}}, {.keep_alive = false});
    error_code failed;
    socket_.non_blocking(true, failed);
    if (!failed) socket_.write_some(asio::buffer(answer), failed);
    if (!failed) service_.metrics.answered(HecCode::shutting_down, 0);
    socket_.shutdown(asio::socket_base::shutdown_send, failed);
  }
  close();
}

void HecConnection::hurry(Instant bound) {
  bound_ = bound;
  if (deadline_ != Instant::max()) deadline_ = std::min(deadline_, bound);
}

void HecConnection::wait_at_most(std::chrono::milliseconds time) {
  deadline_ = std::min(std::chrono::steady_clock::now() + time, bound_);
}

// Says that this connection holds so many bytes of a body; false when all of them together hold too many.
bool HecConnection::charge(std::size_t bytes) {
  service_.reading_bytes += bytes - charged_;
  charged_ = bytes;
  return service_.reading_bytes <= service_.queue_bytes;
}

HecAwaitable<void> HecConnection::run() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  bool more = true;
  while (more) more = co_await serve_one();
  if (socket_.is_open()) co_await linger();
}

HecAwaitable<bool> HecConnection::serve_one() {
  Exchange exchange;
  exchange.parser.header_limit(kHeaderLimit);
  exchange.parser.body_limit(boost::none);
  Header header = co_await read_header(exchange.parser);
  if (header == Header::gone) {
    close();
    co_return false;
  }
  Instant started = std::chrono::steady_clock::now();
  InFlight in_flight(service_);
  if (header == Header::complete) {
    co_await handle(exchange);
  } else {
    exchange.verdict.code = header == Header::too_large ? HecCode::header_too_large : HecCode::bad_request;
    exchange.framing.keep_alive = false;
  }
  co_return co_await finish(exchange, started);
}

HecAwaitable<void> HecConnection::handle(Exchange& exchange) {
  const auto& request = exchange.parser.get();
  http::verb method = request.method();
  exchange.framing = {.keep_alive = exchange.parser.keep_alive(),
                      .http_1_0 = request.version() < 11,
                      .head = method == http::verb::head};
  exchange.expects_100 =
      request.version() >= 11 && boost::beast::iequals(request[http::field::expect], "100-continue");
  exchange.target = hec_target(to_view(request.target()));
  bool reading = method == http::verb::get || method == http::verb::head;
  if (exchange.target.route == HecRoute::health) exchange.framing.allow = "GET, HEAD";
  if (request.count(http::field::transfer_encoding) > 0 && !exchange.parser.chunked()) {
    // Where such a body ends cannot be known.
    exchange.verdict.code = HecCode::bad_request;
    exchange.framing.keep_alive = false;
  } else if (exchange.target.route == HecRoute::none) {
    exchange.verdict.code = HecCode::not_found;
  } else if (exchange.target.route == HecRoute::health) {
    exchange.verdict.code = reading ? health() : HecCode::wrong_method;
  } else if (method == http::verb::options) {
    exchange.options = true;
  } else if (method != http::verb::post) {
    exchange.verdict.code = HecCode::wrong_method;
  } else {
    auto header = request.find(http::field::authorization);
    std::optional<std::string_view> authorization;
    if (header != request.end()) authorization = to_view(header->value());
    HecTokens::Outcome who = service_.tokens.check(authorization, exchange.target.query);
    exchange.verdict.code = who.code;
    if (who.token != nullptr) co_await take_events(exchange, *who.token);
  }
}

std::optional<HecCode> HecConnection::refusal() const {
  if (service_.draining) return HecCode::shutting_down;
  if (!service_.trouble().empty()) return HecCode::busy;
  return std::nullopt;
}

HecCode HecConnection::health() const {
  if (service_.draining) return HecCode::shutting_down;
  bool full = service_.ingest.queued_bytes() >= service_.queue_bytes;
  return full || !service_.trouble().empty() ? HecCode::unhealthy_queues : HecCode::healthy;
}

HecAwaitable<void> HecConnection::take_events(Exchange& exchange, const HecToken& token) {
  std::optional<HecEncoding> encoding =
      hec_encoding(to_view(exchange.parser.get()[http::field::content_encoding]));
  if (std::optional<HecCode> refused = refusal()) {
    exchange.verdict.code = *refused;
    co_return;
  }
  if (!encoding) {
    exchange.verdict.code = HecCode::unsupported_encoding;
    co_return;
  }
  if (auto time = query_parameter(exchange.target.query, "time"); time && !parse_epoch(*time)) {
    exchange.verdict.code = HecCode::bad_fields;
    co_return;
  }
  ingest::Buffer body = service_.pool.take();
  co_await take_body(exchange, *encoding, body);
  mid_request_ = false;
  charge(0);
  if (exchange.gone || exchange.verdict.code != HecCode::success) {
    service_.pool.give(std::move(body));
    co_return;
  }
  Outcome outcome = co_await submit(make_batch(exchange, token, std::move(body)));
  service_.pool.give(std::move(outcome.body));
  exchange.verdict =
      outcome.result.stored ? hec_verdict(outcome.result.envelope) : HecVerdict{HecCode::busy, {}};
}

// Reads the body and unpacks it; what is wrong with it as a whole becomes the verdict.
HecAwaitable<void> HecConnection::take_body(Exchange& exchange, HecEncoding encoding, ingest::Buffer& body) {
  Parser& parser = exchange.parser;
  std::size_t length = 0;
  if (!parser.chunked()) length = static_cast<std::size_t>(parser.content_length().value_or(0));
  Body end = Body::too_large;
  if (length <= service_.max_body) {
    if (exchange.expects_100) {
      bool told = co_await write(kContinue);
      exchange.gone = !told;
      if (!told) co_return;
      exchange.expects_100 = false;
    }
    exchange.body_begun = true;
    if (parser.chunked()) {
      end = co_await read_chunked(parser, body);
    } else {
      end = co_await read_sized(length, body);
    }
  }
  exchange.gone = end == Body::gone;
  exchange.body_read = end == Body::complete;
  if (end == Body::too_large) exchange.verdict.code = HecCode::too_large;
  if (end == Body::busy) exchange.verdict.code = HecCode::busy;
  if (end == Body::malformed) exchange.verdict.code = HecCode::bad_request;
  if (end != Body::complete) co_return;
  if (encoding == HecEncoding::gzip && body.size() > 0) co_await unpack(exchange, body);
  if (exchange.verdict.code == HecCode::success && blank(body.view()))
    exchange.verdict.code = HecCode::no_data;
}

HecAwaitable<void> HecConnection::unpack(Exchange& exchange, ingest::Buffer& body) {
  ingest::Buffer packed = std::exchange(body, service_.pool.take());
  GzipReader reader(packed.view(), service_.max_body);
  GzipReader::State state = reader.step(body);
  while (state == GzipReader::State::more) {
    if (!charge(packed.size() + body.size())) {
      exchange.verdict.code = HecCode::busy;
      break;
    }
    // Others have their turn between two steps.
    co_await asio::post(socket_.get_executor(), use_hec_awaitable);
    state = reader.step(body);
  }
  if (state == GzipReader::State::too_large) exchange.verdict.code = HecCode::too_large;
  if (state == GzipReader::State::corrupt) exchange.verdict.code = HecCode::invalid_format;
  service_.pool.give(std::move(packed));
}

std::unique_ptr<ingest::Batch> HecConnection::make_batch(const Exchange& exchange, const HecToken& token,
                                                         ingest::Buffer body) const {
  auto batch = std::make_unique<ingest::Batch>();
  batch->body = std::move(body);
  batch->indexes = token.indexes;
  std::string_view query = exchange.target.query;
  if (query.empty()) {
    batch->source = token.source;
    batch->sourcetype = token.sourcetype;
    batch->index = token.index;
    return batch;
  }
  batch->host = query_parameter(query, "host").value_or("");
  batch->source = first_of(query_parameter(query, "source"), token.source);
  batch->sourcetype = first_of(query_parameter(query, "sourcetype"), token.sourcetype);
  batch->index = first_of(query_parameter(query, "index"), token.index);
  if (auto time = query_parameter(query, "time")) batch->time = parse_epoch(*time).value_or(batch->time);
  return batch;
}

// Suspends the connection until Ingest is done with the batch, on whatever thread that is; a full queue is
// told like a disk that refused, since the sender does the same about both.
HecAwaitable<HecConnection::Outcome> HecConnection::submit(std::unique_ptr<ingest::Batch> batch) {
  wait_without_end();
  auto start = [executor = socket_.get_executor(), &ingest = service_.ingest](
                   auto handler, std::unique_ptr<ingest::Batch> batch) {
    // The batch outlives its `done`: the bytes are taken back from it there.
    batch->done = [executor, batch = batch.get(),
                   handler = std::move(handler)](const ingest::BatchResult& result) mutable {
      auto resume = [handler = std::move(handler),
                     outcome = Outcome{result, std::move(batch->body)}]() mutable {
        std::move(handler)(std::move(outcome));
      };
      asio::post(executor, std::move(resume));
    };
    if (!ingest.submit(batch)) batch->done(ingest::BatchResult{.envelope = {}, .stored = false});
  };
  Outcome outcome = co_await asio::async_initiate<const asio::use_awaitable_t<HecExecutor>, void(Outcome)>(
      std::move(start), use_hec_awaitable, std::move(batch));
  co_return outcome;
}

// Whether the next request can be found behind this one, and is worth reading the unread rest for.
bool HecConnection::stays_in_step(const Exchange& exchange, std::uint64_t unread) {
  if (exchange.body_read) return true;
  if (!exchange.parser.is_header_done() || exchange.parser.chunked()) return false;
  if (unread == 0) return true;
  if (exchange.body_begun || exchange.expects_100 || exchange.verdict.code == HecCode::too_large)
    return false;
  return unread <= kSkipLimit;
}

// Answers; true when the connection goes on.
HecAwaitable<bool> HecConnection::finish(Exchange& exchange, Instant started) {
  mid_request_ = false;
  if (exchange.gone) {
    close();
    co_return false;
  }
  std::uint64_t unread = 0;
  if (!exchange.body_read && exchange.parser.is_header_done()) {
    unread = exchange.parser.content_length().value_or(0);
  }
  bool can_skip = stays_in_step(exchange, unread);
  exchange.framing.keep_alive = exchange.framing.keep_alive && can_skip && !service_.draining;
  std::string answer = exchange.options ? hec_options_answer(exchange.framing)
                                        : hec_answer(exchange.verdict, exchange.framing);
  bool written = co_await write(answer);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  service_.metrics.answered(exchange.verdict.code, took.count());
  if (!written) close();
  if (!written || !exchange.framing.keep_alive) co_return false;
  bool skipped = unread == 0 || co_await skip(unread);
  if (!skipped) close();
  co_return skipped;
}

// Reads what there is; false when the sender is gone or the buffer is full of what nobody can use.
HecAwaitable<bool> HecConnection::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == kBuffer) co_return false;
  error_code error;
  std::size_t got = co_await socket_.async_read_some(asio::buffer(buffer_.get() + end_, kBuffer - end_),
                                                     asio::redirect_error(use_hec_awaitable, error));
  end_ += got;
  service_.metrics.received(got);
  co_return !error;
}

HecAwaitable<HecConnection::Header> HecConnection::read_header(Parser& parser) {
  bool begun = false;
  wait_at_most(service_.timeouts.idle);
  for (;;) {
    // Some senders end a body with a line break that its length does not count.
    while (!begun && begin_ < end_ && (buffer_[begin_] == '\r' || buffer_[begin_] == '\n')) ++begin_;
    if (begin_ < end_) {
      if (!begun) wait_at_most(service_.timeouts.header);
      begun = mid_request_ = true;
      error_code error;
      begin_ += parser.put(asio::buffer(buffer_.get() + begin_, end_ - begin_), error);
      if (parser.is_header_done()) co_return Header::complete;
      if (error == http::error::header_limit) co_return Header::too_large;
      if (error && error != http::error::need_more) co_return Header::malformed;
    }
    bool more = co_await fill();
    if (!more) co_return Header::gone;
  }
}

HecAwaitable<HecConnection::Body> HecConnection::read_sized(std::size_t length, ingest::Buffer& body) {
  std::size_t have = std::min(length, end_ - begin_);
  body.reserve(std::min(length, kFirstRoom));
  body.append({buffer_.get() + begin_, have});
  begin_ += have;
  error_code error;
  while (body.size() < length) {
    if (!charge(body.size())) co_return Body::busy;
    if (body.size() == body.capacity()) body.reserve(std::min(length, 2 * body.size()));
    std::size_t room = std::min(length, body.capacity()) - body.size();
    wait_at_most(service_.timeouts.progress);
    std::size_t got = co_await socket_.async_read_some(asio::buffer(body.data() + body.size(), room),
                                                       asio::redirect_error(use_hec_awaitable, error));
    if (error) co_return Body::gone;
    service_.metrics.received(got);
    body.resize(body.size() + got);
  }
  co_return Body::complete;
}

HecAwaitable<HecConnection::Body> HecConnection::read_chunked(Parser& parser, ingest::Buffer& body) {
  parser.eager(true);
  while (!parser.is_done()) {
    error_code error = http::error::need_more;
    if (begin_ < end_) {
      body.reserve(body.size() + kChunkRoom);
      std::size_t room = body.capacity() - body.size();
      auto& target = parser.get().body();
      target.data = body.data() + body.size();
      target.size = room;
      begin_ += parser.put(asio::buffer(buffer_.get() + begin_, end_ - begin_), error);
      body.resize(body.size() + room - target.size);
    }
    bool room = charge(body.size());
    if (body.size() > service_.max_body) co_return Body::too_large;
    if (!room) co_return Body::busy;
    if (error == http::error::need_more) {
      wait_at_most(service_.timeouts.progress);
      bool more = co_await fill();
      if (!more) co_return begin_ == 0 && end_ == kBuffer ? Body::malformed : Body::gone;
    } else if (error && error != http::error::need_buffer) {
      co_return Body::malformed;
    }
  }
  co_return Body::complete;
}

HecAwaitable<bool> HecConnection::skip(std::size_t length) {
  for (;;) {
    std::size_t have = std::min(length, end_ - begin_);
    begin_ += have;
    length -= have;
    if (length == 0) co_return true;
    wait_at_most(service_.timeouts.progress);
    bool more = co_await fill();
    if (!more) co_return false;
  }
}

HecAwaitable<bool> HecConnection::write(std::string_view bytes) {
  wait_at_most(service_.timeouts.progress);
  error_code error;
  co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                             asio::redirect_error(use_hec_awaitable, error));
  co_return !error;
}

// A connection closed with bytes unread is reset, and the reset can overtake the answer: so reading goes on
// for a moment after the last word.
HecAwaitable<void> HecConnection::linger() {
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  wait_at_most(service_.timeouts.closing);
  for (bool more = true; more;) {
    begin_ = end_ = 0;
    more = co_await fill();
  }
  close();
}

}  // namespace hecate::daemon
