#include "outputs/outbox_queue.h"

#include "outputs/findings.h"

#include <algorithm>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>

namespace hecate::outputs {
namespace {

constexpr std::chrono::seconds kMeasurePause{1};
// Counting a large outbox takes at most this part of the time.
constexpr int kCountingShare = 20;

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

Result<void> remove(store::Database& database, std::span<const std::int64_t> envelopes) {
  for (std::int64_t seq : envelopes) {
    auto statement = database.prepare("DELETE FROM outbox WHERE seq = ?");
    if (!statement) return std::unexpected(statement.error());
    (*statement)->bind(1, seq);
    if (auto done = (*statement)->run(); !done) return done;
  }
  return {};
}

Result<void> insert_parked(store::Database& database, const Envelope& poison, const HecAnswer& answer,
                           Time now) {
  auto statement = database.prepare(
      "INSERT OR REPLACE INTO parked (seq, finding, kind, payload, status, code, answer, parked_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return std::unexpected(statement.error());
  (*statement)->bind(1, poison.seq).bind_text(2, poison.finding).bind_text(3, poison.kind);
  (*statement)->bind_text(4, poison.payload).bind(5, static_cast<std::int64_t>(answer.status));
  (*statement)->bind(6, static_cast<std::int64_t>(answer.code)).bind_text(7, answer.text).bind(8, now);
  return (*statement)->run();
}

// One of which no envelope can be made.
struct Unposted {
  Envelope envelope;
  std::string why;
};

}  // namespace

Result<std::unique_ptr<OutboxQueue>> OutboxQueue::open(store::Store& store, const Clock& clock,
                                                       prometheus::Registry& registry) {
  if (auto prepared = prepare_tables(store); !prepared) return std::unexpected(prepared.error());
  auto reader = store.reader();
  if (!reader) return std::unexpected(reader.error());
  return std::unique_ptr<OutboxQueue>(new OutboxQueue(store, clock, std::move(*reader), registry));
}

OutboxQueue::OutboxQueue(store::Store& store, const Clock& clock, std::unique_ptr<store::Database> reader,
                         prometheus::Registry& registry)
    : store_(store),
      clock_(clock),
      size_gauge_(gauge(registry, "hecate_outbox_findings",
                        "Envelopes (findings and risk events) that no endpoint has confirmed")),
      oldest_age_(gauge(registry, "hecate_outbox_oldest_age_seconds",
                        "How long the oldest of them has waited; 0 when there is none")),
      parked_(prometheus::BuildCounter()
                  .Name("hecate_outbox_parked_total")
                  .Help("Envelopes that the endpoint refuses by themselves, put aside")
                  .Register(registry)
                  .Add({})),
      reader_(std::move(reader)) {}

Result<std::vector<Envelope>> OutboxQueue::take(Owner owner, std::size_t most) {
  std::vector<Envelope> taken;
  std::vector<Unposted> unposted;
  {
    std::lock_guard lock(mutex_);
    OutboxCursor rows(*reader_, rules_);
    while (taken.size() < most) {
      auto more = rows.next();
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      if (in_hand_.contains(rows.seq())) continue;
      Envelope each{rows.seq(), std::string(rows.finding()), std::string(rows.kind()), {}};
      auto payload = rows.envelope();
      if (payload) each.payload = *std::move(payload);
      in_hand_.emplace(each.seq, owner);
      if (payload) {
        taken.push_back(std::move(each));
      } else {
        unposted.push_back({std::move(each), payload.error().message});
      }
    }
  }
  // What is stored of them is damaged: they would stand in front of all others for ever.
  for (const Unposted& each : unposted) {
    spdlog::error("finding {} ({}) cannot be posted and is put aside in the table `parked`: {}",
                  each.envelope.finding, each.envelope.kind, each.why);
    HecAnswer none;
    none.text = each.why;
    if (auto parked = park(each.envelope, none); !parked) return std::unexpected(parked.error());
  }
  return taken;
}

void OutboxQueue::release(std::span<const std::int64_t> envelopes) {
  std::lock_guard lock(mutex_);
  for (std::int64_t seq : envelopes) in_hand_.erase(seq);
}

void OutboxQueue::release_all(Owner owner) {
  std::lock_guard lock(mutex_);
  absl::erase_if(in_hand_, [owner](const auto& each) { return each.second == owner; });
}

Result<void> OutboxQueue::confirm(std::span<const std::int64_t> envelopes) {
  {
    std::lock_guard lock(mutex_);
    for (std::int64_t seq : envelopes) in_hand_[seq] = kConfirmed;
    confirmed_.insert(confirmed_.end(), envelopes.begin(), envelopes.end());
  }
  return settle();
}

Result<void> OutboxQueue::settle() {
  std::vector<std::int64_t> confirmed;
  {
    std::lock_guard lock(mutex_);
    confirmed = confirmed_;
  }
  if (confirmed.empty()) return {};
  auto removed =
      store_.write_and_wait([&confirmed](store::Database& database) { return remove(database, confirmed); });
  if (removed) left(confirmed);
  std::lock_guard lock(mutex_);
  stuck_ = !removed;
  return removed;
}

bool OutboxQueue::stuck() const {
  std::lock_guard lock(mutex_);
  return stuck_;
}

Result<void> OutboxQueue::park(const Envelope& poison, const HecAnswer& answer) {
  Time now = clock_.now();
  auto parked = store_.write_and_wait([&](store::Database& database) -> Result<void> {
    if (auto done = insert_parked(database, poison, answer, now); !done) return done;
    return remove(database, std::span(&poison.seq, 1));
  });
  if (!parked) return parked;
  parked_.Increment();
  left(std::span(&poison.seq, 1));
  return {};
}

// These are out of the table.
void OutboxQueue::left(std::span<const std::int64_t> envelopes) {
  std::lock_guard lock(mutex_);
  std::size_t gone = 0;
  for (std::int64_t seq : envelopes) gone += in_hand_.erase(seq);
  std::erase_if(confirmed_, [this](std::int64_t seq) { return !in_hand_.contains(seq); });
  size_ -= std::min(size_, gone);
  size_gauge_.Set(static_cast<double>(size_));
}

void OutboxQueue::measure() {
  std::lock_guard lock(mutex_);
  auto start = Monotonic::now();
  if (start < measure_at_) return;
  measure_at_ = start + kMeasurePause;
  auto counted = count();
  auto first = oldest();
  if (!counted || !first) {
    return spdlog::warn("the outbox cannot be counted: {}",
                        (counted ? first.error() : counted.error()).message);
  }
  size_ = static_cast<std::size_t>(*counted);
  size_gauge_.Set(static_cast<double>(size_));
  Time age = *first == 0 ? 0 : std::max<Time>(0, clock_.now() - *first);
  oldest_age_.Set(static_cast<double>(age) / static_cast<double>(kSecond));
  auto end = Monotonic::now();
  measure_at_ = end + std::max<Monotonic::duration>(kMeasurePause, (end - start) * kCountingShare);
}

Result<std::int64_t> OutboxQueue::count() {
  auto statement = reader_->prepare(
      "SELECT (SELECT count(*) FROM outbox) - (SELECT count(*) FROM outbox WHERE run IN"
      " (SELECT run FROM run WHERE done = 0))");
  if (!statement) return std::unexpected(statement.error());
  return (*statement)->number();
}

// When the oldest was queued; 0 when there is none.
Result<Time> OutboxQueue::oldest() {
  OutboxCursor rows(*reader_, rules_);
  auto any = rows.next();
  if (!any) return std::unexpected(any.error());
  return *any ? rows.queued() : 0;
}

}  // namespace hecate::outputs
