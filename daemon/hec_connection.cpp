#include "daemon/hec_connection.h"

#include "daemon/url.h"
#include "pipeline/base/time.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/beast/http/rfc7230.hpp>

namespace hecate::daemon {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kHeaderLimit = 16 * 1024;
// A refused body up to this size is read away to keep the connection; with a larger one it is closed.
constexpr std::size_t kSkipLimit = 1024 * 1024;
// Of a query of acknowledgements.
constexpr std::size_t kAckQueryLimit = 1024 * 1024;

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
  if (!given || given->empty()) return otherwise;
  return std::move(*given);
}

// The header's channel goes before the query's.
HecCode find_channel(std::string_view header, std::string_view query, Guid& channel) {
  std::string given;
  if (header.empty()) header = given = query_parameter(query, "channel").value_or("");
  if (header.empty()) return HecCode::channel_missing;
  std::optional<Guid> guid = parse_guid(header);
  channel = guid.value_or(Guid());
  return guid ? HecCode::success : HecCode::invalid_channel;
}

// Whether an index that the request names for all its events is one that the token allows.
bool may_name(const HecToken& token, const std::optional<std::string>& index) {
  return !index || index->empty() || token.indexes.empty() ||
         std::ranges::find(token.indexes, *index) != token.indexes.end();
}

}  // namespace

HecConnection::HecConnection(TcpSocket socket, HecService& service)
    : service_(service),
      stream_(std::move(socket), service.tls ? &service.tls->context() : nullptr, service.timeouts,
              service.metrics),
      body_(stream_, service) {
  service_.connections.insert(this);
  service_.metrics.connections(1);
  if (service_.draining) hurry(std::chrono::steady_clock::now() + service_.timeouts.closing);
}

HecConnection::~HecConnection() {
  service_.connections.erase(this);
  service_.metrics.connections(-1);
  service_.request_over();
}

void HecConnection::close_if_late(Instant now) {
  if (!stream_.is_late(now)) return;
  if (service_.draining && !ending_) return turn_away();
  service_.metrics.closed(stream_.waiting_for());
  stream_.close();
}

// What waits is broken off; the answer is not lost to a reset, since `run` lingers.
void HecConnection::turn_away() {
  if (ending_) return;
  if (!mid_request_) return stream_.close();
  ending_ = true;
  HecVerdict verdict{.code = HecCode::shutting_down, .event_number = {}, .ack_id = {}};
  if (!stream_.write_now(hec_answer(verdict, {.keep_alive = false}))) return stream_.close();
  service_.metrics.answered(HecCode::shutting_down, 0);
  stream_.set_bound(std::chrono::steady_clock::now() + service_.timeouts.closing);
  stream_.cancel();
}

void HecConnection::leave() {
  if (!ending_) stream_.close();
}

Awaitable<void> HecConnection::run() {
  bool more = co_await stream_.shake_hands();
  if (!more) {
    if (!service_.draining) service_.tls->handshake_failed();
    stream_.close();
  }
  while (more) more = co_await serve_one();
  if (stream_.is_open()) co_await stream_.linger();
}

