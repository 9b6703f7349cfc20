#include "daemon/api.h"

#include "daemon/metric_values.h"
#include "daemon/url.h"
#include "daemon/version.h"
#include "outputs/json_writer.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

void number(outputs::JsonWriter& json, std::string_view key, double value) {
  json.key(key).value(static_cast<std::int64_t>(std::llround(value)));
}

void write_inputs(outputs::JsonWriter& json, const MetricValues& values) {
  auto dropped = values.by("hecate_syslog_dropped_total", "input");
  json.key("inputs").begin_array();
  for (const auto& [name, received] : values.by("hecate_events_received_total", "input")) {
    json.begin_object().key("name").value(name);
    number(json, "received", received);
    number(json, "evaluated", values.sum("hecate_events_evaluated_total", "input", name));
    number(json, "rejected", values.sum("hecate_events_rejected_total", "input", name));
    number(json, "dropped", dropped[name]);
    number(json, "malformed", values.sum("hecate_events_malformed_total", "input", name));
    number(json, "queue_bytes", values.sum("hecate_queue_bytes", "input", name));
    json.end_object();
  }
  json.end_array();
}

void write_rates(outputs::JsonWriter& json, const FlowHistory& flow) {
  json.key("rates").begin_object().key("seconds").value(AdminServer::kTick.count());
  json.key("last").value(format_iso(flow.last())).key("inputs").begin_object();
  for (const auto& [input, rates] : flow.rates()) {
    json.key(input).begin_array();
    for (double rate : rates) json.raw(fmt::format("{:.1f}", rate));
    json.end_array();
  }
  json.end_object().end_object();
}

void write_outbox(outputs::JsonWriter& json, const MetricValues& values) {
  if (!values.has("hecate_outbox_findings")) return;
  json.key("outbox").begin_object();
  number(json, "waiting", values.sum("hecate_outbox_findings"));
  number(json, "oldest_seconds", values.sum("hecate_outbox_oldest_age_seconds"));
  number(json, "parked", values.sum("hecate_outbox_parked_total"));
  number(json, "acks_waiting", values.sum("hecate_outbox_acks_waiting"));
  json.key("endpoints").begin_array();
  for (const auto& [endpoint, acks] : values.by("hecate_outbox_acks_waiting", "endpoint")) {
    json.begin_object().key("endpoint").value(endpoint);
    for (const auto& [outcome, posts] :
         values.by("hecate_outbox_posts_total", "outcome", "endpoint", endpoint))
      number(json, outcome, posts);
    json.end_object();
  }
  json.end_array().end_object();
}

// What of it is another one than before says that a list must be asked for again.
void write_changes(outputs::JsonWriter& json, const MetricValues& values, const ContentStatus& content) {
  json.key("changes").begin_object();
  double findings = 0, runs = 0;
  for (const char* name : {"hecate_findings_total", "hecate_findings_revised_total",
                           "hecate_findings_withdrawn_total", "hecate_findings_removed_total"})
    findings += values.sum(name);
  for (const char* name : {"hecate_window_runs_total", "hecate_window_reruns_total"})
    runs += values.sum(name);
  number(json, "findings", findings);
  number(json, "runs", runs);
  json.key("content").value(std::max(content.loaded, content.refused_at)).end_object();
}

}  // namespace

std::optional<AdminAnswer> refuse_unknown(const AdminRequest& request,
                                          std::initializer_list<std::string_view> known) {
  for (const std::string& name : query_names(request.query))
    if (std::ranges::find(known, name) == known.end())
      return error_answer(400,
                          fmt::format("{}: no such parameter; known are {}", name, fmt::join(known, ", ")));
  return std::nullopt;
}

Api::Api(Subject subject) : subject_(subject), started_(subject.clock.now()) {}

std::map<std::string, AdminServer::Handler> Api::routes() {
  return {
      {"/api/status", [this](const AdminRequest& request) { return status(request); }},
      {"/api/findings",
       [this](const AdminRequest& request) { return findings_answer(subject_.reader, request); }},
      {"/api/finding",
       [this](const AdminRequest& request) { return finding_answer(subject_.reader, request); }},
      {"/api/detections",
       [this](const AdminRequest& request) { return detections_answer(subject_, request); }},
  };
}

void Api::tick() {
  MetricValues values(subject_.registry);
  flow_.sample(subject_.clock.now(), values.by("hecate_events_received_total", "input"));
}

AdminAnswer Api::status(const AdminRequest& request) const {
  if (auto refused = refuse_unknown(request, {"rates"})) return std::move(*refused);
  MetricValues values(subject_.registry);
  ContentStatus content = subject_.content.get();
  std::string trouble = subject_.store.trouble();
  outputs::JsonWriter json;
  json.begin_object().key("version").value(version_line());
  json.key("time").value(format_iso(subject_.clock.now())).key("started").value(format_iso(started_));
  json.key("ready").value(trouble.empty()).key("why").value(trouble);
  write_changes(json, values, content);
  json.key("detections").begin_object().key("running").value(content.running->detections.size());
  json.key("reload_refused").value(content.refused_at != 0).end_object();
  write_inputs(json, values);
  json.key("queue_limit_bytes").value(subject_.config.ingest.queue_bytes);
  if (!request.parameter("rates").empty()) write_rates(json, flow_);
  write_outbox(json, values);
  json.key("late").begin_object();
  number(json, "aside_late", values.sum("hecate_events_aside_total", "reason", "late"));
  number(json, "aside_future", values.sum("hecate_events_aside_total", "reason", "future"));
  number(json, "late_groups", values.sum("hecate_window_late_groups_total"));
  number(json, "reruns", values.sum("hecate_window_reruns_total"));
  json.end_object().key("state").begin_object();
  number(json, "bytes", values.sum("hecate_journal_bytes"));
  number(json, "disk_free_bytes", values.sum("hecate_journal_disk_free_bytes"));
  json.end_object();
  return {200, "application/json", json.end_object().take()};
}

}  // namespace hecate::daemon
