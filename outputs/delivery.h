#pragma once

#include "outputs/ack_ledger.h"
#include "outputs/hec_client.h"
#include "outputs/outbox_queue.h"

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace prometheus {
template <typename T>
class Family;
}

namespace hecate::outputs {

// Why an endpoint could not go on, in words for the operator.
struct Trouble {
  std::string message;
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

// What goes on between the outbox and one endpoint: posts batches, takes poison out of them, and waits for
// acknowledgements. An envelope that it was given is confirmed, parked, waited for, or released, whatever
// happens. One thread.
class Delivery {
 public:
  using Monotonic = AckLedger::Monotonic;
  struct Pauses {
    std::chrono::milliseconds ack_timeout, ack_poll;
  };

  Delivery(OutboxQueue& queue, OutboxQueue::Owner number, std::string url, HecClient& client, Pauses pauses,
           prometheus::Registry& registry);

  // A batch that holds something the endpoint refuses is halved until that stands alone and is parked.
  [[nodiscard]] std::expected<void, Trouble> post(std::span<const Envelope> batch);

  // Asks for acknowledgements.
  [[nodiscard]] std::expected<void, Trouble> poll();
  // When to poll next; `max` when nothing is waited for.
  [[nodiscard]] Monotonic::time_point poll_at() const;
  // Requests not acknowledged.
  [[nodiscard]] std::size_t waiting() const { return ledger_.size(); }
  // When the oldest of them is overdue; `max` when there is none.
  [[nodiscard]] Monotonic::time_point overdue_at() const;
  // Those that wait too long go out again; that there were some is the endpoint's trouble.
  [[nodiscard]] std::expected<void, Trouble> release_overdue();
  // All that it has in hand goes out again.
  void release_all();

 private:
  [[nodiscard]] std::expected<void, Trouble> await(const HecAnswer& answer, std::span<const Envelope> batch);
  [[nodiscard]] std::expected<void, Trouble> park(const Envelope& poison, const HecAnswer& answer);
  void confirm(const std::vector<std::int64_t>& envelopes);
  void send_again(const std::vector<std::int64_t>& envelopes);
  void count(const Result<HecAnswer>& answer);

  OutboxQueue& queue_;
  OutboxQueue::Owner number_;
  std::string url_;
  std::string endpoint_;
  HecClient& client_;
  Pauses pauses_;
  prometheus::Family<prometheus::Counter>& posts_;
  prometheus::Gauge& acks_waiting_;
  prometheus::Counter& ack_resends_;

  AckLedger ledger_;
  Monotonic::time_point polled_{};
};

}  // namespace hecate::outputs
