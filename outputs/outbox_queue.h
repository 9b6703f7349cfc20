#pragma once

#include "absl/container/flat_hash_map.h"
#include "outputs/hec_answer.h"
#include "outputs/outbox_cursor.h"
#include "pipeline/base/clock.h"
#include "pipeline/store/store.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Registry;
}  // namespace prometheus

namespace hecate::outputs {

// One HEC envelope that waits in the outbox.
struct Envelope {
  std::int64_t seq;
  std::string finding;
  std::string kind;
  std::string payload;
};

// The table `outbox` as a queue: gives out what is visible, oldest first, and nothing twice until it comes
// back. Who took what is kept in memory only, so that after a restart all that is in the table is posted
// again. Thread-safe; not to be called from the journal's writer.
class OutboxQueue {
 public:
  using Owner = std::size_t;  // an endpoint's number

  [[nodiscard]] static Result<std::unique_ptr<OutboxQueue>> open(store::Store& store, const Clock& clock,
                                                                 prometheus::Registry& registry);

  // The oldest envelopes that nobody has in hand.
  [[nodiscard]] Result<std::vector<Envelope>> take(Owner owner, std::size_t most);
  // They go out again.
  void release(std::span<const std::int64_t> envelopes);
  void release_all(Owner owner);

  // The endpoint has them: they leave the table. Where the journal cannot commit, they stay in hand (nobody
  // posts them again) and `settle` tries once more.
  [[nodiscard]] Result<void> confirm(std::span<const std::int64_t> envelopes);
  [[nodiscard]] Result<void> settle();
  // Whether something confirmed could not leave the table: nothing more should be posted meanwhile.
  [[nodiscard]] bool stuck() const;

  // The endpoint refuses this one by itself: it goes to the table `parked`, with the answer. After an error
  // it is still in hand.
  [[nodiscard]] Result<void> park(const Envelope& poison, const HecAnswer& answer);

  // Brings the metrics of size and age up to date; at most once a second, and less often while counting takes
  // long.
  void measure();

 private:
  using Monotonic = std::chrono::steady_clock;
  // Confirmed, and not out of the table yet.
  static constexpr Owner kConfirmed = static_cast<Owner>(-1);

  OutboxQueue(store::Store& store, const Clock& clock, std::unique_ptr<store::Database> reader,
              prometheus::Registry& registry);
  [[nodiscard]] Result<std::int64_t> count();
  [[nodiscard]] Result<Time> oldest();
  void left(std::span<const std::int64_t> envelopes);

  store::Store& store_;
  const Clock& clock_;
  prometheus::Gauge& size_gauge_;
  prometheus::Gauge& oldest_age_;
  prometheus::Counter& parked_;

  mutable std::mutex mutex_;
  std::unique_ptr<store::Database> reader_;
  StoredRules rules_;
  absl::flat_hash_map<std::int64_t, Owner> in_hand_;
  std::vector<std::int64_t> confirmed_;
  bool stuck_ = false;
  std::size_t size_ = 0;  // envelopes in the table, as last counted
  Monotonic::time_point measure_at_{};
};

}  // namespace hecate::outputs
