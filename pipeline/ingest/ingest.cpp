#include "pipeline/ingest/ingest.h"

#include "pipeline/decode/envelope.h"
#include "pipeline/ingest/admission.h"
#include "pipeline/ingest/probe.h"
#include "pipeline/match/matcher.h"

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include <concurrentqueue/blockingconcurrentqueue.h>
#include <openssl/evp.h>

namespace hecate::ingest {
namespace {

// Where it is counted what a detection costs.
struct CostCounters {
  prometheus::Counter& candidates;
  prometheus::Counter& seconds;
  sources::Candidates* watched;  // null: not watched

  void add(const match::Costs::Cost& cost, Time arrived) const {
    if (cost.nanoseconds > 0) seconds.Increment(static_cast<double>(cost.nanoseconds) / 1e9);
    if (cost.events == 0) return;
    candidates.Increment(static_cast<double>(cost.events));
    if (watched != nullptr) watched->last.store(arrived, std::memory_order_relaxed);
  }
};

// Scans of one catalogue, with the counters of each detection looked up once.
struct LoadedScans {
  std::shared_ptr<const match::ScanSet> scans;
  std::vector<prometheus::Counter*> matches;  // by detection
  std::vector<CostCounters> costs;            // likewise
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
             IngestOptions options, prometheus::Registry& registry, const std::vector<std::string>& inputs,
             sources::Sources* sources)
      : store_(store),
        clock_(clock),
        bounds_(bounds),
        options_(options),
        sources_(sources),
        probe_(registry),
        arrivals_(clock.now()) {
    for (const std::string& input : inputs) input_probes_.emplace_back(registry, input);
    auto empty = std::make_shared<catalogue::Catalogue>();
    auto rules = fields::FieldRules::compile(fields::FieldRules::builtin(), empty->names);
    if (rules) empty->rules = *rules;
    set_feed({std::move(empty), {}});
    if (options_.workers == 0) inline_worker_.tally = new_tally();
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
    input_probes_[batch->input].queue_bytes.Increment(static_cast<double>(bytes));
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
    watch(*feed.current);
    auto loaded = std::make_shared<Loaded>();
    loaded->push_back(with_counters(std::make_shared<const match::ScanSet>(feed.current)));
    for (const catalogue::Feed::Finishing& each : feed.finishing)
      loaded->push_back(with_counters(std::make_shared<const match::ScanSet>(each.catalogue, each.parts)));
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
    match::Matcher::Counts counts{};
    std::uint64_t malformed = 0;
  };

  // What a worker keeps from batch to batch.
  struct Worker {
    std::uint64_t version = 0;
    std::shared_ptr<const Loaded> loaded;
    std::vector<std::unique_ptr<match::Matcher>> matchers;  // by part of `loaded`
    BatchReader reader;
    std::uint64_t bounds_version = 0;
    store::DeltaSet once;                         // of one event, where duplicates are left out
    std::shared_ptr<sources::WorkerTally> tally;  // null: nobody asks
  };

