#include "pipeline/sources/sources.h"

#include "pipeline/sources/probe.h"
#include "pipeline/sources/source_rows.h"

#include <map>

namespace hecate::sources {
namespace {

constexpr Time kCandidatesWithin = kDay;

class SourcesImpl final : public Sources {
 public:
  SourcesImpl(store::Store& store, const Clock& clock, const SourceOptions& options,
              prometheus::Registry& registry, StoredRows stored)
      : store_(store),
        clock_(clock),
        table_(options, clock.now()),
        probe_(registry, static_cast<std::size_t>(options.series)) {
    for (Source& each : stored.sources) table_.restore(std::move(each));
    for (const StoredCandidates& each : stored.candidates) {
      auto& kept = candidates_[each.detection];
      kept = std::make_unique<Candidates>();
      kept->detection = each.detection;
      kept->since = each.since;
      kept->last = each.last;
    }
  }

  std::shared_ptr<WorkerTally> add_worker() override {
    std::lock_guard lock(mutex_);
    return workers_.emplace_back(
        std::make_shared<WorkerTally>(static_cast<std::size_t>(table_.options().most)));
  }

  std::vector<Candidates*> watch(const std::vector<std::string>& detections) override {
    std::lock_guard lock(mutex_);
    auto gone = std::exchange(watched_, {});
    std::vector<Candidates*> found;
    for (const std::string& name : detections) {
      auto& kept = candidates_[name];
      if (!kept) kept = std::make_unique<Candidates>();
      kept->detection = name;
      if (kept->since == 0) kept->since = clock_.now();
      gone.erase(name);
      watched_[name] = kept.get();
      found.push_back(kept.get());
    }
    // One that comes back starts anew.
    for (const auto& [name, each] : gone) each->since = each->last = 0;
    return found;
  }

  void gather() override {
    std::lock_guard lock(mutex_);
    gather_locked();
  }

  Result<void> save() override {
    std::lock_guard saving(save_mutex_);
    StoredRows rows;
    {
      std::lock_guard lock(mutex_);
      for (const auto& each : table_.sources())
        if (each->stored != each->last_seen) rows.sources.push_back(*each);
      for (const auto& [name, each] : watched_) rows.candidates.push_back({name, each->since, each->last});
      rows.forgotten = std::exchange(forgotten_, {});
    }
    auto written =
        store_.write_and_wait([&](store::Database& database) { return write_rows(database, rows); });
    std::lock_guard lock(mutex_);
    if (!written) {
      forgotten_.insert(forgotten_.end(), rows.forgotten.begin(), rows.forgotten.end());
      return written;
    }
    for (const Source& row : rows.sources) table_.stored(row);
    return {};
  }

  View view() override {
    std::lock_guard lock(mutex_);
    Time now = gather_locked();
    View view{.now = now, .sources = {}, .detections = {}, .untracked_events = untracked_};
    for (const auto& each : table_.sources())
      view.sources.push_back({*each, table_.state(*each, now), table_.patience(*each)});
    for (const auto& [name, each] : watched_)
      view.detections.push_back({name, each->since, each->last, is_silent(*each, now)});
    return view;
  }

 private:
  static bool is_silent(const Candidates& of, Time now) {
    return now - std::max(of.since, of.last.load()) >= kCandidatesWithin;
  }

  Time gather_locked() {
    for (const auto& worker : workers_) {
      std::unique_lock reading(worker->mutex);
      Tally::Taken taken = worker->tally.take();
      reading.unlock();
      add(std::move(taken));
    }
    Time now = clock_.now();
    for (const auto& source : table_.forget(now)) {
      probe_.forgotten(*source);
      forgotten_.emplace_back(source->host, source->channel);
    }
    std::map<Source::State, std::size_t> states;
    for (const auto& source : table_.sources()) {
      auto state = table_.state(*source, now);
      ++states[state];
      probe_.judged(*source, state);
    }
    probe_.judged_all(states);
    std::size_t without = 0;
    for (const auto& [name, each] : watched_) without += is_silent(*each, now) ? 1 : 0;
    probe_.detections_without_candidates.Set(static_cast<double>(without));
    return now;
  }

  void add(Tally::Taken taken) {
    std::uint64_t untracked = taken.untracked;
    for (const Arrivals& each : taken.sources) {
      const Source* source = table_.add(each);
      if (source == nullptr) {
        untracked += each.events;
      } else {
        probe_.arrived(*source, each.events, each.channel, each.lag);
      }
    }
    untracked_ += untracked;
    probe_.untracked.Increment(static_cast<double>(untracked));
  }

  store::Store& store_;
  const Clock& clock_;
  std::mutex save_mutex_;  // before mutex_
  std::mutex mutex_;       // before those of the workers
  SourceTable table_;
  Probe probe_;
  std::vector<std::shared_ptr<WorkerTally>> workers_;
  std::map<std::string, std::unique_ptr<Candidates>> candidates_;  // of all that were ever watched
  std::map<std::string, Candidates*> watched_;
  std::vector<std::pair<std::string, std::string>> forgotten_;  // not yet removed from the database
  std::uint64_t untracked_ = 0;
};

}  // namespace

Result<std::unique_ptr<Sources>> Sources::open(store::Store& store, const Clock& clock, SourceOptions options,
                                               prometheus::Registry& registry) {
  StoredRows stored;
  auto read = store.write_and_wait([&](store::Database& database) -> Result<void> {
    if (auto made = make_tables(database); !made) return made;
    auto rows = read_rows(database);
    if (!rows) return std::unexpected(rows.error());
    stored = *std::move(rows);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return std::make_unique<SourcesImpl>(store, clock, options, registry, std::move(stored));
}

}  // namespace hecate::sources
