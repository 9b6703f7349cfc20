#include "pipeline/ingest/ingest.h"

#include "pipeline/decode/envelope.h"
#include "pipeline/ingest/admission.h"
#include "pipeline/match/matcher.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include <concurrentqueue/blockingconcurrentqueue.h>
#include <openssl/evp.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace hecate::ingest {
namespace {

// The metrics of a way in.
struct Probe {
  Probe(prometheus::Registry& registry, const std::string& input)
      : received(prometheus::BuildCounter()
                     .Name("hecate_events_received_total")
                     .Help("Events that came in, by input; the one that stopped a request counts too.")
                     .Register(registry)
                     .Add({{"input", input}})),
        evaluated(
            prometheus::BuildCounter()
                .Name("hecate_events_evaluated_total")
                .Help("Events that were evaluated against all detections and whose contribution is on disk.")
                .Register(registry)
                .Add({{"input", input}})),
        malformed(prometheus::BuildCounter()
                      .Name("hecate_events_malformed_total")
                      .Help("Events that a search could match whose payload is not what its form says; "
                            "evaluated with the fields they gave.")
                      .Register(registry)
                      .Add({{"input", input}})),
        queue_bytes(prometheus::BuildGauge()
                        .Name("hecate_queue_bytes")
                        .Help("Bytes of requests that were admitted and are not yet answered.")
                        .Register(registry)
                        .Add({{"input", input}})),
        rows_cut(prometheus::BuildCounter()
                     .Name("hecate_rows_cut_total")
                     .Help("Rows whose lists of BY values make more groups than one row may have; the rest "
                           "is left out.")
                     .Register(registry)
                     .Add({{"input", input}})),
        aside(
            prometheus::BuildCounter()
                .Name("hecate_events_aside_total")
                .Help(
                    "Events that a search would have taken but for their time, by reason: late (its windows "
                    "are closed for longer than the lateness bound) or future. They are kept aside.")
                .Register(registry)),
        late(aside.Add({{"reason", "late"}})),
        future(aside.Add({{"reason", "future"}})),
        rejections(
            prometheus::BuildCounter()
                .Name("hecate_events_rejected_total")
                .Help("Events that came in and were not evaluated, by reason: received = evaluated + these.")
                .Register(registry)),
        matches(prometheus::BuildCounter()
                    .Name("hecate_matches_total")
                    .Help("Events that satisfied the streaming part of a detection's search and are on disk.")
                    .Register(registry)) {}

  prometheus::Counter& rejected(std::string_view reason) {
    return rejections.Add({{"reason", std::string(reason)}});
  }

  prometheus::Counter& received;
  prometheus::Counter& evaluated;
  prometheus::Counter& malformed;
  prometheus::Gauge& queue_bytes;
  prometheus::Counter& rows_cut;
  prometheus::Family<prometheus::Counter>& aside;
  prometheus::Counter& late;
  prometheus::Counter& future;
  prometheus::Family<prometheus::Counter>& rejections;
  prometheus::Family<prometheus::Counter>& matches;
};

// Scans of one catalogue, with the counter of each detection looked up once.
struct LoadedScans {
  std::shared_ptr<const match::ScanSet> scans;
  std::vector<prometheus::Counter*> matches;  // by detection
};
// A feed as workers use it: that of the current catalogue first.
using Loaded = std::vector<LoadedScans>;

// Numbers events in the order of their arrival, also across restarts: counts on from the wall clock's
// microseconds, one step for each batch of up to kEventsAStep.
class ArrivalNumbers {
 public:
  static constexpr std::uint64_t kEventsAStep = 8192;
  explicit ArrivalNumbers(Time now) : step_(static_cast<std::uint64_t>(now)) {}
  std::uint64_t take() { return step_.fetch_add(1, std::memory_order_relaxed) * kEventsAStep; }

 private:
  std::atomic<std::uint64_t> step_;
};

// The same bytes from the same host are the same event: they hold Computer, Channel and record number.
std::string event_name(const EventView& event) {
  std::string text = std::to_string(event.host.size());
  text.append(":").append(event.host).append(event.raw);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(hash.data()), 16};
}

