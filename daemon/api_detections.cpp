#include "daemon/api.h"
#include "daemon/metric_values.h"
#include "daemon/plan_output.h"
#include "outputs/json_writer.h"
#include "pipeline/window/journal_rows.h"

#include <cmath>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace hecate::daemon {
namespace {

using catalogue::LoadedDetection;
using catalogue::Refused;
using outputs::JsonWriter;

constexpr int kRunsInList = 5;
constexpr int kRunsInFull = 50;

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const std::string& each : texts) json.value(each);
  json.end_array();
}

void write_refused(JsonWriter& json, std::string_view key, const std::vector<Refused>& all) {
  json.key(key).begin_array();
  for (const Refused& each : all) {
    json.begin_object().key("name").value(each.name).key("file").value(each.file);
    json.key("line").value(each.line).key("column").value(each.column);
    json.key("reason").value(each.reason).end_object();
  }
  json.end_array();
}

// By scan, what its state takes on disk.
Result<std::map<std::uint64_t, std::int64_t>> read_state_bytes(store::Database& reader) {
  auto statement = reader.prepare("SELECT scan, sum(bytes) FROM pane_size GROUP BY scan");
  if (!statement) return std::unexpected(statement.error());
  std::map<std::uint64_t, std::int64_t> found;
  auto read = (*statement)->each_row([&] {
    found[static_cast<std::uint64_t>((*statement)->integer(0))] = (*statement)->integer(1);
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

// By detection, findings told since then.
Result<std::map<std::string, std::int64_t>> read_findings_since(store::Database& reader, Time since) {
  auto statement = reader.prepare(
      "SELECT f.detection, count(*) FROM finding f JOIN run r ON r.run = f.run WHERE f.created >= ? AND"
      " f.revision = 1 AND r.done = 1 GROUP BY f.detection");
  if (!statement) return std::unexpected(statement.error());
  std::map<std::string, std::int64_t> found;
  auto read = (*statement)->bind(1, since).each_row([&] {
    found[std::string((*statement)->text(0))] = (*statement)->integer(1);
  });
  if (!read) return std::unexpected(read.error());
  return found;
}

void write_run(JsonWriter& json, const window::DoneRun& run) {
  json.begin_object().key("scheduled").value(format_iso(run.scheduled));
  json.key("earliest").value(format_iso(run.earliest)).key("latest").value(format_iso(run.latest));
  if (run.evaluated != 0) json.key("evaluated").value(format_iso(run.evaluated));
  if (run.took != 0) json.key("seconds").raw(fmt::format("{:.6f}", static_cast<double>(run.took) / kSecond));
  json.key("rows").value(run.rows).key("incomplete").value(run.incomplete).end_object();
}

// What is told of all detections, gathered once.
class Telling {
 public:
  static Result<Telling> of(const Api::Subject& subject, bool in_full) {
    Telling telling(subject, in_full);
    auto bytes = read_state_bytes(subject.reader);
    if (!bytes) return std::unexpected(bytes.error());
    telling.state_bytes_ = *std::move(bytes);
    auto findings = read_findings_since(subject.reader, subject.clock.now() - kDay);
    if (!findings) return std::unexpected(findings.error());
    telling.findings_ = *std::move(findings);
    return telling;
  }

  Result<void> write(JsonWriter& json, const LoadedDetection& loaded) {
    json.begin_object();
    write_content(json, loaded.detection);
    if (in_full_) write_text(json, loaded);
    write_figures(json, loaded);
    auto runs =
        window::read_done_runs(subject_.reader, loaded.detection.name, in_full_ ? kRunsInFull : kRunsInList);
    if (!runs) return std::unexpected(runs.error());
    json.key("runs").begin_array();
    for (const window::DoneRun& run : *runs) write_run(json, run);
    json.end_array().end_object();
    return {};
  }

 private:
  Telling(const Api::Subject& subject, bool in_full)
      : subject_(subject),
        in_full_(in_full),
        values_(subject.registry),
        next_(values_.by("hecate_window_next_run_seconds", "detection")),
        candidates_(values_.by("hecate_candidates_total", "detection")),
        matches_(values_.by("hecate_matches_total", "detection")),
        match_seconds_(values_.by("hecate_match_seconds_total", "detection")),
        run_seconds_(values_.by("hecate_window_seconds_total", "detection")),
        incomplete_(values_.by("hecate_window_incomplete_total", "detection")) {}

  static void write_content(JsonWriter& json, const catalogue::Detection& detection) {
    json.key("name").value(detection.name).key("id").value(detection.id);
    json.key("version").value(detection.version).key("type").value(detection.type);
    json.key("file").value(detection.file).key("line").value(detection.line);
    json.key("cron").value(detection.cron).key("earliest").value(detection.earliest);
    json.key("latest").value(detection.latest);
    json.key("emit").value(detection.emit == catalogue::Emit::first_match ? "first_match" : "schedule");
    json.key("actions").begin_array();
    if (detection.notable) json.value("finding");
    if (detection.risk) json.value("risk");
    json.end_array();
    write_texts(json, "mitre_attack", detection.mitre_attack);
  }

  static void write_text(JsonWriter& json, const LoadedDetection& loaded) {
    const catalogue::Detection& detection = loaded.detection;
    json.key("description").value(detection.description).key("search").value(detection.search);
    json.key("how_to_implement").value(detection.how_to_implement);
    json.key("known_false_positives").value(detection.known_false_positives);
    json.key("status").value(detection.status).key("author").value(detection.author);
    write_texts(json, "analytic_stories", detection.analytic_stories);
    write_texts(json, "references", detection.references);
    write_texts(json, "data_sources", detection.data_sources);
    write_texts(json, "plan", plan_lines(loaded.plan->describe()));
  }

  void write_figures(JsonWriter& json, const LoadedDetection& loaded) {
    const std::string& name = loaded.detection.name;
    if (auto next = next_.find(name); next != next_.end())
      json.key("next_run").value(format_iso(static_cast<Time>(next->second * kSecond)));
    json.key("candidates").value(std::llround(candidates_[name]));
    json.key("matches").value(std::llround(matches_[name]));
    json.key("match_seconds").raw(fmt::format("{:.6f}", match_seconds_[name]));
    json.key("run_seconds").raw(fmt::format("{:.6f}", run_seconds_[name]));
    json.key("incomplete_runs").value(std::llround(incomplete_[name]));
    json.key("findings_24h").value(findings_[name]);
    std::int64_t state_bytes = 0;
    for (const auto& scan : loaded.plan->scans()) state_bytes += state_bytes_[scan->id()];
    json.key("state_bytes").value(state_bytes);
  }

  const Api::Subject& subject_;
  bool in_full_;
  MetricValues values_;
  std::map<std::string, double> next_, candidates_, matches_, match_seconds_, run_seconds_, incomplete_;
  std::map<std::uint64_t, std::int64_t> state_bytes_;
  std::map<std::string, std::int64_t> findings_;
};

AdminAnswer unreadable(const Error& error) {
  spdlog::error("the runs of the detections could not be read: {}", error.message);
  return error_answer(500, "the runs could not be read; see the log");
}

AdminAnswer one_detection(const Api::Subject& subject, const ContentStatus& content,
                          const std::string& name) {
  for (const LoadedDetection& loaded : content.running->detections) {
    if (loaded.detection.name != name) continue;
    auto telling = Telling::of(subject, true);
    if (!telling) return unreadable(telling.error());
    JsonWriter json;
    if (auto written = telling->write(json, loaded); !written) return unreadable(written.error());
    return {200, "application/json", json.take()};
  }
  return error_answer(404, "no detection of this name is running");
}

AdminAnswer names_of(const ContentStatus& content) {
  JsonWriter json;
  json.begin_object().key("detections").begin_array();
  for (const LoadedDetection& loaded : content.running->detections)
    json.begin_object().key("name").value(loaded.detection.name).end_object();
  return {200, "application/json", json.end_array().end_object().take()};
}

}  // namespace

AdminAnswer detections_answer(const Api::Subject& subject, const AdminRequest& request) {
  if (auto refused = refuse_unknown(request, {"name", "names"})) return std::move(*refused);
  ContentStatus content = subject.content.get();
  if (std::string name = request.parameter("name"); !name.empty())
    return one_detection(subject, content, name);
  if (!request.parameter("names").empty()) return names_of(content);
  auto telling = Telling::of(subject, false);
  if (!telling) return unreadable(telling.error());
  JsonWriter json;
  json.begin_object().key("loaded").value(format_iso(content.loaded));
  if (content.refused_at != 0) {
    json.key("reload_refused").begin_object().key("time").value(format_iso(content.refused_at));
    json.key("why").value(content.why);
    write_refused(json, "detections", content.refused);
    json.end_object();
  }
  write_refused(json, "off", content.ignored);
  write_refused(json, "warnings", content.warnings);
  json.key("detections").begin_array();
  for (const LoadedDetection& loaded : content.running->detections)
    if (auto written = telling->write(json, loaded); !written) return unreadable(written.error());
  json.end_array();
  return {200, "application/json", json.end_object().take()};
}

}  // namespace hecate::daemon
