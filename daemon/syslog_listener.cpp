#include "daemon/syslog_listener.h"

#include "daemon/accept.h"
#include "daemon/listen.h"
#include "daemon/syslog_datagrams.h"
#include "daemon/syslog_stream.h"

#include <algorithm>
#include <csignal>
#include <deque>
#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <pthread.h>
#include <spdlog/spdlog.h>

namespace hecate::daemon {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

Awaitable<void> run_stream(std::unique_ptr<SyslogStream> stream) {
  co_await stream->run();
}

// One input: its port, and what its connections or datagrams need.
struct Input {
  Input(asio::io_context& io, const SyslogInput& config, prometheus::Registry& registry)
      : config(config),
        metrics(registry, config.name, config.protocol == SyslogInput::Protocol::udp),
        acceptor(io),
        socket(io) {}

  const SyslogInput& config;
  SyslogMetrics metrics;
  TcpAcceptor acceptor;  // of tcp and tls
  UdpSocket socket;      // of udp
  int port = 0;
  std::unique_ptr<SyslogBatcher> batcher;
  std::unique_ptr<SyslogStreams> streams;      // of tcp and tls
  std::unique_ptr<SyslogDatagrams> datagrams;  // of udp
  std::unique_ptr<ConnectionIntake> intake;    // of tcp and tls
  bool full = false;                           // it was told that connections are turned away
};

class Listener final : public SyslogListener {
 public:
  Listener(const Config& config, ingest::Ingest& ingest, std::function<bool()> can_store,
           SyslogTimeouts timeouts)
      : configs_(config.syslog),
        timeouts_(timeouts),
        flow_(io_, ingest, std::move(can_store), config.ingest.queue_bytes / 2, timeouts.retry),
        sweep_timer_(io_),
        give_up_timer_(io_) {
    flow_.set_rest_listener([this] { finish_if_drained(); });
  }

  ~Listener() override {
    if (!thread_.joinable()) return;
    drain();
    thread_.join();
  }

  Result<void> open(std::size_t first_input, prometheus::Registry& registry) {
    for (const SyslogInput& config : configs_) {
      Input& input = inputs_.emplace_back(io_, config, registry);
      std::size_t number = inputs_.size() - 1;
      if (auto done = open(input, first_input + number, fmt::format("inputs.syslog[{}].", number), registry);
          !done)
        return done;
    }
    return {};
  }

