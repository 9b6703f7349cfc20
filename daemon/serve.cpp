#include "daemon/admin_server.h"
#include "daemon/api.h"
#include "daemon/config.h"
#include "daemon/content.h"
#include "daemon/content_status.h"
#include "daemon/hec_listener.h"
#include "daemon/log.h"
#include "daemon/page.h"
#include "daemon/runner_thread.h"
#include "daemon/sources_answer.h"
#include "daemon/sources_thread.h"
#include "daemon/syslog_listener.h"
#include "daemon/version.h"
#include "outputs/findings.h"
#include "outputs/guid.h"
#include "outputs/outbox.h"
#include "pipeline/ingest/ingest.h"
#include "pipeline/window/runner.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

namespace hecate::daemon {
namespace {

namespace fs = std::filesystem;

// The token of a hecate that runs without configured tokens: made once, kept under state.path, and printed
// then and only then; it never goes into the log.
Result<std::string> own_token(const std::string& state_path) {
  fs::path file = fs::path(state_path) / "hec-token";
  std::string token;
  if (std::ifstream in(file); in >> token) return token;
  auto made = outputs::make_guid();
  if (!made) return made;
  if (auto folder = store::make_directory(state_path); !folder) return std::unexpected(folder.error());
  mode_t before = umask(0077);
  std::ofstream out(file);
  umask(before);
  out << *made << '\n';
  out.close();
  if (!out)
    return fail(
        fmt::format("{}: cannot be written; give hecate a folder of its own with state.path", file.string()));
  fmt::print(stderr, "hecate made a HEC token for its senders: {} (kept in {})\n", *made, file.string());
  return *made;
}

Result<Config> read_config(const ServeOptions& options) {
  Config config;
  if (!options.config.empty()) {
    auto loaded = load_config(options.config);
    if (!loaded) return loaded;
    config = std::move(*loaded);
  }
  if (config.detections.detections.empty()) config.detections.detections.emplace_back(catalogue::kBuiltin);
  return config;
}

// What the configuration names; everything must load, or nothing is replaced. Warnings are logged.
catalogue::LoadResult load_catalogue(const Config& config) {
  catalogue::LoadResult loaded = catalogue::load(config.detections);
  for (const catalogue::Refused& each : loaded.warnings) spdlog::warn("{}", to_line(each));
  return loaded;
}

// Why it cannot be taken; empty when it can.
std::string why_not(const catalogue::LoadResult& loaded) {
  if (!loaded.refused.empty()) {
    std::string all;
    for (const catalogue::Refused& each : loaded.refused) all += "\n  " + to_line(each);
    return fmt::format("{} of the detections do not load; mend or disable them:{}", loaded.refused.size(),
                       all);
  }
  if (loaded.catalogue->detections.empty())
    return "there are no detections to run; name files or folders under detections.paths";
  return {};
}

// The way of an event, put together. Members are in the order in which they depend on each other; they are
// destroyed in reverse, so that everything handed on is still taken.
class Daemon {
 public:
  static Result<std::unique_ptr<Daemon>> start(ServeOptions options, Config config) {
    auto daemon = std::unique_ptr<Daemon>(new Daemon(std::move(options), std::move(config)));
    if (auto done = daemon->start(); !done) return std::unexpected(done.error());
    return daemon;
  }

  // Reads the configuration again and takes its detections and macros, if all of them load.
  void reload() {
    auto config = read_config(options_);
    if (!config) return refuse_reload(config.error().message, config.error().message, {});
    catalogue::LoadResult loaded = load_catalogue(*config);
    if (std::string why = why_not(loaded); !why.empty())
      return refuse_reload(why, loaded.refused.empty() ? why : "", std::move(loaded.refused));
    content_.accept(loaded, clock_.now());
    runner_thread_->set_catalogue(loaded.catalogue);
    if (auto keys = restart_keys(config_.given, config->given); !keys.empty())
      spdlog::warn("the reload has not applied changes of {}: they need a restart", fmt::join(keys, ", "));
  }

  void stop() {
    spdlog::info("stopping: answering what is in flight");
    hec_->drain();
    if (syslog_) syslog_->drain();
    ingest_->barrier();
  }

