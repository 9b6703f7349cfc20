#include "daemon/address.h"
#include "daemon/commands.h"
#include "outputs/json_writer.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/error.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <span>
#include <sstream>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

// `hecate status`: what a running hecate says of itself on its admin port.
namespace hecate::daemon {
namespace {

constexpr std::size_t kCostliest = 5;
constexpr auto kPatience = std::chrono::seconds(10);

struct Answer {
  int status = 0;
  std::string body;
};

Result<Answer> ask(const std::string& address, const std::string& path) {
  auto parts = parse_address(address);
  if (!parts) return std::unexpected(parts.error());
  boost::asio::ip::tcp::iostream stream;
  stream.expires_after(kPatience);
  stream.connect(parts->host, std::to_string(parts->port));
  stream << "GET " << path << " HTTP/1.0\r\nHost: " << address << "\r\n\r\n" << std::flush;
  Answer answer;
  std::string line;
  if (stream >> line >> answer.status) {
    while (std::getline(stream, line) && line != "\r") continue;
    std::ostringstream body;
    if (stream.peek() != std::char_traits<char>::eof()) body << stream.rdbuf();
    answer.body = body.str();
    return answer;
  }
  return fail(fmt::format(
      "{} does not answer: {}; is hecate running there, and is this its admin.listen? (--address)", address,
      stream.error() ? stream.error().message() : "no HTTP"));
}

// /metrics by name, then by labels' values in the order of the labels.
using Samples = std::map<std::string, std::map<std::vector<std::string>, double>>;

// The values of `{a="x",b="y"}`; `at` stands behind the brace.
std::vector<std::string> label_values(std::string_view line, std::size_t& at) {
  std::vector<std::string> values;
  bool inside = false;
  for (; at < line.size() && (inside || line[at] != '}'); ++at) {
    if (line[at] == '"') {
      inside = !inside;
      if (inside) values.emplace_back();
    } else if (inside && line[at] == '\\' && at + 1 < line.size()) {
      ++at;
      values.back() += line[at] == 'n' ? '\n' : line[at];
    } else if (inside) {
      values.back() += line[at];
    }
  }
  if (at < line.size()) ++at;
  return values;
}

Samples read_samples(const std::string& text) {
  Samples samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::size_t at = line.find_first_of("{ ");
    if (at == std::string::npos) continue;
    std::string name = line.substr(0, at);
    std::vector<std::string> labels;
    if (line[at] == '{') labels = label_values(line, ++at);
    samples[name][std::move(labels)] = std::strtod(line.c_str() + at, nullptr);
  }
  return samples;
}

class Status {
 public:
  Status(const Answer& ready, const std::string& metrics, double now)
      : ready_(ready.status == 200), why_(ready.body), samples_(read_samples(metrics)), now_(now) {
    while (why_.ends_with('\n')) why_.pop_back();
  }

  [[nodiscard]] bool ready() const { return ready_; }

  void print() const {
    fmt::print("hecate {}: {}\n", version(), ready_ ? "ready" : "not ready: " + why_);
    fmt::print("state: {:.1f} MiB, {:.1f} GiB left on its disk\n", one("hecate_journal_bytes") / (1 << 20),
               one("hecate_journal_disk_free_bytes") / (1 << 30));
    fmt::print("inputs:\n");
    for (const std::string& each : firsts("hecate_events_received_total"))
      fmt::print("  {}: {:.0f} events received, {:.0f} evaluated, {:.0f} rejected\n", each,
                 of("hecate_events_received_total", each), of("hecate_events_evaluated_total", each),
                 of("hecate_events_rejected_total", each));
    print_sources();
    fmt::print("detections:\n");
    for (const std::string& each : firsts("hecate_window_next_run_seconds")) {
      double next = of("hecate_window_next_run_seconds", each) - now_;
      fmt::print(
          "  {}: {:.0f} matches of {:.0f} candidates, {:.0f} findings, {:.0f} runs ({:.0f} incomplete), "
          "{:.3f} s, "
          "{}\n",
          each, of("hecate_matches_total", each), of("hecate_candidates_total", each),
          of("hecate_findings_total", each), of("hecate_window_runs_total", each),
          of("hecate_window_incomplete_total", each), seconds(each),
          next < 0 ? fmt::format("overdue by {:.0f} s", -next) : fmt::format("next in {:.0f} s", next));
    }
    print_costliest();
    if (double without = one("hecate_detections_without_candidates"); without > 0)
      fmt::print("  {:.0f} had no candidate for a day: see /api/sources\n", without);
    if (!posts()) return fmt::print("findings out: no outputs.hec\n");
    fmt::print("findings out: {:.0f} wait, the oldest for {:.0f} s; {:.0f} parked since the start\n",
               one("hecate_outbox_findings"), one("hecate_outbox_oldest_age_seconds"),
               one("hecate_outbox_parked_total"));
  }

