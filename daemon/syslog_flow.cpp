#include "daemon/syslog_flow.h"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <spdlog/spdlog.h>

namespace hecate::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Of a batch: messages are seldom smaller than this makes them.
constexpr std::size_t kUsualFrames = SyslogBatcher::kBatchBytes / 512;
constexpr std::size_t kMostKeptFrames = 16 * kUsualFrames;
constexpr std::size_t kSpareFrames = 16;

// What a batch takes while it is under way: a small one too has pages of a buffer, and its frames may take
// more than its messages.
std::size_t cost(const SyslogFlow::Load& load) {
  constexpr std::size_t kOfItself = 16 * 1024;
  return kOfItself + load.body.size() + load.frames.list.capacity() * sizeof(syslog::Frame);
}

}  // namespace

SyslogFlow::SyslogFlow(asio::io_context& io, ingest::Ingest& ingest, std::function<bool()> can_store,
                       std::size_t most_bytes, std::chrono::milliseconds retry)
    : io_(io),
      ingest_(ingest),
      can_store_(std::move(can_store)),
      most_bytes_(most_bytes),
      retry_(retry),
      opened_(io, std::chrono::steady_clock::time_point::max()),
      again_(io) {}

void SyslogFlow::send(Load load) {
  if (given_up_) return drop(load);
  // What came before goes before.
  bool taken = waiting_.empty() && try_submit(load);
  if (!taken) {
    waiting_.push_back(std::move(load));
    try_again_later();
  }
}

bool SyslogFlow::try_submit(Load& load) {
  stuck_ = !can_store_();
  if (stuck_) return false;
  auto batch = std::make_unique<ingest::Batch>();
  std::size_t bytes = cost(load);
  batch->body = std::move(load.body);
  batch->format = ingest::BatchFormat::syslog;
  batch->input = load.input;
  batch->frames = std::move(load.frames);
  batch->kept = true;
  // The batch goes when this returns: its bytes are taken back from it here.
  batch->done = [this, batch = batch.get(), metrics = load.metrics](const ingest::BatchResult& result) {
    Load back{std::move(batch->body), std::move(batch->frames), batch->input, metrics};
    asio::post(io_, [this, back = std::move(back), result]() mutable { answered(std::move(back), result); });
  };
  in_flight_ += bytes;
  if (ingest_.submit(batch)) return true;
  in_flight_ -= bytes;
  load.body = std::move(batch->body);
  load.frames = std::move(batch->frames);
  return false;
}

void SyslogFlow::answered(Load load, const ingest::BatchResult& result) {
  in_flight_ -= cost(load);
  if (result.stored) {
    load.metrics->messages(result.syslog.heads);
    stored_ = true;
    keep(std::move(load));
  } else {
    stuck_ = true;
    if (!given_up_) {
      waiting_.push_back(std::move(load));
      try_again_later();
      return;
    }
    drop(load);
  }
  go_on();
}

void SyslogFlow::keep(Load load) {
  pool_.give(std::move(load.body));
  bool usual = load.frames.list.capacity() <= kMostKeptFrames;
  if (usual && spare_frames_.size() < kSpareFrames) spare_frames_.push_back(std::move(load.frames));
}

syslog::Frames SyslogFlow::take_frames() {
  syslog::Frames frames;
  if (!spare_frames_.empty()) {
    frames = std::move(spare_frames_.back());
    spare_frames_.pop_back();
    frames.list.clear();
    frames.senders.clear();
  }
  frames.list.reserve(kUsualFrames);
  return frames;
}

void SyslogFlow::go_on() {
  while (!waiting_.empty() && try_submit(waiting_.front())) waiting_.pop_front();
  if (is_open() || given_up_) opened_.cancel();
  if (!waiting_.empty()) try_again_later();
  if (!at_rest()) return;
  if (lost_ > 0) {
    spdlog::error("{} syslog messages are lost: {}", std::exchange(lost_, 0),
                  reason() == SyslogDrop::not_stored ? "nothing could be stored until the stop"
                                                     : "the queue was full until the stop");
  }
  if (at_rest_) at_rest_();
}

void SyslogFlow::try_again_later() {
  if (retrying_) return;
  retrying_ = true;
  again_.expires_after(retry_);
  again_.async_wait([this](const error_code&) {
    retrying_ = false;
    go_on();
  });
}

SyslogDrop SyslogFlow::reason() const {
  return stuck_ ? SyslogDrop::not_stored : SyslogDrop::queue_full;
}

Awaitable<bool> SyslogFlow::wait_open() {
  while (!is_open() && !given_up_) {
    error_code ignored;
    co_await opened_.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
  co_return !given_up_;
}

void SyslogFlow::give_up() {
  given_up_ = true;
  for (const Load& load : waiting_) drop(load);
  waiting_.clear();
  again_.cancel();
  go_on();
}

void SyslogFlow::drop(const Load& load) {
  load.metrics->dropped(reason(), load.frames.list.size());
  lost_ += load.frames.list.size();
}

SyslogBatcher::SyslogBatcher(asio::io_context& io, SyslogFlow& flow, std::size_t input,
                             SyslogMetrics& metrics, std::shared_ptr<const syslog::EventDefaults> defaults)
    : io_(io), flow_(flow), input_(input), metrics_(metrics), defaults_(std::move(defaults)) {}

ingest::Buffer& SyslogBatcher::body(std::size_t bytes) {
  if (body_.size() > 0 && body_.size() + bytes > kBatchBytes) send_now();
  if (body_.capacity() == 0) {
    body_ = flow_.take_buffer();
    frames_ = flow_.take_frames();
  }
  body_.reserve(std::max(kBatchBytes, body_.size() + bytes));
  return body_;
}

void SyslogBatcher::name_sender(std::size_t first, std::string_view address) {
  if (first == frames_.list.size()) return;
  if (frames_.senders.empty() || frames_.senders.back() != address) frames_.senders.emplace_back(address);
  auto sender = static_cast<std::uint32_t>(frames_.senders.size() - 1);
  for (std::size_t i = first; i < frames_.list.size(); ++i) frames_.list[i].sender = sender;
}

void SyslogBatcher::add(std::string_view message, std::string_view address) {
  ingest::Buffer& bytes = body(message.size());
  frames_.list.push_back(
      {static_cast<std::uint32_t>(bytes.size()), static_cast<std::uint32_t>(message.size())});
  name_sender(frames_.list.size() - 1, address);
  bytes.append(message);
}

void SyslogBatcher::send_soon() {
  if (posted_ || frames_.list.empty()) return;
  posted_ = true;
  asio::post(io_, [this] {
    posted_ = false;
    send_now();
  });
}

void SyslogBatcher::send_now() {
  if (frames_.list.empty()) return;
  frames_.defaults = defaults_;
  flow_.send({std::move(body_), std::exchange(frames_, {}), input_, &metrics_});
  body_ = {};
}

}  // namespace hecate::daemon
