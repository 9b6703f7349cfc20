#include "outputs/outbox.h"

#include "outputs/findings.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>

namespace hecate::outputs {
namespace {

using std::chrono::milliseconds;

// At least this often the age of the oldest envelope is brought up to date while nothing can be posted.
constexpr milliseconds kLongestPause{1000};
// A request in flight has this long to end when the outbox stops; what it carried stays and is posted again.
constexpr milliseconds kStopPatience{2000};

struct Pending {
  std::int64_t seq;
  std::string finding;
  std::string kind;
  std::string payload;
  Time queued;
};

// What an answer means for the envelopes of its request.
enum class Verdict {
  taken,     // they leave the outbox
  later,     // all again after a back-off
  poisoned,  // at least one of them will never be taken
};

Verdict judge(const HecAnswer& answer) {
  if (answer.accepted()) return Verdict::taken;
  if (answer.status == 413) return Verdict::poisoned;
  if (answer.status != 400) return Verdict::later;
  // Of the 400s these speak about events; the others (no channel, acknowledgement) about how the endpoint is
  // set up, and one without a code is no HEC endpoint's: a proxy or a port that wants TLS.
  for (int code : {5, 6, 7, 12, 13, 15})
    if (answer.code == code) return Verdict::poisoned;
  return Verdict::later;
}

const char* outcome_name(const Result<HecAnswer>& answer) {
  if (!answer) return "no_answer";
  if (answer->accepted()) return "accepted";
  if (answer->status == 429 || answer->status >= 500) return "busy";
  return "refused";
}

struct Metrics {
  explicit Metrics(prometheus::Registry& registry)
      : size(prometheus::BuildGauge()
                 .Name("hecate_outbox_findings")
                 .Help("Envelopes (findings and risk events) still to be posted")
                 .Register(registry)
                 .Add({})),
        oldest_age(prometheus::BuildGauge()
                       .Name("hecate_outbox_oldest_age_seconds")
                       .Help("How long the oldest of them has waited; 0 when there is none")
                       .Register(registry)
                       .Add({})),
        parked(prometheus::BuildCounter()
                   .Name("hecate_outbox_parked_total")
                   .Help("Envelopes that the endpoint refuses by themselves, put aside")
                   .Register(registry)
                   .Add({})),
        posts(prometheus::BuildCounter()
                  .Name("hecate_outbox_posts_total")
                  .Help("Requests to the endpoint, by outcome")
                  .Register(registry)) {}

  prometheus::Gauge& size;
  prometheus::Gauge& oldest_age;
  prometheus::Counter& parked;
  prometheus::Family<prometheus::Counter>& posts;
};

class PostingOutbox final : public Outbox {
 public:
  PostingOutbox(store::Store& store, const Clock& clock, OutboxOptions options,
                std::unique_ptr<store::Database> reader, std::unique_ptr<HecClient> client,
                prometheus::Registry& registry)
      : store_(store),
        clock_(clock),
        options_(std::move(options)),
        reader_(std::move(reader)),
        client_(std::move(client)),
        metrics_(registry),
        thread_([this] { work(); }) {}

  ~PostingOutbox() override {
    std::unique_lock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    if (!changed_.wait_for(lock, kStopPatience, [this] { return ended_; })) client_->cancel();
    lock.unlock();
    thread_.join();
  }

  void wake() override {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }

