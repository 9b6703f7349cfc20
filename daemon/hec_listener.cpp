#include "daemon/hec_listener.h"

#include "daemon/accept.h"
#include "daemon/hec_connection.h"
#include "daemon/listen.h"

#include <algorithm>
#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

namespace hecate::daemon {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

Awaitable<void> run_connection(std::unique_ptr<HecConnection> connection) {
  co_await connection->run();
}

class Listener final : public HecListener {
 public:
  Listener(const Config& config, ingest::Ingest& ingest, std::function<bool()> can_store,
           prometheus::Registry& registry, HecTimeouts timeouts, HecAckLimits acks)
      : service_(config, ingest, std::move(can_store), registry, timeouts, acks),
        acceptor_(io_),
        intake_(
            acceptor_, "hec", [this] { return service_.connections.size() < most_connections_; },
            [this](TcpSocket socket) { take(std::move(socket)); }, registry),
        sweep_timer_(io_),
        most_connections_(most_connections(config.syslog.empty() ? 1 : 2)) {
    service_.request_over = [this] { finish_if_drained(); };
  }

  ~Listener() override {
    if (!thread_.joinable()) return;
    drain();
    thread_.join();
  }

  Result<void> load_tls(const TlsFiles& files, prometheus::Registry& registry) {
    if (files.cert_file.empty()) return {};
    auto loaded = TlsServer::load(files, "inputs.hec.tls.", "hec", registry);
    if (!loaded) return std::unexpected(loaded.error());
    service_.tls = std::move(*loaded);
    return {};
  }

  Result<void> bind(const std::string& listen) {
    auto bound = open_port(acceptor_, listen, "inputs.hec.listen");
    if (!bound) return std::unexpected(bound.error());
    port_ = bound->port();
    return {};
  }

  void run() {
    asio::co_spawn(io_, intake_.run(), end_with_its_error);
    asio::co_spawn(io_, sweep(), end_with_its_error);
    thread_ = std::thread([this] { io_.run(); });
  }

  [[nodiscard]] int port() const override { return port_; }

  void drain() override {
    asio::post(io_, [this] {
      if (service_.draining) return;
      service_.draining = true;
      auto bound = std::chrono::steady_clock::now() + service_.timeouts.closing;
      for (HecConnection* connection : service_.connections) connection->hurry(bound);
      finish_if_drained();
    });
    drained_.wait();
  }

 private:
  void take(TcpSocket socket) {
    // Accepted while the last request was answered: nobody is left who would close it.
    if (closed_) return;
    asio::co_spawn(io_, run_connection(std::make_unique<HecConnection>(std::move(socket), service_)),
                   asio::detached);
  }

  // One look over all connections now and then costs less than a timer for each read.
  Awaitable<void> sweep() {
    const HecTimeouts& t = service_.timeouts;
    auto pause = std::clamp(std::min({t.idle, t.header, t.progress, t.closing, t.channel}) / 4,
                            std::chrono::milliseconds(1), std::chrono::milliseconds(1000));
    while (!finished_) {
      error_code ignored;
      sweep_timer_.expires_after(pause);
      co_await sweep_timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
      auto now = std::chrono::steady_clock::now();
      for (HecConnection* connection : service_.connections) connection->close_if_late(now);
      service_.acks.forget_idle(now - t.channel);
      service_.metrics.acks(service_.acks.channels(), service_.acks.ids());
      if (service_.tls) service_.tls->refresh();
    }
  }

  void finish_if_drained() {
    if (!service_.draining || service_.in_flight > 0 || service_.unsettled > 0) return;
    if (!std::exchange(closed_, true)) {
      error_code ignored;
      acceptor_.close(ignored);
      for (HecConnection* connection : service_.connections) connection->turn_away();
      drained_promise_.set_value();
    }
    // After this nothing is left to do for the network thread: it ends by itself.
    if (finished_ || !service_.connections.empty()) return;
    finished_ = true;
    sweep_timer_.cancel();
  }

  HecService service_;
  asio::io_context io_{1};
  TcpAcceptor acceptor_;
  ConnectionIntake intake_;
  NetworkTimer sweep_timer_;
  const std::size_t most_connections_;
  int port_ = 0;
  bool closed_ = false;    // all are answered, and no connection is taken any more
  bool finished_ = false;  // and all have gone
  std::promise<void> drained_promise_;
  std::shared_future<void> drained_ = drained_promise_.get_future().share();
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HecListener>> HecListener::start(const Config& config, ingest::Ingest& ingest,
                                                        std::function<bool()> can_store,
                                                        prometheus::Registry& registry, HecTimeouts timeouts,
                                                        HecAckLimits acks) {
  auto listener = std::make_unique<Listener>(config, ingest, std::move(can_store), registry, timeouts, acks);
  if (auto loaded = listener->load_tls(config.hec.tls, registry); !loaded)
    return std::unexpected(loaded.error());
  if (auto bound = listener->bind(config.hec.listen); !bound) return std::unexpected(bound.error());
  listener->run();
  return listener;
}

}  // namespace hecate::daemon