  void run() {
    for (Input& input : inputs_) {
      ++at_work_;
      if (input.datagrams)
        asio::co_spawn(io_, receive(input), end_with_its_error);
      else
        asio::co_spawn(io_, accept(input), end_with_its_error);
    }
    asio::co_spawn(io_, sweep(), end_with_its_error);
    thread_ = std::thread([this] {
      // OpenSSL writes to sockets whose other end may be gone.
      sigset_t pipe;
      sigemptyset(&pipe);
      sigaddset(&pipe, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
      io_.run();
    });
  }

  [[nodiscard]] int port(std::size_t input) const override { return inputs_[input].port; }

  void drain() override {
    asio::post(io_, [this] { start_drain(); });
    drained_.wait();
  }

 private:
  Result<void> open(Input& input, std::size_t number, const std::string& at, prometheus::Registry& registry) {
    const SyslogInput& config = input.config;
    std::string key = at + "listen";
    bool datagrams = config.protocol == SyslogInput::Protocol::udp;
    if (datagrams) {
      auto bound = bind_port<udp>(input.socket, config.listen, key);
      if (!bound) return std::unexpected(bound.error());
      input.port = bound->port();
    } else {
      auto bound = bind_port<tcp>(input.acceptor, config.listen, key);
      if (!bound) return std::unexpected(bound.error());
      input.port = bound->port();
    }
    auto events = std::make_shared<syslog::EventDefaults>(config.events);
    if (events->source.empty()) events->source = fmt::format("{}:{}", name_of(config.protocol), input.port);
    input.batcher = std::make_unique<SyslogBatcher>(io_, flow_, number, input.metrics, std::move(events));
    if (datagrams) {
      input.datagrams =
          std::make_unique<SyslogDatagrams>(input.socket, config, flow_, *input.batcher, input.metrics);
      return {};
    }
    std::unique_ptr<TlsServer> tls;
    if (config.protocol == SyslogInput::Protocol::tls) {
      auto loaded = TlsServer::load(config.tls, at, config.name, registry);
      if (!loaded) return std::unexpected(loaded.error());
      tls = std::move(*loaded);
    }
    input.streams.reset(new SyslogStreams{.config = config,
                                          .timeouts = timeouts_,
                                          .flow = flow_,
                                          .batcher = *input.batcher,
                                          .metrics = input.metrics,
                                          .tls = std::move(tls),
                                          .unfinished_bytes = unfinished_bytes_,
                                          .stream_over = [this] { finish_if_drained(); }});
    input.intake = std::make_unique<ConnectionIntake>(
        input.acceptor, config.name, [] { return true; },
        [this, &input](TcpSocket socket) { take(input, std::move(socket)); }, registry);
    return {};
  }

  Awaitable<void> receive(Input& input) {
    co_await input.datagrams->run();
    over();
  }

  Awaitable<void> accept(Input& input) {
    co_await input.intake->run();
    over();
  }

  [[nodiscard]] std::size_t connections() const {
    std::size_t count = 0;
    for (const Input& each : inputs_) count += each.streams ? each.streams->all.size() : 0;
    return count;
  }

  void take(Input& input, TcpSocket socket) {
    if (input.streams->all.size() >= static_cast<std::size_t>(input.config.max_connections))
      return refuse(input, SyslogRefusal::limit, "max_connections");
    if (connections() >= most_connections_)
      return refuse(input, SyslogRefusal::files, "the limit of open files (ulimit -n, LimitNOFILE)");
    input.full = false;
    auto stream = std::make_unique<SyslogStream>(std::move(socket), *input.streams);
    if (draining_) stream->drain();
    asio::co_spawn(io_, run_stream(std::move(stream)), asio::detached);
  }

  // The socket is closed as this returns to whoever took it in.
  static void refuse(Input& input, SyslogRefusal reason, std::string_view limit) {
    input.metrics.refused(reason);
    if (!std::exchange(input.full, true)) {
      spdlog::warn("{}: there are {} connections; more are turned away: raise {}", input.config.name,
                   input.streams->all.size(), limit);
    }
  }

  // One look over all connections now and then costs less than a timer for each read.
  Awaitable<void> sweep() {
    auto shortest = std::min({timeouts_.handshake, timeouts_.progress, timeouts_.closing});
    for (const SyslogInput& each : configs_)
      shortest = std::min(shortest, std::chrono::milliseconds(each.idle / kMillisecond));
    auto pause = std::clamp(shortest / 4, std::chrono::milliseconds(1), std::chrono::milliseconds(500));
    while (!finished_) {
      error_code ignored;
      sweep_timer_.expires_after(pause);
      co_await sweep_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
      auto now = std::chrono::steady_clock::now();
      for (Input& input : inputs_) {
        if (input.datagrams) input.datagrams->count_kernel_drops();
        if (!input.streams) continue;
        for (SyslogStream* stream : input.streams->all) stream->close_if_late(now);
        if (input.streams->tls) input.streams->tls->refresh();
      }
    }
  }

  void start_drain() {
    if (draining_) return;
    draining_ = true;
    for (Input& input : inputs_) {
      if (input.datagrams) input.datagrams->drain();
      if (!input.streams) continue;
      input.intake->finish();
      for (SyslogStream* stream : input.streams->all) stream->drain();
    }
    (void)flow_.take_stored();
    wait_for_storing();
    finish_if_drained();
  }

  // As long as anything is stored, what has arrived will be.
  void wait_for_storing() {
    give_up_timer_.expires_after(timeouts_.closing);
    give_up_timer_.async_wait([this](const error_code& cancelled) {
      if (cancelled) return;
      if (flow_.take_stored()) return wait_for_storing();
      flow_.give_up();
    });
  }

  void over() {
    --at_work_;
    finish_if_drained();
  }

  // After this nothing is left to do for the network thread: it ends by itself.
  void finish_if_drained() {
    if (!draining_ || finished_ || at_work_ > 0) return;
    for (Input& input : inputs_) {
      if (input.streams && !input.streams->all.empty()) return;
      input.batcher->send_now();
    }
    if (!flow_.at_rest()) return;
    finished_ = true;
    sweep_timer_.cancel();
    give_up_timer_.cancel();
    drained_promise_.set_value();
  }

  const std::vector<SyslogInput> configs_;
  const SyslogTimeouts timeouts_;
  // HEC has the other half.
  const std::size_t most_connections_ = most_connections(2);
  std::size_t unfinished_bytes_ = 0;
  asio::io_context io_{1};
  SyslogFlow flow_;
  std::deque<Input> inputs_;
  NetworkTimer sweep_timer_;
  NetworkTimer give_up_timer_;
  std::size_t at_work_ = 0;  // coroutines that take connections or datagrams in
  bool draining_ = false;
  bool finished_ = false;
  std::promise<void> drained_promise_;
  std::shared_future<void> drained_ = drained_promise_.get_future().share();
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<SyslogListener>> SyslogListener::start(const Config& config, std::size_t first_input,
                                                              ingest::Ingest& ingest,
                                                              std::function<bool()> can_store,
                                                              prometheus::Registry& registry,
                                                              SyslogTimeouts timeouts) {
  auto listener = std::make_unique<Listener>(config, ingest, std::move(can_store), timeouts);
  if (auto opened = listener->open(first_input, registry); !opened) return std::unexpected(opened.error());
  listener->run();
  return listener;
}

}  // namespace hecate::daemon