 private:
  Daemon(ServeOptions options, Config config) : options_(std::move(options)), config_(std::move(config)) {
    show_build(registry_);
  }

  void refuse_reload(const std::string& all, std::string why, std::vector<catalogue::Refused> refused) {
    spdlog::error("reload refused, the old detections stay: {}", all);
    content_.refuse(clock_.now(), std::move(why), std::move(refused));
  }

  Result<void> start() {
    catalogue::LoadResult loaded = load_catalogue(config_);
    if (std::string why = why_not(loaded); !why.empty()) return fail(why);
    content_.accept(loaded, clock_.now());
    if (auto done = open_state(); !done) return done;
    if (auto done = start_outputs(); !done) return done;
    if (auto done = start_pipeline(loaded.catalogue); !done) return done;
    return start_listeners();
  }

  Result<void> open_state() {
    auto store = store::Store::open(config_.state_path, clock_, registry_, config_.store);
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    auto reader = store_->reader();
    if (!reader) return std::unexpected(reader.error());
    api_reader_ = std::move(*reader);
    return {};
  }

  Result<void> start_outputs() {
    config_.findings.deliver = config_.output.has_value();
    auto findings = outputs::Findings::make(*store_, config_.findings, registry_,
                                            [this](std::string_view json) { tell(json); });
    if (!findings) return std::unexpected(findings.error());
    findings_ = std::move(*findings);
    if (!config_.output) return {};
    auto outbox = outputs::Outbox::start(*store_, clock_, *config_.output, registry_);
    if (!outbox) return std::unexpected(outbox.error());
    outbox_ = std::move(*outbox);
    return {};
  }

  // With an output configured the finding is on its way; without one, standard output is the output.
  void tell(std::string_view json) {
    if (outbox_) return outbox_->wake();
    std::string line = fmt::format("{}\n", json);
    bool written =
        std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fflush(stdout) == 0;
    int why = errno;
    if (!written) std::clearerr(stdout);
    if (written || output_broken_.exchange(true)) return;
    spdlog::error(
        "findings cannot be written to standard output: {}; they are stored all the same, see /api/findings; "
        "this is logged once",
        std::strerror(why));
  }

  Result<void> start_pipeline(std::shared_ptr<const catalogue::Catalogue> catalogue) {
    std::vector<std::string> inputs{"hec"};
    for (const SyslogInput& each : config_.syslog) inputs.push_back(each.name);
    auto sources = sources::Sources::open(*store_, clock_, config_.sources, registry_);
    if (!sources) return std::unexpected(sources.error());
    sources_ = std::move(*sources);
    sources_thread_ = std::make_unique<SourcesThread>(*sources_);
    ingest_ = ingest::Ingest::make(*store_, clock_, time_bounds_, config_.ingest, registry_, inputs,
                                   sources_.get());
    auto runner = window::Runner::make(
        *store_, clock_, *findings_, time_bounds_, [this] { ingest_->barrier(); }, config_.windows,
        registry_);
    if (!runner) return std::unexpected(runner.error());
    runner_ = std::move(*runner);
    runner_->set_feed_listener([this](const catalogue::Feed& feed) { ingest_->set_feed(feed); });
    if (auto set = runner_->set_catalogue(catalogue); !set) return set;
    store_->set_commit_hook([this](store::Database& database, const store::DeltaSet& deltas) {
      return runner_->committing(database, deltas);
    });
    store_->set_commit_listener([this](const store::DeltaSet& deltas) { runner_->committed(deltas); });
    runner_thread_ = std::make_unique<RunnerThread>(*runner_, clock_, [](const auto& accepted) {
      spdlog::info("reloaded: {} detections", accepted->detections.size());
    });
    spdlog::info("{} detections loaded", catalogue->detections.size());
    return {};
  }

