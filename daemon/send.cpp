#include "absl/container/flat_hash_map.h"
#include "daemon/content.h"
#include "daemon/interruption.h"
#include "daemon/time_shift.h"
#include "outputs/hec_client.h"
#include "outputs/json_writer.h"
#include "pipeline/base/clock.h"
#include "pipeline/fields/event_fields.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

using Monotonic = std::chrono::steady_clock;

// One event as it will be posted.
struct Outgoing {
  Time time;
  std::string host, source, sourcetype, index, raw;
  bool json;  // the payload goes in as an object, not as a text
};

// A body of up to `batch` envelopes.
struct Body {
  std::string text;
  int events = 0;
};

Result<std::vector<Outgoing>> read_all(const SendOptions& options) {
  // The field layer settles each event's time as the daemon will.
  spl::FieldNames names;
  auto rules = fields::FieldRules::compile(fields::FieldRules::builtin(), names);
  if (!rules) return std::unexpected(rules.error());
  auto event_fields = fields::EventFields::make(names, *rules);
  Time now = SystemClock().now();
  std::vector<Outgoing> events;
  decode::FileDefaults defaults{.host = options.host,
                                .source = options.source,
                                .sourcetype = options.sourcetype,
                                .index = options.index};
  ProgressLine progress;
  auto read = decode::read_events(
      options.file, input_format(options.format), defaults,
      [&](EventView& event) {
        event_fields->reset(event, now);
        events.push_back({event_fields->time(), std::string(event_fields->host()), std::string(event.source),
                          std::string(event.sourcetype), std::string(event.index), std::string(event.raw),
                          event.shape == Shape::json});
      },
      progress.sink(options.file));
  if (!read) return std::unexpected(read.error());
  (void)tell_read(options.file, read);
  if (events.empty()) return fail(fmt::format("{}: there are no events in it", options.file));
  return events;
}

// Moves all events so that the newest happens now.
void shift_to_present(std::vector<Outgoing>& events) {
  Time newest = std::ranges::max(events, {}, &Outgoing::time).time;
  Time delta = SystemClock().now() - newest;
  for (Outgoing& event : events) {
    event.time += delta;
    event.raw = shift_times(event.raw, delta);
  }
}

void append_envelope(std::string& out, const Outgoing& event) {
  outputs::JsonWriter json;
  json.begin_object().key("time").raw(format_epoch(event.time));
  if (!event.host.empty()) json.key("host").value(event.host);
  if (!event.source.empty()) json.key("source").value(event.source);
  if (!event.sourcetype.empty()) json.key("sourcetype").value(event.sourcetype);
  if (!event.index.empty()) json.key("index").value(event.index);
  json.key("event");
  if (event.json) {
    json.raw(event.raw);
  } else {
    json.value(event.raw);
  }
  json.end_object();
  out += json.text();
}

std::vector<Body> make_bodies(const std::vector<Outgoing>& events, int batch) {
  std::vector<Body> bodies;
  for (const Outgoing& event : events) {
    if (bodies.empty() || bodies.back().events == batch) bodies.emplace_back();
    append_envelope(bodies.back().text, event);
    ++bodies.back().events;
  }
  return bodies;
}

// What all connections share.
struct Sending {
  const std::vector<Body>& bodies;
  const SendOptions& options;
  Monotonic::time_point start = Monotonic::now();
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> events{0}, bytes{0}, requests{0}, retries{0};
  std::atomic<bool> failed{false};
  [[nodiscard]] bool over() const { return failed || Interruption::signal() != 0; }
  std::mutex mutex{};
  std::string failure{};
  std::vector<double> milliseconds{};

  void fail(std::string why) {
    std::lock_guard lock(mutex);
    if (!failed.exchange(true)) failure = std::move(why);
  }
};

// Holds a connection back until its next body is due.
void wait_for_turn(const Sending& sending, std::size_t number) {
  if (sending.options.rate <= 0) return;
  double due = static_cast<double>(number) * sending.options.batch / sending.options.rate;
  constexpr std::chrono::milliseconds kLongest(100);
  auto turn =
      sending.start + std::chrono::duration_cast<Monotonic::duration>(std::chrono::duration<double>(due));
  while (!sending.over() && Monotonic::now() < turn)
    std::this_thread::sleep_until(std::min(turn, Monotonic::now() + kLongest));
}

