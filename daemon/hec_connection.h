#pragma once

#include "daemon/hec_body.h"
#include "daemon/hec_service.h"
#include "daemon/hec_stream.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

// One sender's connection. For the listener's own sources only: it brings Asio and Beast with it.
namespace hecate::daemon {

// Reads requests one after another and answers each before it reads the next: so pipelined ones are answered
// in order. Lives in its own coroutine; the network thread's alone.
class HecConnection {
 public:
  using Instant = HecStream::Instant;

  HecConnection(TcpSocket socket, HecService& service);
  ~HecConnection();
  HecConnection(const HecConnection&) = delete;
  HecConnection& operator=(const HecConnection&) = delete;

  // Until the sender leaves or is sent away.
  Awaitable<void> run();

  void close_if_late(Instant now);
  // The listener drains: what is being read must arrive by `bound`.
  void hurry(Instant bound) { stream_.set_bound(bound); }
  // Closes it; a sender in the middle of a request is told to send it again, if that can be done at once.
  void turn_away();

 private:
  void leave();
  using Parser = HecBodyReader::Parser;
  enum class Header { complete, malformed, too_large, gone };

  // One request and its answer.
  struct Exchange {
    Parser parser;
    HecTarget target;
    HecVerdict verdict;
    HecFraming framing;
    HecBodyReader::End body;
    std::string acks;          // the answer to a query of acknowledgements
    bool options = false;      // answered with what the route takes
    bool expects_100 = false;  // the sender waits to be told to go on
  };

  Awaitable<bool> serve_one();
  Awaitable<Header> read_header(Parser& parser);
  Awaitable<void> handle(Exchange& exchange);
  Awaitable<void> handle_post(Exchange& exchange);
  Awaitable<void> take_events(Exchange& exchange, const HecToken& token, const HecChannel& channel);
  Awaitable<void> tell_acks(Exchange& exchange, const HecChannel& channel);
  Awaitable<bool> take_body(Exchange& exchange, HecEncoding encoding, std::size_t limit,
                            ingest::Buffer& body);
  [[nodiscard]] static bool stays_in_step(const Exchange& exchange, std::uint64_t unread);
  Awaitable<bool> finish(Exchange& exchange, Instant started);
  [[nodiscard]] std::optional<HecCode> refusal() const;
  [[nodiscard]] HecCode health() const;
  [[nodiscard]] std::unique_ptr<ingest::Batch> make_batch(const Exchange& exchange, const HecToken& token,
                                                          ingest::Buffer body) const;

  // A request whose answer goes before its commit.
  struct Deferred {
    std::optional<HecAcks::Receipt> receipt = {};
    std::optional<bool> stored = {};
    bool answered = false;  // on a worker first, then where `done` runs; these follow each other
  };
  struct Outcome {
    ingest::BatchResult result;
    ingest::Buffer body;                 // back from the batch, but for a deferred one
    std::shared_ptr<Deferred> deferred;  // set where the commit is still to come
  };
  Awaitable<Outcome> submit(std::unique_ptr<ingest::Batch> batch);
  Awaitable<Outcome> submit_deferred(std::unique_ptr<ingest::Batch> batch);
  static void settle(HecService& service, Deferred& deferred, bool stored, ingest::Buffer body);

  HecService& service_;
  HecStream stream_;
  HecBodyReader body_;
  bool mid_request_ = false;  // some of a request was read, and not all
  bool ending_ = false;       // the last answer is written; only the sender's end is waited for
};

}  // namespace hecate::daemon