 private:
  void work() {
    while (!stopping()) {
      if (auto drained = drain(); !drained) {
        if (stopping()) break;
        spdlog::error("the outbox waits: {}", drained.error().message);
        back_off();
      } else {
        wait(kLongestPause, true);
      }
    }
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  [[nodiscard]] bool stopping() {
    std::lock_guard lock(mutex_);
    return stop_;
  }

  // Posts until nothing is left. An error: it could not go on; everything not confirmed is still there.
  Result<void> drain() {
    if (auto counted = count(); !counted) return counted;
    while (!stopping()) {
      auto batch = next_batch();
      if (!batch) return std::unexpected(batch.error());
      oldest_ = batch->empty() ? 0 : batch->front().queued;
      show_age();
      if (batch->empty()) {
        show_size(0);
        return {};
      }
      // More came while others were posted.
      if (size_ < batch->size())
        if (auto counted = count(); !counted) return counted;
      if (auto posted = post(*batch); !posted) return posted;
      failures_ = 0;
    }
    return {};
  }

  Result<void> count() {
    auto statement =
        reader_->prepare("SELECT count(*) FROM outbox WHERE run IN (SELECT run FROM run WHERE done = 1)");
    if (!statement) return std::unexpected(statement.error());
    auto row = (*statement)->step();
    if (!row) return std::unexpected(row.error());
    show_size(static_cast<std::size_t>((*statement)->integer(0)));
    (*statement)->reset();
    return {};
  }

  Result<std::vector<Pending>> next_batch() {
    auto statement = reader_->prepare(
        "SELECT o.seq, o.finding, o.kind, o.payload, o.queued FROM outbox o JOIN run r ON r.run = o.run"
        " WHERE r.done = 1 ORDER BY o.seq LIMIT ?");
    if (!statement) return std::unexpected(statement.error());
    store::Statement& rows = **statement;
    rows.bind(1, static_cast<std::int64_t>(std::max(1, options_.batch)));
    std::vector<Pending> batch;
    for (;;) {
      auto more = rows.step();
      if (!more) return std::unexpected(more.error());
      if (!*more) return batch;
      batch.push_back({rows.integer(0), std::string(rows.text(1)), std::string(rows.text(2)),
                       std::string(rows.text(3)), rows.integer(4)});
    }
  }

  // A batch that holds something the endpoint refuses is halved until that stands alone and is put aside.
  Result<void> post(std::span<const Pending> batch) {
    std::string body;
    for (const Pending& each : batch) body.append(each.payload).append("\n");
    auto answer = client_->post(body);
    metrics_.posts.Add({{"outcome", outcome_name(answer)}}).Increment();
    if (!answer) return std::unexpected(answer.error());
    switch (judge(*answer)) {
      case Verdict::taken:
        return remove(batch);
      case Verdict::later:
        return fail(fmt::format("{} answered {} code {} ({}); it is tried again. {}", options_.endpoint.url,
                                answer->status, answer->code, answer->text, advice(*answer)));
      case Verdict::poisoned:
        break;
    }
    if (batch.size() == 1) return park(batch.front(), *answer);
    std::size_t half = batch.size() / 2;
    if (auto done = post(batch.first(half)); !done) return done;
    return post(batch.subspan(half));
  }

  static std::string_view advice(const HecAnswer& answer) {
    if (answer.status == 401 || answer.status == 403) return "Check the token of outputs.hec.";
    if (answer.status == 429 || answer.status >= 500) return "The endpoint is busy or stopping.";
    if (answer.status == 404 || answer.code == -1)
      return "Check the URL of outputs.hec: this is no HEC endpoint.";
    return "Check the token's settings at the endpoint.";
  }

  Result<void> remove(std::span<const Pending> batch) {
    auto removed = store_.write_and_wait([batch](store::Database& database) -> Result<void> {
      for (const Pending& each : batch) {
        auto statement = database.prepare("DELETE FROM outbox WHERE seq = ?");
        if (!statement) return std::unexpected(statement.error());
        (*statement)->bind(1, each.seq);
        if (auto done = (*statement)->run(); !done) return done;
      }
      return {};
    });
    if (removed) show_size(size_ - std::min(size_, batch.size()));
    return removed;
  }

  Result<void> park(const Pending& poison, const HecAnswer& answer) {
    spdlog::error(
        "finding {} ({}) is refused by {} with {} code {} ({}) and was put aside in the table `parked`; "
        "check the "
        "index that it goes to and the endpoint's size limit",
        poison.finding, poison.kind, options_.endpoint.url, answer.status, answer.code, answer.text);
    Time now = clock_.now();
    auto parked = store_.write_and_wait([&poison, &answer, now](store::Database& database) -> Result<void> {
      auto statement = database.prepare(
          "INSERT OR REPLACE INTO parked (seq, finding, kind, payload, status, code, answer, parked_at)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
      if (!statement) return std::unexpected(statement.error());
      (*statement)->bind(1, poison.seq).bind_text(2, poison.finding).bind_text(3, poison.kind);
      (*statement)->bind_text(4, poison.payload).bind(5, static_cast<std::int64_t>(answer.status));
      (*statement)->bind(6, static_cast<std::int64_t>(answer.code)).bind_text(7, answer.text).bind(8, now);
      return (*statement)->run();
    });
    if (!parked) return parked;
    metrics_.parked.Increment();
    return remove(std::span(&poison, 1));
  }

  void show_size(std::size_t size) {
    size_ = size;
    metrics_.size.Set(static_cast<double>(size));
  }

  void show_age() {
    Time age = oldest_ == 0 ? 0 : std::max<Time>(0, clock_.now() - oldest_);
    metrics_.oldest_age.Set(static_cast<double>(age) / static_cast<double>(kSecond));
  }

  // Doubling from the first retry to the longest; of each between half and all, so that many do not come at
  // once.
  void back_off() {
    milliseconds longest = options_.first_retry * (1LL << std::min(failures_, 20));
    longest = std::min(longest, options_.longest_retry);
    ++failures_;
    std::uniform_int_distribution<std::int64_t> jitter(longest.count() / 2, longest.count());
    auto until = std::chrono::steady_clock::now() + milliseconds(jitter(random_));
    while (!stopping()) {
      auto left = std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return;
      wait(std::min(left, kLongestPause), false);
      show_age();
    }
  }

  // Until `pause` is over, the outbox stops, or, if that counts, there is something new.
  void wait(milliseconds pause, bool until_woken) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [&] { return stop_ || (until_woken && woken_); });
    if (until_woken) woken_ = false;
  }

  store::Store& store_;
  const Clock& clock_;
  OutboxOptions options_;
  std::unique_ptr<store::Database> reader_;
  std::unique_ptr<HecClient> client_;
  Metrics metrics_;

  // The thread's own.
  int failures_ = 0;
  std::size_t size_ = 0;  // envelopes still to be posted, as last counted
  Time oldest_ = 0;
  std::mt19937_64 random_{std::random_device{}()};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = true;
  bool stop_ = false;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Outbox>> Outbox::start(store::Store& store, const Clock& clock, OutboxOptions options,
                                              prometheus::Registry& registry) {
  auto client = HecClient::make(options.endpoint);
  if (!client) return std::unexpected(client.error());
  if (auto prepared = prepare_tables(store); !prepared) return std::unexpected(prepared.error());
  auto reader = store.reader();
  if (!reader) return std::unexpected(reader.error());
  return std::make_unique<PostingOutbox>(store, clock, std::move(options), std::move(*reader),
                                         std::move(*client), registry);
}

}  // namespace hecate::outputs