  void print_json() const {
    outputs::JsonWriter json;
    json.begin_object().key("ready").value(ready_).key("version").value(version());
    if (!ready_) json.key("why").value(why_);
    json.key("state").begin_object();
    number(json, "bytes", one("hecate_journal_bytes"));
    number(json, "disk_free_bytes", one("hecate_journal_disk_free_bytes"));
    json.end_object().key("inputs").begin_array();
    for (const std::string& each : firsts("hecate_events_received_total")) {
      json.begin_object().key("name").value(each);
      for (const char* what : {"received", "evaluated", "rejected"})
        number(json, what, of(fmt::format("hecate_events_{}_total", what), each));
      json.end_object();
    }
    json.end_array().key("sources").begin_object();
    for (const auto& [labels, count] : family("hecate_sources")) number(json, labels.at(0), count);
    number(json, "untracked_events", one("hecate_source_untracked_events_total"));
    json.end_object().key("silent").begin_array();
    for (const auto& [labels, last_seen] : silent_sources()) {
      json.begin_object().key("host").value(labels.at(1)).key("channel").value(labels.at(0));
      number(json, "last_seen", last_seen);
      json.end_object();
    }
    json.end_array();
    number(json, "detections_without_candidates", one("hecate_detections_without_candidates"));
    json.key("detections").begin_array();
    for (const std::string& each : firsts("hecate_window_next_run_seconds")) {
      json.begin_object().key("name").value(each);
      number(json, "candidates", of("hecate_candidates_total", each));
      number(json, "matches", of("hecate_matches_total", each));
      json.key("match_seconds").raw(fmt::format("{:.6f}", of("hecate_match_seconds_total", each)));
      json.key("run_seconds").raw(fmt::format("{:.6f}", of("hecate_window_seconds_total", each)));
      number(json, "findings", of("hecate_findings_total", each));
      number(json, "runs", of("hecate_window_runs_total", each));
      number(json, "incomplete", of("hecate_window_incomplete_total", each));
      number(json, "next_run", of("hecate_window_next_run_seconds", each));
      json.end_object();
    }
    json.end_array();
    if (posts()) {
      json.key("outbox").begin_object();
      number(json, "waiting", one("hecate_outbox_findings"));
      number(json, "oldest_seconds", one("hecate_outbox_oldest_age_seconds"));
      number(json, "parked", one("hecate_outbox_parked_total"));
      json.end_object();
    }
    fmt::print("{}\n", json.end_object().text());
  }

 private:
  using Series = std::map<std::vector<std::string>, double>;

  void print_sources() const {
    std::string states;
    for (const auto& [labels, count] : family("hecate_sources"))
      states += fmt::format("{}{:.0f} {}", states.empty() ? "" : ", ", count, labels.at(0));
    fmt::print("sources: {}\n", states);
    for (const auto& [labels, last_seen] : silent_sources())
      fmt::print("  silent: {} {}, nothing for {:.0f} s\n", labels.at(1), labels.at(0), now_ - last_seen);
    double untracked = one("hecate_source_untracked_events_total");
    if (untracked > 0) fmt::print("  {:.0f} events of sources beyond sources.most\n", untracked);
  }

  // Of events and runs, since the start.
  [[nodiscard]] double seconds(const std::string& detection) const {
    return of("hecate_match_seconds_total", detection) + of("hecate_window_seconds_total", detection);
  }

  void print_costliest() const {
    std::vector<std::pair<double, std::string>> costs;
    for (const std::string& each : firsts("hecate_window_next_run_seconds"))
      costs.emplace_back(seconds(each), each);
    if (costs.size() <= kCostliest) return;
    std::ranges::sort(costs, std::greater());
    fmt::print("the costliest:\n");
    for (const auto& [spent, name] : std::span(costs).first(kCostliest))
      fmt::print("  {:.3f} s: {}\n", spent, name);
  }

  // When they were seen last, by channel and host; of those that have series of their own.
  [[nodiscard]] Series silent_sources() const {
    Series found;
    for (const auto& [labels, silent] : family("hecate_source_silent")) {
      auto seen = family("hecate_source_last_seen_seconds").find(labels);
      if (silent > 0 && labels.size() == 2 && seen != family("hecate_source_last_seen_seconds").end())
        found.insert(*seen);
    }
    return found;
  }

  static void number(outputs::JsonWriter& json, std::string_view key, double value) {
    json.key(key).value(static_cast<std::int64_t>(std::llround(value)));
  }

  [[nodiscard]] const Series& family(const std::string& name) const {
    static const Series kNone;
    auto found = samples_.find(name);
    return found == samples_.end() ? kNone : found->second;
  }

  // All series of a metric together, or those whose first label is `label`: input and detection come first.
  [[nodiscard]] double one(const std::string& name) const {
    double sum = 0;
    for (const auto& [labels, value] : family(name)) sum += value;
    return sum;
  }
  [[nodiscard]] double of(const std::string& name, const std::string& label) const {
    double sum = 0;
    for (const auto& [labels, value] : family(name))
      if (!labels.empty() && labels[0] == label) sum += value;
    return sum;
  }
  [[nodiscard]] std::vector<std::string> firsts(const std::string& name) const {
    std::vector<std::string> found;
    for (const auto& [labels, value] : family(name)) found.push_back(labels.empty() ? "" : labels[0]);
    return found;
  }

  [[nodiscard]] bool posts() const { return samples_.contains("hecate_outbox_findings"); }
  // Labels are shown in the order of their names: revision, version.
  [[nodiscard]] std::string version() const {
    const auto& build = family("hecate_build_info");
    return build.empty() || build.begin()->first.size() < 2 ? "?" : build.begin()->first[1];
  }

  bool ready_;
  std::string why_;
  Samples samples_;
  double now_;
};

}  // namespace

int status(const StatusOptions& options) {
  auto ready = ask(options.address, "/readyz");
  auto metrics = ready ? ask(options.address, "/metrics") : ready;
  if (metrics && metrics->status != 200)
    metrics = fail(fmt::format("{}: /metrics answers {}; is this hecate's admin port?", options.address,
                               metrics->status));
  if (!metrics) {
    fmt::print(stderr, "hecate: {}\n", metrics.error().message);
    return 2;
  }
  Status status(*ready, metrics->body, static_cast<double>(SystemClock().now()) / kSecond);
  options.json ? status.print_json() : status.print();
  return status.ready() ? 0 : 1;
}

}  // namespace hecate::daemon