  Result<void> start_listeners() {
    api_ = std::make_unique<Api>(Api::Subject{.config = config_,
                                              .store = *store_,
                                              .reader = *api_reader_,
                                              .registry = registry_,
                                              .content = content_,
                                              .clock = clock_});
    auto admin = AdminServer::start(config_.admin.listen, config_.admin.token, routes(), true,
                                    [this] { api_->tick(); });
    if (!admin) return std::unexpected(admin.error());
    admin_ = std::move(*admin);
    auto hec = HecListener::start(config_, *ingest_, [this] { return store_->can_store(); }, registry_);
    if (!hec) return std::unexpected(hec.error());
    hec_ = std::move(*hec);
    if (!config_.syslog.empty()) {
      auto syslog =
          SyslogListener::start(config_, 1, *ingest_, [this] { return store_->can_store(); }, registry_);
      if (!syslog) return std::unexpected(syslog.error());
      syslog_ = std::move(*syslog);
      for (std::size_t i = 0; i < config_.syslog.size(); ++i)
        spdlog::info("{}: {} on port {}", config_.syslog[i].name, name_of(config_.syslog[i].protocol),
                     syslog_->port(i));
    }
    spdlog::info("ready: HEC on port {}, admin on port {}, state in {}", hec_->port(), admin_->port(),
                 config_.state_path);
    return {};
  }

  std::map<std::string, AdminServer::Handler> routes() {
    std::map<std::string, AdminServer::Handler> routes{
        {"/metrics",
         [this](const AdminRequest&) {
           sources_->gather();
           return AdminAnswer{200, "text/plain; version=0.0.4; charset=utf-8",
                              prometheus::TextSerializer().Serialize(registry_.Collect())};
         }},
        {"/healthz", [](const AdminRequest&) { return AdminAnswer{200, "text/plain", "ok\n"}; }},
        {"/readyz",
         [this](const AdminRequest&) {
           std::string trouble = store_->trouble();
           if (trouble.empty()) return AdminAnswer{200, "text/plain", "ready\n"};
           return AdminAnswer{503, "text/plain", trouble + "\n"};
         }},
        {"/api/sources", [this](const AdminRequest& request) { return sources_answer(*sources_, request); }},
    };
    routes.merge(api_->routes());
    routes.merge(page_routes());
    return routes;
  }

  ServeOptions options_;
  Config config_;
  SystemClock clock_;
  prometheus::Registry registry_;
  match::SharedTimeBounds time_bounds_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Database> api_reader_;
  std::unique_ptr<outputs::Findings> findings_;
  std::unique_ptr<outputs::Outbox> outbox_;
  std::unique_ptr<window::Runner> runner_;
  std::unique_ptr<sources::Sources> sources_;
  std::unique_ptr<SourcesThread> sources_thread_;
  std::unique_ptr<ingest::Ingest> ingest_;
  std::unique_ptr<RunnerThread> runner_thread_;
  SharedContentStatus content_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<HecListener> hec_;
  std::unique_ptr<SyslogListener> syslog_;
  std::atomic<bool> output_broken_{false};

 public:
  ~Daemon() {
    syslog_.reset();
    hec_.reset();
    admin_.reset();
    runner_thread_.reset();
    ingest_.reset();
    sources_thread_.reset();
    // The journal's thread calls the runner after commits; it must be at rest before the runner goes.
    if (!store_) return;
    store_->set_commit_listener({});
    store_->set_commit_hook({});
  }
};

// Signals come to this thread only, one after another; all others were started with them blocked.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, each);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

int refuse(const std::string& why) {
  spdlog::error("{}", why);
  return 2;
}

}  // namespace

int serve(const ServeOptions& options) {
  sigset_t signals = block_signals();
  start_logging("info");
  auto config = read_config(options);
  if (!config) return refuse(config.error().message);
  start_logging(config->log_level);
  if (config->hec.tokens.empty()) {
    auto token = own_token(config->state_path);
    if (!token) return refuse(token.error().message);
    spdlog::info("no token is configured; senders use the one in {}/hec-token", config->state_path);
    HecToken own;
    own.name = "default";
    own.token = *token;
    config->hec.tokens.push_back(std::move(own));
  }
  auto daemon = Daemon::start(options, std::move(*config));
  if (!daemon) return refuse(daemon.error().message);
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    (*daemon)->reload();
  }
  (*daemon)->stop();
  daemon->reset();
  spdlog::info("stopped");
  return 0;
}

}  // namespace hecate::daemon
