#pragma once

#include "daemon/buffer_pool.h"
#include "daemon/hec_listener.h"
#include "daemon/hec_metrics.h"
#include "daemon/hec_protocol.h"
#include "pipeline/ingest/ingest.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

// One sender's connection. For the listener's own sources only: it brings Asio and Beast with it.
namespace hecate::daemon {

// The executor is named, not type-erased: an operation then costs no allocation for it.
using HecExecutor = boost::asio::io_context::executor_type;
using HecSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, HecExecutor>;
template <typename T>
using HecAwaitable = boost::asio::awaitable<T, HecExecutor>;
inline constexpr boost::asio::use_awaitable_t<HecExecutor> use_hec_awaitable;

class HecConnection;

// What the connections of one listener share. The network thread's alone.
struct HecService {
  HecService(const Config& config, ingest::Ingest& ingest, std::function<std::string()> trouble,
             prometheus::Registry& registry, HecTimeouts timeouts)
      : tokens(config.hec.tokens),
        max_body(config.hec.max_body_bytes),
        queue_bytes(config.ingest.queue_bytes),
        ingest(ingest),
        trouble(std::move(trouble)),
        metrics(registry),
        timeouts(timeouts) {}

  HecTokens tokens;
  std::size_t max_body;
  std::size_t queue_bytes;
  ingest::Ingest& ingest;
  std::function<std::string()> trouble;
  HecMetrics metrics;
  HecTimeouts timeouts;

  BufferPool pool;
  std::size_t reading_bytes = 0;  // of bodies on their way in; at most queue_bytes
  bool draining = false;
  std::size_t in_flight = 0;  // requests between the end of their header and their answer
  std::function<void()> request_over;
  std::unordered_set<HecConnection*> connections;
};

// Reads requests one after another and answers each before it reads the next: so pipelined ones are answered
// in order. Lives in its own coroutine; the network thread's alone.
class HecConnection {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  HecConnection(HecSocket socket, HecService& service);
  ~HecConnection();
  HecConnection(const HecConnection&) = delete;
  HecConnection& operator=(const HecConnection&) = delete;

  // Until the sender leaves or is sent away.
  HecAwaitable<void> run();

  // Ends whatever the connection waits for on the network.
  void close();
  void close_if_late(Instant now);
  // The listener drains: what is being read must arrive by `bound`.
  void hurry(Instant bound);
  // Closes it; a sender in the middle of a request is told to send it again, if that can be done at once.
  void turn_away();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
  enum class Header { complete, malformed, too_large, gone };
  enum class Body { complete, malformed, too_large, busy, gone };

  bool charge(std::size_t bytes);

  // One request and its answer.
  struct Exchange {
    Parser parser;
    HecTarget target;
    HecVerdict verdict;
    HecFraming framing;
    bool options = false;      // answered with what the route takes
    bool body_begun = false;   // some of it was taken from the stream
    bool body_read = false;    // nothing of it is left there
    bool expects_100 = false;  // the sender waits to be told to go on
    bool gone = false;         // the sender is; there is nobody to answer
  };

  HecAwaitable<bool> serve_one();
  HecAwaitable<void> handle(Exchange& exchange);
  HecAwaitable<void> take_events(Exchange& exchange, const HecToken& token);
  HecAwaitable<void> take_body(Exchange& exchange, HecEncoding encoding, ingest::Buffer& body);
  [[nodiscard]] static bool stays_in_step(const Exchange& exchange, std::uint64_t unread);
  HecAwaitable<bool> finish(Exchange& exchange, Instant started);
  HecAwaitable<void> unpack(Exchange& exchange, ingest::Buffer& body);
  [[nodiscard]] std::optional<HecCode> refusal() const;
  [[nodiscard]] HecCode health() const;
  [[nodiscard]] std::unique_ptr<ingest::Batch> make_batch(const Exchange& exchange, const HecToken& token,
                                                          ingest::Buffer body) const;

  struct Outcome {
    ingest::BatchResult result;
    ingest::Buffer body;  // back from the batch
  };
  HecAwaitable<Outcome> submit(std::unique_ptr<ingest::Batch> batch);

  HecAwaitable<bool> fill();
  HecAwaitable<Header> read_header(Parser& parser);
  HecAwaitable<Body> read_sized(std::size_t length, ingest::Buffer& body);
  HecAwaitable<Body> read_chunked(Parser& parser, ingest::Buffer& body);
  HecAwaitable<bool> skip(std::size_t length);
  HecAwaitable<bool> write(std::string_view bytes);
  HecAwaitable<void> linger();

  void wait_at_most(std::chrono::milliseconds time);
  void wait_without_end() { deadline_ = Instant::max(); }

  static constexpr std::size_t kBuffer = 32 * 1024;
  HecSocket socket_;
  HecService& service_;
  std::unique_ptr<char[]> buffer_;  // bytes read and not yet used: [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Instant deadline_ = Instant::max();
  Instant bound_ = Instant::max();  // set by `hurry`
  bool mid_request_ = false;        // some of a request was read, and not all
  std::size_t charged_ = 0;         // bytes of the body in hand that are counted in reading_bytes
};

}  // namespace hecate::daemon