Awaitable<bool> HecConnection::serve_one() {
  Exchange exchange;
  exchange.parser.header_limit(kHeaderLimit);
  exchange.parser.body_limit(boost::none);
  Header header = co_await read_header(exchange.parser);
  if (header == Header::gone) {
    leave();
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

Awaitable<HecConnection::Header> HecConnection::read_header(Parser& parser) {
  bool begun = false;
  stream_.wait_for(HecWait::request);
  for (;;) {
    // Some senders end a body with a line break that its length does not count.
    while (!begun && !stream_.unread().empty() && std::string_view("\r\n").contains(stream_.unread().front()))
      stream_.use(1);
    std::string_view unread = stream_.unread();
    if (!unread.empty()) {
      if (!begun) stream_.wait_for(HecWait::header);
      begun = mid_request_ = true;
      error_code error;
      stream_.use(parser.put(asio::buffer(unread.data(), unread.size()), error));
      if (parser.is_header_done()) co_return Header::complete;
      if (error == http::error::header_limit) co_return Header::too_large;
      if (error && error != http::error::need_more) co_return Header::malformed;
    }
    bool more = co_await stream_.fill();
    if (!more) co_return Header::gone;
  }
}

Awaitable<void> HecConnection::handle(Exchange& exchange) {
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
    co_await handle_post(exchange);
  }
}

Awaitable<void> HecConnection::handle_post(Exchange& exchange) {
  const auto& request = exchange.parser.get();
  std::string_view query = exchange.target.query;
  auto header = request.find(http::field::authorization);
  std::optional<std::string_view> authorization;
  if (header != request.end()) authorization = to_view(header->value());
  HecTokens::Outcome who = service_.tokens.check(authorization, query);
  exchange.verdict.code = who.code;
  if (who.token == nullptr) co_return;
  bool asks = exchange.target.route == HecRoute::ack;
  HecChannel channel{who.token, {}};
  if (who.token->ack) {
    exchange.verdict.code = find_channel(to_view(request["X-Splunk-Request-Channel"]), query, channel.second);
  } else if (asks) {
    exchange.verdict.code = HecCode::ack_disabled;
  }
  if (exchange.verdict.code != HecCode::success) co_return;
  if (asks) {
    co_await tell_acks(exchange, channel);
  } else {
    co_await take_events(exchange, *who.token, channel);
  }
}

std::optional<HecCode> HecConnection::refusal() const {
  if (service_.draining) return HecCode::shutting_down;
  if (!service_.can_store()) return HecCode::busy;
  return std::nullopt;
}

HecCode HecConnection::health() const {
  if (service_.draining) return HecCode::shutting_down;
  bool full = service_.ingest.queued_bytes() >= service_.queue_bytes || !service_.can_store();
  if (service_.acks.is_full()) return full ? HecCode::unhealthy_queues_ack : HecCode::unhealthy_ack;
  return full ? HecCode::unhealthy_queues : HecCode::healthy;
}

Awaitable<void> HecConnection::take_events(Exchange& exchange, const HecToken& token,
                                           const HecChannel& channel) {
  std::string_view query = exchange.target.query;
  std::optional<HecEncoding> encoding =
      hec_encoding(to_view(exchange.parser.get()[http::field::content_encoding]));
  std::optional<std::string> time = query_parameter(query, "time");
  bool raw = exchange.target.route == HecRoute::raw;
  if (std::optional<HecCode> refused = refusal()) {
    exchange.verdict.code = *refused;
  } else if (token.ack && !service_.acks.has_room(channel)) {
    exchange.verdict.code = HecCode::busy;
  } else if (!encoding) {
    exchange.verdict.code = HecCode::unsupported_encoding;
  } else if (time && !parse_epoch(*time)) {
    exchange.verdict.code = HecCode::bad_fields;
  } else if (raw && !may_name(token, query_parameter(query, "index"))) {
    exchange.verdict.code = HecCode::incorrect_index;
  }
  if (exchange.verdict.code != HecCode::success) co_return;
  ingest::Buffer body = service_.pool.take();
  bool taken = co_await take_body(exchange, *encoding, service_.max_body, body);
  if (!taken) {
    service_.pool.give(std::move(body));
    co_return;
  }
  auto batch = make_batch(exchange, token, std::move(body));
  Outcome outcome;
  if (token.ack) {
    outcome = co_await submit_deferred(std::move(batch));
  } else {
    outcome = co_await submit(std::move(batch));
  }
  service_.pool.give(std::move(outcome.body));
  exchange.verdict =
      outcome.result.stored ? hec_verdict(outcome.result.envelope) : HecVerdict{HecCode::busy, {}, {}};
  if (!outcome.deferred) co_return;
  auto& receipt = outcome.deferred->receipt;
  receipt = service_.acks.open(channel, std::chrono::steady_clock::now());
  exchange.verdict.ack_id = receipt->id;
  service_.metrics.acks(service_.acks.channels(), service_.acks.ids());
  if (outcome.deferred->stored) service_.acks.settle(*receipt, *outcome.deferred->stored);
}

Awaitable<void> HecConnection::tell_acks(Exchange& exchange, const HecChannel& channel) {
  std::optional<HecEncoding> encoding =
      hec_encoding(to_view(exchange.parser.get()[http::field::content_encoding]));
  if (!encoding) {
    exchange.verdict.code = HecCode::unsupported_encoding;
    co_return;
  }
  ingest::Buffer body = service_.pool.take();
  bool taken = co_await take_body(exchange, *encoding, std::min(service_.max_body, kAckQueryLimit), body);
  if (taken) {
    auto ids = parse_ack_query(body.view());
    if (!ids) {
      exchange.verdict.code = HecCode::invalid_format;
    } else {
      auto stored = service_.acks.tell(channel, *ids, std::chrono::steady_clock::now());
      exchange.acks = hec_ack_body(*ids, stored);
    }
  }
  service_.pool.give(std::move(body));
}

// False: the verdict says what is wrong with the body as a whole, or the sender is gone.
Awaitable<bool> HecConnection::take_body(Exchange& exchange, HecEncoding encoding, std::size_t limit,
                                         ingest::Buffer& body) {
  exchange.body = co_await body_.take(exchange.parser, exchange.expects_100, encoding, limit, body);
  mid_request_ = false;
  body_.release();
  if (ending_) exchange.body.gone = true;
  exchange.verdict.code = exchange.body.code;
  if (exchange.body.code == HecCode::success && blank(body.view())) exchange.verdict.code = HecCode::no_data;
  co_return !exchange.body.gone && exchange.verdict.code == HecCode::success;
}

std::unique_ptr<ingest::Batch> HecConnection::make_batch(const Exchange& exchange, const HecToken& token,
                                                         ingest::Buffer body) const {
  auto batch = std::make_unique<ingest::Batch>();
  batch->body = std::move(body);
  if (exchange.target.route == HecRoute::raw) batch->format = ingest::BatchFormat::raw;
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
Awaitable<HecConnection::Outcome> HecConnection::submit(std::unique_ptr<ingest::Batch> batch) {
  stream_.wait_without_end();
  auto start = [executor = stream_.executor(), &ingest = service_.ingest](
                   auto handler, std::unique_ptr<ingest::Batch> batch) {
    // The batch outlives its `done`: the bytes are taken back from it there.
    batch->done = [executor, batch = batch.get(),
                   handler = std::move(handler)](const ingest::BatchResult& result) mutable {
      auto resume = [handler = std::move(handler),
                     outcome = Outcome{result, std::move(batch->body), {}}]() mutable {
        std::move(handler)(std::move(outcome));
      };
      asio::post(executor, std::move(resume));
    };
    if (!ingest.submit(batch)) batch->done(ingest::BatchResult{.envelope = {}, .stored = false});
  };
  Outcome outcome =
      co_await asio::async_initiate<const asio::use_awaitable_t<NetworkExecutor>, void(Outcome)>(
          std::move(start), use_awaitable, std::move(batch));
  co_return outcome;
}

// Likewise, but only until the events are evaluated, where all of them were taken: `done` then settles what
// the sender was promised. A request with a bad event is answered when those before it are stored.
Awaitable<HecConnection::Outcome> HecConnection::submit_deferred(std::unique_ptr<ingest::Batch> batch) {
  stream_.wait_without_end();
  auto start = [executor = stream_.executor(), &service = service_](auto handler,
                                                                    std::unique_ptr<ingest::Batch> batch) {
    auto deferred = std::make_shared<Deferred>();
    auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
    batch->evaluated = [executor, deferred, waiting](const ingest::BatchResult& result) {
      if (hec_verdict(result.envelope).code != HecCode::success) return;
      deferred->answered = true;
      asio::post(executor,
                 [handler = std::move(*waiting), outcome = Outcome{result, {}, deferred}]() mutable {
                   std::move(handler)(std::move(outcome));
                 });
    };
    batch->done = [executor, deferred, waiting, &service,
                   batch = batch.get()](const ingest::BatchResult& result) {
      if (deferred->answered) {
        asio::post(executor,
                   [&service, deferred, stored = result.stored, body = std::move(batch->body)]() mutable {
                     settle(service, *deferred, stored, std::move(body));
                   });
        return;
      }
      asio::post(executor, [&service, handler = std::move(*waiting),
                            outcome = Outcome{result, std::move(batch->body), {}}]() mutable {
        --service.unsettled;
        std::move(handler)(std::move(outcome));
      });
    };
    ++service.unsettled;
    if (!service.ingest.submit(batch)) batch->done(ingest::BatchResult{.envelope = {}, .stored = false});
  };
  Outcome outcome =
      co_await asio::async_initiate<const asio::use_awaitable_t<NetworkExecutor>, void(Outcome)>(
          std::move(start), use_awaitable, std::move(batch));
  co_return outcome;
}

void HecConnection::settle(HecService& service, Deferred& deferred, bool stored, ingest::Buffer body) {
  deferred.stored = stored;
  if (deferred.receipt) service.acks.settle(*deferred.receipt, stored);
  service.pool.give(std::move(body));
  --service.unsettled;
  service.request_over();
}

// Whether the next request can be found behind this one, and is worth reading the unread rest for.
bool HecConnection::stays_in_step(const Exchange& exchange, std::uint64_t unread) {
  if (exchange.body.read) return true;
  if (!exchange.parser.is_header_done() || exchange.parser.chunked()) return false;
  if (unread == 0) return true;
  if (exchange.body.begun || exchange.expects_100 || exchange.verdict.code == HecCode::too_large)
    return false;
  return unread <= kSkipLimit;
}

// Answers; true when the connection goes on.
Awaitable<bool> HecConnection::finish(Exchange& exchange, Instant started) {
  mid_request_ = false;
  if (exchange.body.gone) {
    leave();
    co_return false;
  }
  std::uint64_t unread = 0;
  if (!exchange.body.read && exchange.parser.is_header_done()) {
    unread = exchange.parser.content_length().value_or(0);
  }
  bool can_skip = stays_in_step(exchange, unread);
  exchange.framing.keep_alive = exchange.framing.keep_alive && can_skip && !service_.draining;
  std::string answer = exchange.options        ? hec_options_answer(exchange.framing)
                       : exchange.acks.empty() ? hec_answer(exchange.verdict, exchange.framing)
                                               : hec_answer(exchange.acks, exchange.framing);
  ending_ = !exchange.framing.keep_alive;
  bool written = co_await stream_.write(answer);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  service_.metrics.answered(exchange.verdict.code, took.count());
  if (!written) stream_.close();
  if (!written || !exchange.framing.keep_alive) co_return false;
  bool skipped = unread == 0 || co_await stream_.skip(unread);
  if (!skipped) stream_.close();
  co_return skipped;
}

}  // namespace hecate::daemon
