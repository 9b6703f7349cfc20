#include "outputs/delivery.h"

#include "outputs/hec_url.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>

namespace hecate::outputs {
namespace {

constexpr int kAckDisabled = 14;

// What an answer means for the envelopes of its request.
enum class Verdict {
  taken,     // they leave the outbox, or wait for the acknowledgement
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

std::string_view advice(const HecAnswer& answer) {
  if (answer.status == 401 || answer.status == 403) return "Check the token of outputs.hec.";
  if (answer.status == 407) return "Check user and password in the proxy's URL.";
  if (answer.status == 429 || answer.status >= 500) return "The endpoint is busy or stopping.";
  if (answer.status == 404 || answer.code == -1)
    return "Check the URL of outputs.hec: this is no HEC endpoint.";
  return "Check the token's settings at the endpoint.";
}

std::unexpected<Trouble> trouble(std::string_view url, const HecAnswer& answer) {
  return std::unexpected(Trouble{fmt::format("{} answered {} code {} ({}). {}", url, answer.status,
                                             answer.code, answer.text, advice(answer)),
                                 answer.retry_after});
}

std::vector<std::int64_t> sequences(std::span<const Envelope> batch) {
  std::vector<std::int64_t> result;
  result.reserve(batch.size());
  for (const Envelope& each : batch) result.push_back(each.seq);
  return result;
}

std::string authority_of(const std::string& url) {
  auto parts = parse_hec_url(url);
  return parts ? parts->authority() : "";
}

}  // namespace

Delivery::Delivery(OutboxQueue& queue, OutboxQueue::Owner number, std::string url, HecClient& client,
                   Pauses pauses, prometheus::Registry& registry)
    : queue_(queue),
      number_(number),
      url_(std::move(url)),
      endpoint_(authority_of(url_)),
      client_(client),
      pauses_(pauses),
      posts_(prometheus::BuildCounter()
                 .Name("hecate_outbox_posts_total")
                 .Help("Requests with findings, by endpoint and outcome")
                 .Register(registry)),
      acks_waiting_(prometheus::BuildGauge()
                        .Name("hecate_outbox_acks_waiting")
                        .Help("Requests that the endpoint took and has not acknowledged yet")
                        .Register(registry)
                        .Add({{"endpoint", endpoint_}})),
      ack_resends_(prometheus::BuildCounter()
                       .Name("hecate_outbox_ack_resends_total")
                       .Help("Envelopes posted again because the endpoint did not acknowledge them")
                       .Register(registry)
                       .Add({{"endpoint", endpoint_}})) {}

std::expected<void, Trouble> Delivery::post(std::span<const Envelope> batch) {
  std::string body;
  for (const Envelope& each : batch) body.append(each.payload).append("\n");
  auto answer = client_.post(body);
  count(answer);
  if (!answer) {
    queue_.release(sequences(batch));
    return std::unexpected(Trouble{answer.error().message});
  }
  switch (judge(*answer)) {
    case Verdict::taken:
      if (answer->ack_id) return await(*answer, batch);
      confirm(sequences(batch));
      return {};
    case Verdict::later:
      queue_.release(sequences(batch));
      return trouble(url_, *answer);
    case Verdict::poisoned:
      break;
  }
  if (batch.size() == 1) return park(batch.front(), *answer);
  auto first = batch.first(batch.size() / 2);
  auto second = batch.subspan(first.size());
  if (auto done = post(first); !done) {
    queue_.release(sequences(second));
    return done;
  }
  return post(second);
}

std::expected<void, Trouble> Delivery::await(const HecAnswer& answer, std::span<const Envelope> batch) {
  if (ledger_.add(answer.channel, *answer.ack_id, sequences(batch), Monotonic::now())) {
    acks_waiting_.Set(static_cast<double>(ledger_.size()));
    return {};
  }
  // A `true` could mean either of the two. So neither is believed.
  send_again(ledger_.take(answer.channel, *answer.ack_id));
  send_again(sequences(batch));
  client_.renew_channel();
  return std::unexpected(Trouble{fmt::format(
      "{} gave ackId {} for a second time before it acknowledged the first; it was started anew, or there "
      "are several behind that address: those need sessions that stay with one of them (cookies)",
      url_, *answer.ack_id)});
}

std::expected<void, Trouble> Delivery::poll() {
  polled_ = Monotonic::now();
  for (const auto& [channel, ids] : ledger_.waiting()) {
    std::vector<std::uint64_t> acknowledged;
    auto answer = client_.query_acks(channel, ids, acknowledged);
    if (!answer) return std::unexpected(Trouble{answer.error().message});
    if (answer->code == kAckDisabled) send_again(ledger_.take_all());
    if (answer->status != 200) return trouble(url_, *answer);
    for (std::uint64_t id : acknowledged) confirm(ledger_.take(channel, id));
  }
  return {};
}

Delivery::Monotonic::time_point Delivery::poll_at() const {
  if (ledger_.size() == 0) return Monotonic::time_point::max();
  return polled_ + pauses_.ack_poll;
}

Delivery::Monotonic::time_point Delivery::overdue_at() const {
  auto oldest = ledger_.oldest();
  return oldest == Monotonic::time_point::max() ? oldest : oldest + pauses_.ack_timeout;
}

std::expected<void, Trouble> Delivery::release_overdue() {
  auto now = Monotonic::now();
  if (now < overdue_at()) return {};
  std::size_t before = ledger_.size();
  send_again(ledger_.take_older(now - pauses_.ack_timeout + Monotonic::duration(1)));
  return std::unexpected(Trouble{
      fmt::format("{} did not acknowledge {} requests within {} ms, and they are posted again; it does not "
                  "get to index them, or several are behind that address: those need sessions that stay with "
                  "one of them (cookies)",
                  url_, before - ledger_.size(), pauses_.ack_timeout.count())});
}

void Delivery::release_all() {
  (void)ledger_.take_all();
  acks_waiting_.Set(0);
  queue_.release_all(number_);
}

std::expected<void, Trouble> Delivery::park(const Envelope& poison, const HecAnswer& answer) {
  spdlog::error(
      "finding {} ({}) is refused by {} with {} code {} ({}) and is put aside in the table `parked`; check "
      "the index that it goes to and the endpoint's size limit",
      poison.finding, poison.kind, url_, answer.status, answer.code, answer.text);
  auto parked = queue_.park(poison, answer);
  if (parked) return {};
  queue_.release(std::span(&poison.seq, 1));
  return std::unexpected(Trouble{"it could not be put aside: " + parked.error().message});
}

// What cannot leave the table now leaves it later: it is confirmed.
void Delivery::confirm(const std::vector<std::int64_t>& envelopes) {
  acks_waiting_.Set(static_cast<double>(ledger_.size()));
  if (envelopes.empty()) return;
  if (auto confirmed = queue_.confirm(envelopes); !confirmed)
    spdlog::error("delivered findings cannot leave the outbox yet: {}", confirmed.error().message);
}

void Delivery::send_again(const std::vector<std::int64_t>& envelopes) {
  acks_waiting_.Set(static_cast<double>(ledger_.size()));
  ack_resends_.Increment(static_cast<double>(envelopes.size()));
  queue_.release(envelopes);
}

void Delivery::count(const Result<HecAnswer>& answer) {
  posts_.Add({{"endpoint", endpoint_}, {"outcome", outcome_name(answer)}}).Increment();
}

}  // namespace hecate::outputs