  void work() {
    Worker worker;
    worker.tally = new_tally();
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

  [[nodiscard]] std::shared_ptr<sources::WorkerTally> new_tally() {
    return sources_ == nullptr ? nullptr : sources_->add_worker();
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
    LoadedScans loaded{std::move(scans), {}, {}};
    for (const catalogue::LoadedDetection& each : loaded.scans->catalogue->detections) {
      prometheus::Labels labels{{"detection", each.detection.name}};
      loaded.matches.push_back(&probe_.matches.Add(labels));
      auto watched = watched_.find(each.detection.name);
      loaded.costs.push_back({probe_.candidates.Add(labels), probe_.seconds.Add(labels),
                              watched == watched_.end() ? nullptr : watched->second});
    }
    return loaded;
  }

  void watch(const catalogue::Catalogue& catalogue) {
    if (sources_ == nullptr) return;
    std::vector<std::string> names;
    for (const catalogue::LoadedDetection& each : catalogue.detections) names.push_back(each.detection.name);
    watched_.clear();
    std::vector<sources::Candidates*> found = sources_->watch(names);
    for (std::size_t i = 0; i < names.size(); ++i) watched_[names[i]] = found[i];
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
    std::int64_t minute = worker.once.begin() != worker.once.end()
                              ? worker.once.begin()->first.minute
                              : worker.once.aside().front().sample.time / kMinute;
    deltas.add_once(event_name(event), minute, std::exchange(worker.once, {}));
    return well_formed;
  }

  // Hands out the events of a batch and counts where they come from, under one lock for all of them.
  template <typename Take>
  static BatchResult read_counted(Worker& worker, const Batch& batch, Time arrived, const Take& take) {
    if (!worker.tally) return worker.reader.read(batch, arrived, take);
    std::lock_guard lock(worker.tally->mutex);
    return worker.reader.read(batch, arrived, [&](EventView& event) {
      worker.tally->tally.add(event, arrived);
      take(event);
    });
  }

  void evaluate(Worker& worker, Admitted admitted) {
    take_catalogue(worker);
    take_time_bounds(worker);
    const Batch& batch = *admitted.batch;
    Time arrived = clock_.now();
    std::uint64_t arrival = arrivals_.take();
    std::uint64_t in_step = 0;
    store::DeltaSet deltas;
    BatchResult result = read_counted(worker, batch, arrived, [&](EventView& event) {
      if (in_step == ArrivalNumbers::kEventsAStep) {
        arrival = arrivals_.take();
        in_step = 0;
      }
      event.arrival = arrival + in_step++;
      bool well_formed = options_.dedup ? evaluate_once(worker, event, arrived, deltas)
                                        : evaluate_event(worker, event, arrived, deltas);
      if (!well_formed) ++admitted.malformed;
    });
    count_matches(worker, admitted);
    count_costs(worker, arrived);
    if (admitted.batch->evaluated) admitted.batch->evaluated(result);
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

  static void count_received(InputProbe& probe, const BatchResult& result, std::uint64_t malformed) {
    bool bad = result.envelope.error != decode::EnvelopeError::none;
    std::uint64_t rejected = result.syslog.blank + (bad ? 1 : 0);
    probe.received.Increment(static_cast<double>(result.events() + rejected));
    if (bad) probe.rejected(decode::reason(result.envelope.error)).Increment();
    if (result.syslog.blank > 0)
      probe.rejected(decode::reason(decode::EnvelopeError::event_blank))
          .Increment(static_cast<double>(result.syslog.blank));
    if (malformed > 0) probe.malformed.Increment(static_cast<double>(malformed));
  }

  void count_matches(Worker& worker, Admitted& admitted) {
    for (std::size_t part = 0; part < worker.matchers.size(); ++part) {
      match::Matcher& matcher = *worker.matchers[part];
      match::Matcher::Counts counts = matcher.take_counts();
      admitted.counts.rows_cut += counts.rows_cut;
      admitted.counts.late += counts.late;
      admitted.counts.future += counts.future;
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

  static void count_costs(Worker& worker, Time arrived) {
    for (std::size_t part = 0; part < worker.matchers.size(); ++part) {
      const LoadedScans& loaded = (*worker.loaded)[part];
      worker.matchers[part]->costs().take([&](std::size_t scan, match::Costs::Cost cost) {
        for (std::size_t detection : loaded.scans->scans[scan].detections)
          loaded.costs[detection].add(cost, arrived);
      });
    }
  }

  void count_stored(const Admitted& admitted) {
    auto add = [](prometheus::Counter& counter, std::uint64_t count) {
      if (count > 0) counter.Increment(static_cast<double>(count));
    };
    add(probe_.rows_cut, admitted.counts.rows_cut);
    add(probe_.late, admitted.counts.late);
    add(probe_.future, admitted.counts.future);
    for (const auto& [part, scan, times] : admitted.matches) {
      const LoadedScans& loaded = (*admitted.loaded)[part];
      for (std::size_t detection : loaded.scans->scans[scan].detections)
        add(*loaded.matches[detection], times);
    }
  }

  // A batch counts when it is known what became of it, and once, however often it was submitted.
  void finish(Admitted admitted, const BatchResult& result) {
    auto events = static_cast<double>(result.events());
    InputProbe& probe = input_probes_[admitted.batch->input];
    if (result.stored || !admitted.batch->kept) {
      count_received(probe, result, admitted.malformed);
      (result.stored ? probe.evaluated : probe.rejected("not_stored")).Increment(events);
    }
    if (result.stored) count_stored(admitted);
    queued_ -= admitted.bytes;
    probe.queue_bytes.Decrement(static_cast<double>(admitted.bytes));
    admitted.batch->done(result);
    admission_.leave(admitted.ticket);
  }

  store::Store& store_;
  const Clock& clock_;
  const match::SharedTimeBounds& bounds_;
  IngestOptions options_;
  sources::Sources* sources_;
  std::map<std::string, sources::Candidates*> watched_;  // by set_feed only
  Probe probe_;
  std::deque<InputProbe> input_probes_;  // by Batch::input
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
                                     prometheus::Registry& registry, const std::vector<std::string>& inputs,
                                     sources::Sources* sources) {
  return std::make_unique<IngestImpl>(store, clock, bounds, options, registry, inputs, sources);
}

}  // namespace hecate::ingest