// Posts one body until it is taken; busy answers are tried again, everything else ends the sending.
bool post(Sending& sending, outputs::HecClient& client, const Body& body) {
  constexpr int kTries = 50;
  for (int attempt = 0; attempt < kTries && !sending.over(); ++attempt) {
    auto answer = client.post(body.text);
    if (answer && answer->accepted()) return true;
    bool busy = answer && (answer->status == 503 || answer->status == 429);
    if (!busy) {
      sending.fail(answer ? fmt::format("{} answered {} code {}: {}", sending.options.url, answer->status,
                                        answer->code, answer->text)
                          : answer.error().message);
      return false;
    }
    ++sending.retries;
    std::this_thread::sleep_for(std::chrono::milliseconds(20) * (attempt + 1));
  }
  if (sending.over()) return false;
  sending.fail(fmt::format("{} stayed busy (503) through {} tries", sending.options.url, kTries));
  return false;
}

void run_connection(Sending& sending) {
  outputs::HecEndpoint endpoint;
  endpoint.url = sending.options.url;
  endpoint.token = sending.options.token;
  endpoint.ca_file = sending.options.ca_file;
  endpoint.verify = !sending.options.insecure;
  auto client = outputs::HecClient::make(std::move(endpoint));
  if (!client) return sending.fail(client.error().message);
  std::vector<double> milliseconds{};
  std::size_t end = sending.bodies.size() * static_cast<std::size_t>(std::max(1, sending.options.repeat));
  std::chrono::duration<double> limit(sending.options.seconds);
  while (!sending.over()) {
    std::size_t number = sending.next++;
    if (sending.options.seconds > 0 ? Monotonic::now() - sending.start >= limit : number >= end) break;
    wait_for_turn(sending, number);
    if (sending.over()) break;
    const Body& body = sending.bodies[number % sending.bodies.size()];
    auto before = Monotonic::now();
    if (!post(sending, **client, body)) break;
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Monotonic::now() - before).count());
    sending.events += static_cast<std::uint64_t>(body.events);
    sending.bytes += body.text.size();
    ++sending.requests;
  }
  std::lock_guard lock(sending.mutex);
  sending.milliseconds.insert(sending.milliseconds.end(), milliseconds.begin(), milliseconds.end());
}

void print_summary(Sending& sending) {
  double seconds = std::chrono::duration<double>(Monotonic::now() - sending.start).count();
  std::ranges::sort(sending.milliseconds);
  auto quantile = [&](double q) {
    if (sending.milliseconds.empty()) return 0.0;
    return sending
        .milliseconds[static_cast<std::size_t>(q * static_cast<double>(sending.milliseconds.size() - 1))];
  };
  fmt::print(
      "{} events in {} requests, {:.1f} MiB, {:.3f} s: {:.0f} events/s; request p50 {:.2f} ms, p99 {:.2f} "
      "ms; "
      "{} sent again when busy\n",
      sending.events.load(), sending.requests.load(), static_cast<double>(sending.bytes) / 1048576.0, seconds,
      static_cast<double>(sending.events) / seconds, quantile(0.5), quantile(0.99), sending.retries.load());
}

}  // namespace

int send(const SendOptions& options) {
  auto events = read_all(options);
  if (!events) {
    fmt::print(stderr, "hecate: {}\n", events.error().message);
    return 2;
  }
  if (options.now) shift_to_present(*events);
  std::vector<Body> bodies = make_bodies(*events, std::max(1, options.batch));
  events->clear();
  Interruption interruption;  // so that what was sent is told
  Sending sending{.bodies = bodies, .options = options};
  std::vector<std::thread> connections;
  for (int i = 0; i < std::max(1, options.connections); ++i)
    connections.emplace_back([&sending] { run_connection(sending); });
  for (std::thread& each : connections) each.join();
  print_summary(sending);
  if (Interruption::signal() != 0) return Interruption::exit_code();
  if (!sending.failed) return 0;
  fmt::print(stderr, "hecate: sending stopped: {}\n", sending.failure);
  return 1;
}

}  // namespace hecate::daemon