class IngestImpl final : public Ingest {
 public:
  IngestImpl(store::Store& store, const Clock& clock, const match::SharedTimeBounds& bounds,
             IngestOptions options, prometheus::Registry& registry, const std::string& input)
      : store_(store),
        clock_(clock),
        bounds_(bounds),
        options_(options),
        probe_(registry, input),
        arrivals_(clock.now()) {
    auto empty = std::make_shared<catalogue::Catalogue>();
    auto rules = fields::FieldRules::compile(fields::FieldRules::builtin(), empty->names);
    if (rules) empty->rules = *rules;
    set_feed({std::move(empty), {}});
    for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { work(); });
  }

  ~IngestImpl() override {
    stopping_ = true;
    for (std::size_t i = 0; i < workers_.size(); ++i) queue_.enqueue(nullptr);
    for (std::thread& worker : workers_) worker.join();
    admission_.wait_for_earlier();
  }

  bool submit(std::unique_ptr<Batch>& batch) override {
    if (stopping_) return false;
    std::size_t bytes = batch->body.size();
    if (queued_.fetch_add(bytes) + bytes > options_.queue_bytes) {
      queued_ -= bytes;
      return false;
    }
    probe_.queue_bytes.Set(static_cast<double>(queued_));
    Admitted admitted{std::move(batch), admission_.enter(), bytes};
    if (options_.workers == 0) {
      std::lock_guard lock(inline_mutex_);
      evaluate(inline_worker_, std::move(admitted));
    } else {
      queue_.enqueue(std::make_unique<Admitted>(std::move(admitted)));
    }
    return true;
  }

  void set_feed(const catalogue::Feed& feed) override {
    auto loaded = std::make_shared<Loaded>();
    loaded->push_back(with_counters(std::make_shared<const match::ScanSet>(feed.current)));
    for (const catalogue::Feed::Finishing& each : feed.finishing)
      loaded->push_back(
          with_counters(std::make_shared<const match::ScanSet>(each.catalogue, each.detections)));
    std::lock_guard lock(loaded_mutex_);
    loaded_ = std::move(loaded);
    ++version_;
  }

  void barrier() override { admission_.wait_for_earlier(); }

  [[nodiscard]] std::size_t queued_bytes() const override { return queued_; }

 private:
  struct Admitted {
    std::unique_ptr<Batch> batch;
    std::uint64_t ticket;
    std::size_t bytes;
    struct Matches {
      std::size_t part;  // of `loaded`
      std::uint32_t scan;
      std::uint64_t events;
    };
    std::vector<Matches> matches{};
    std::shared_ptr<const Loaded> loaded{};
    match::Matcher::Counts aside{};
  };

  // What a worker keeps from batch to batch.
  struct Worker {
    std::uint64_t version = 0;
    std::shared_ptr<const Loaded> loaded;
    std::vector<std::unique_ptr<match::Matcher>> matchers;  // by part of `loaded`
    decode::EnvelopeReader reader;
    std::uint64_t bounds_version = 0;
    store::DeltaSet once;  // of one event, where duplicates are left out
  };

  void work() {
    Worker worker;
    std::unique_ptr<Admitted> admitted;
    while (true) {
      queue_.wait_dequeue(admitted);
      if (!admitted) {
        // The sign to stop may overtake batches that other threads queued: finish those first. Each worker
        // has a sign of its own; the next one met goes back.
        while (queue_.try_dequeue(admitted)) {
          if (!admitted) {
            queue_.enqueue(nullptr);
            break;
          }
          evaluate(worker, std::move(*admitted));
        }
        return;
      }
      evaluate(worker, std::move(*admitted));
    }
  }

  void take_catalogue(Worker& worker) {
    if (worker.version == version_.load(std::memory_order_acquire)) return;
    std::lock_guard lock(loaded_mutex_);
    worker.version = version_;
    worker.loaded = loaded_;
    worker.matchers.clear();
    for (const LoadedScans& each : *worker.loaded)
      worker.matchers.push_back(std::make_unique<match::Matcher>(each.scans, match::Panes::by_minute));
    worker.bounds_version = 0;
  }

  void take_time_bounds(Worker& worker) {
    std::uint64_t version = bounds_.version();
    if (worker.bounds_version == version) return;
    worker.bounds_version = version;
    for (auto& matcher : worker.matchers) matcher->set_time_bounds(bounds_.get());
  }

  LoadedScans with_counters(std::shared_ptr<const match::ScanSet> scans) {
    LoadedScans loaded{std::move(scans), {}};
    for (const catalogue::LoadedDetection& each : loaded.scans->catalogue->detections)
      loaded.matches.push_back(&probe_.matches.Add({{"detection", each.detection.name}}));
    return loaded;
  }

  // False for a payload that is not what its form says.
  static bool evaluate_event(Worker& worker, const EventView& event, Time arrived, store::DeltaSet& deltas) {
    bool well_formed = true;
    for (auto& matcher : worker.matchers) well_formed &= matcher->evaluate(event, arrived, deltas);
    return well_formed;
  }

  static bool evaluate_once(Worker& worker, const EventView& event, Time arrived, store::DeltaSet& deltas) {
    bool well_formed = evaluate_event(worker, event, arrived, worker.once);
    if (worker.once.empty()) return well_formed;
    std::int64_t minute = worker.once.size() > 0 ? worker.once.begin()->first.minute
                                                 : worker.once.aside().front().sample.time / kMinute;
    deltas.add_once(event_name(event), minute, std::exchange(worker.once, {}));
    return well_formed;
  }

  void evaluate(Worker& worker, Admitted admitted) {
    take_catalogue(worker);
    take_time_bounds(worker);
    const Batch& batch = *admitted.batch;
    Time arrived = clock_.now();
    std::uint64_t arrival = arrivals_.take();
    std::uint64_t in_step = 0;
    std::uint64_t malformed = 0;
    store::DeltaSet deltas;
    auto allowed = [&](std::string_view index) {
      return batch.indexes.empty() || std::ranges::find(batch.indexes, index) != batch.indexes.end();
    };
    BatchResult result;
    result.envelope = worker.reader.read(
        batch.body.view(), {batch.host, batch.source, batch.sourcetype, batch.index, batch.time}, allowed,
        [&](EventView& event) {
          if (in_step == ArrivalNumbers::kEventsAStep) {
            arrival = arrivals_.take();
            in_step = 0;
          }
          event.arrival = arrival + in_step++;
          bool well_formed = options_.dedup ? evaluate_once(worker, event, arrived, deltas)
                                            : evaluate_event(worker, event, arrived, deltas);
          if (!well_formed) ++malformed;
        });
    count(worker, result.envelope, malformed, admitted);
    if (deltas.empty()) {
      finish(std::move(admitted), result);
      return;
    }
    store_.submit(std::move(deltas),
                  [this, admitted = std::move(admitted), result](store::Store::Outcome o) mutable {
                    result.stored = o == store::Store::Outcome::committed;
                    finish(std::move(admitted), result);
                  });
  }

  // What came in counts now; what it came to counts with the answer (finish).
  void count(Worker& worker, const decode::EnvelopeResult& envelope, std::uint64_t malformed,
             Admitted& admitted) {
    bool bad = envelope.error != decode::EnvelopeError::none;
    probe_.received.Increment(static_cast<double>(envelope.events + (bad ? 1 : 0)));
    if (bad) probe_.rejected(decode::reason(envelope.error)).Increment();
    if (malformed > 0) probe_.malformed.Increment(static_cast<double>(malformed));
    for (std::size_t part = 0; part < worker.matchers.size(); ++part) {
      match::Matcher& matcher = *worker.matchers[part];
      match::Matcher::Counts counts = matcher.take_counts();
      if (counts.rows_cut > 0) probe_.rows_cut.Increment(static_cast<double>(counts.rows_cut));
      admitted.aside.late += counts.late;
      admitted.aside.future += counts.future;
      bool any = false;
      for (std::uint32_t scan = 0; scan < matcher.matches().size(); ++scan) {
        if (matcher.matches()[scan] == 0) continue;
        admitted.matches.push_back({part, scan, matcher.matches()[scan]});
        any = true;
      }
      if (any) matcher.clear_matches();
    }
    if (!admitted.matches.empty()) admitted.loaded = worker.loaded;
  }

  void finish(Admitted admitted, const BatchResult& result) {
    auto events = static_cast<double>(result.envelope.events);
    if (result.stored) {
      probe_.evaluated.Increment(events);
      if (admitted.aside.late > 0) probe_.late.Increment(static_cast<double>(admitted.aside.late));
      if (admitted.aside.future > 0) probe_.future.Increment(static_cast<double>(admitted.aside.future));
      for (const auto& [part, scan, times] : admitted.matches) {
        const LoadedScans& loaded = (*admitted.loaded)[part];
        for (std::size_t detection : loaded.scans->scans[scan].detections)
          loaded.matches[detection]->Increment(static_cast<double>(times));
      }
    } else {
      probe_.rejected("not_stored").Increment(events);
    }
    queued_ -= admitted.bytes;
    probe_.queue_bytes.Set(static_cast<double>(queued_));
    admitted.batch->done(result);
    admission_.leave(admitted.ticket);
  }

  store::Store& store_;
  const Clock& clock_;
  const match::SharedTimeBounds& bounds_;
  IngestOptions options_;
  Probe probe_;
  ArrivalNumbers arrivals_;

  std::mutex loaded_mutex_;
  std::shared_ptr<const Loaded> loaded_;
  std::atomic<std::uint64_t> version_{0};

  Admission admission_;
  std::atomic<std::size_t> queued_{0};
  std::atomic<bool> stopping_{false};
  moodycamel::BlockingConcurrentQueue<std::unique_ptr<Admitted>> queue_;
  std::vector<std::thread> workers_;
  std::mutex inline_mutex_;
  Worker inline_worker_;
};

}  // namespace

std::unique_ptr<Ingest> Ingest::make(store::Store& store, const Clock& clock,
                                     const match::SharedTimeBounds& bounds, IngestOptions options,
                                     prometheus::Registry& registry, std::string input) {
  return std::make_unique<IngestImpl>(store, clock, bounds, options, registry, input);
}

}  // namespace hecate::ingest
