#include "outputs/outbox.h"

#include "outputs/delivery.h"
#include "outputs/outbox_queue.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace hecate::outputs {
namespace {

using std::chrono::milliseconds;
using Monotonic = EndpointPool::Monotonic;

// At least this often an endpoint's thread looks whether there is something to do, and metrics are brought up
// to date.
constexpr milliseconds kLongestPause{1000};
// Requests in flight have this long to end when the outbox stops; what they carried stays and is posted
// again.
constexpr milliseconds kStopPatience{2000};

// What a thread does next.
enum class Task {
  stop,
  settle,  // what is confirmed could not leave the table
  poll,    // ask for acknowledgements
  post,
  look_around,
};

// One endpoint, and the thread that talks to it.
struct Lane {
  std::size_t number;
  std::string url;
  std::unique_ptr<HecClient> client;
  std::unique_ptr<Delivery> delivery;
  bool ended = false;
  std::thread thread;
};

class PostingOutbox final : public Outbox {
 public:
  PostingOutbox(const OutboxOptions& options, std::unique_ptr<OutboxQueue> queue,
                std::vector<std::unique_ptr<HecClient>> clients, prometheus::Registry& registry)
      : batch_(static_cast<std::size_t>(std::max(1, options.batch))),
        most_unacknowledged_(options.most_unacknowledged),
        queue_(std::move(queue)),
        pool_(clients.size(), options.balance, options.back_off),
        lanes_(clients.size()) {
    Delivery::Pauses pauses{
        std::chrono::duration_cast<milliseconds>(std::chrono::microseconds(options.ack_timeout)),
        options.ack_poll};
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      Lane& lane = lanes_[i];
      lane.number = i;
      lane.url = options.endpoints[i].url;
      lane.client = std::move(clients[i]);
      lane.delivery = std::make_unique<Delivery>(*queue_, i, lane.url, *lane.client, pauses, registry);
    }
    for (Lane& lane : lanes_) lane.thread = std::thread([this, &lane] { work(lane); });
  }

  ~PostingOutbox() override {
    std::unique_lock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    auto all_ended = [this] { return std::ranges::all_of(lanes_, &Lane::ended); };
    if (!changed_.wait_for(lock, kStopPatience, all_ended))
      for (Lane& lane : lanes_) lane.client->cancel();
    lock.unlock();
    for (Lane& lane : lanes_) lane.thread.join();
  }

  void wake() override {
    std::lock_guard lock(mutex_);
    look_ = true;
    changed_.notify_all();
  }

 private:
  void work(Lane& lane) {
    for (bool more = true; more;) {
      try {
        more = step(lane);
      } catch (const std::exception& e) {
        recover(lane, e);
      }
    }
    std::lock_guard lock(mutex_);
    lane.ended = true;
    changed_.notify_all();
  }

  bool step(Lane& lane) {
    queue_->measure();
    if (auto in_time = lane.delivery->release_overdue(); !in_time) end(lane, in_time);
    switch (next_task(lane)) {
      case Task::stop:
        return false;
      case Task::settle:
        settle();
        break;
      case Task::poll:
        poll(lane);
        break;
      case Task::post:
        post(lane);
        break;
      case Task::look_around:
        break;
    }
    return true;
  }

  // Waits until there is something to do for this endpoint.
  Task next_task(Lane& lane) {
    std::unique_lock lock(mutex_);
    pool_.set_full(lane.number, lane.delivery->waiting() >= most_unacknowledged_);
    auto begun = Monotonic::now();
    for (auto now = begun; !stop_; now = Monotonic::now()) {
      if (queue_->stuck() && now >= settle_at_) {
        settle_at_ = now + kLongestPause;
        return Task::settle;
      }
      if (auto task = due_task(lane, now)) {
        pool_.begin(lane.number);
        return *task;
      }
      auto ready_at = pool_.ready_at(lane.number);
      auto until = std::min({begun + kLongestPause, lane.delivery->overdue_at(),
                             now < ready_at ? ready_at : lane.delivery->poll_at()});
      if (now >= until) {
        look_ = true;
        return Task::look_around;
      }
      changed_.wait_until(lock, until);
    }
    return Task::stop;
  }

  std::optional<Task> due_task(const Lane& lane, Monotonic::time_point now) {
    if (now < pool_.ready_at(lane.number)) return std::nullopt;
    if (now >= lane.delivery->poll_at()) return Task::poll;
    if (!look_ || queue_->stuck() || !pool_.in_turn(lane.number, now)) return std::nullopt;
    look_ = false;
    return Task::post;
  }

  void settle() {
    if (auto settled = queue_->settle(); !settled)
      return spdlog::error("the outbox waits, delivered findings cannot leave it: {}",
                           settled.error().message);
    wake();
  }

  void poll(Lane& lane) {
    auto done = lane.delivery->poll();
    if (!done) return end(lane, done);
    std::lock_guard lock(mutex_);
    pool_.idle(lane.number);
    changed_.notify_all();
  }

  void post(Lane& lane) {
    auto batch = queue_->take(lane.number, batch_);
    if (!batch) return end(lane, std::unexpected(Trouble{batch.error().message}));
    {
      std::lock_guard lock(mutex_);
      if (batch->empty()) {
        pool_.idle(lane.number);
      } else {
        pool_.took_turn(lane.number);
        look_ = true;
      }
      changed_.notify_all();
    }
    if (!batch->empty()) end(lane, lane.delivery->post(*batch));
  }

  // A request of this endpoint has ended.
  void end(Lane& lane, const std::expected<void, Trouble>& done) {
    std::lock_guard lock(mutex_);
    if (done) {
      pool_.succeeded(lane.number);
    } else {
      milliseconds pause = pool_.failed(lane.number, Monotonic::now(), done.error().retry_after);
      if (!stop_)
        spdlog::error("the outbox waits {} ms for {}: {}", pause.count(), lane.url, done.error().message);
    }
    look_ = true;
    changed_.notify_all();
  }

  // Nothing that goes wrong here may end the process, or this thread unseen.
  void recover(Lane& lane, const std::exception& e) {
    lane.delivery->release_all();
    end(lane, std::unexpected(Trouble{fmt::format("unexpected: {}", e.what())}));
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, pool_.ready_at(lane.number), [this] { return stop_; });
  }

  const std::size_t batch_;
  const std::size_t most_unacknowledged_;
  std::unique_ptr<OutboxQueue> queue_;

  std::mutex mutex_;  // guards what follows, but for the lanes' clients and deliveries
  std::condition_variable changed_;
  EndpointPool pool_;
  bool look_ = true;  // there may be something in the queue
  bool stop_ = false;
  Monotonic::time_point settle_at_{};
  std::vector<Lane> lanes_;
};

}  // namespace

Result<std::unique_ptr<Outbox>> Outbox::start(store::Store& store, const Clock& clock, OutboxOptions options,
                                              prometheus::Registry& registry) {
  std::vector<std::unique_ptr<HecClient>> clients;
  for (const HecEndpoint& endpoint : options.endpoints) {
    auto client = HecClient::make(endpoint, options.network);
    if (!client) return std::unexpected(client.error());
    clients.push_back(std::move(*client));
  }
  if (clients.empty()) return fail("outputs.hec has no endpoint; give it a url");
  auto queue = OutboxQueue::open(store, clock, registry);
  if (!queue) return std::unexpected(queue.error());
  return std::make_unique<PostingOutbox>(options, std::move(*queue), std::move(clients), registry);
}

}  // namespace hecate::outputs
