#include "daemon/config.h"
#include "daemon/content.h"
#include "daemon/plan_output.h"
#include "outputs/hec_client.h"
#include "outputs/json_writer.h"
#include "pipeline/base/clock.h"

#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

using catalogue::LoadedDetection;
using catalogue::Refused;

std::string_view emit_of(const LoadedDetection& loaded) {
  return loaded.detection.emit == catalogue::Emit::first_match ? "first_match" : "schedule";
}

std::vector<std::string_view> actions_of(const LoadedDetection& loaded) {
  std::vector<std::string_view> actions;
  if (loaded.detection.notable) actions.emplace_back("finding");
  if (loaded.detection.risk) actions.emplace_back("risk");
  return actions;
}

void print_text(const LoadedDetection& loaded, const catalogue::Catalogue& catalogue) {
  const catalogue::Detection& detection = loaded.detection;
  fmt::print("{} {} ({})\n", loaded.off.empty() ? "ok" : "off", detection.name, detection.file);
  if (!loaded.off.empty()) fmt::print("     off: {}\n", loaded.off);
  fmt::print("     schedule: {}, from {} to {}\n", detection.cron, detection.earliest, detection.latest);
  fmt::print("     emit: {}; first_match is {}\n", emit_of(loaded),
             loaded.plan->can_emit_first_match() ? "possible" : "not possible");
  auto actions = actions_of(loaded);
  fmt::print("     actions: {}\n",
             actions.empty() ? "none, so nothing is told" : fmt::format("{}", fmt::join(actions, ", ")));
  print_plan(loaded, catalogue, "     ");
}

void print_json(const LoadedDetection& loaded, const catalogue::Catalogue& catalogue) {
  const catalogue::Detection& detection = loaded.detection;
  outputs::JsonWriter json;
  json.begin_object().key("name").value(detection.name).key("file").value(detection.file);
  json.key("ok").value(true).key("reason").value("");
  json.key("line").value(detection.line).key("column").value(detection.column);
  json.key("off").value(loaded.off);
  json.key("schedule").begin_object().key("cron").value(detection.cron);
  json.key("earliest").value(detection.earliest).key("latest").value(detection.latest).end_object();
  json.key("emit").value(emit_of(loaded)).key("actions").begin_array();
  for (std::string_view action : actions_of(loaded)) json.value(action);
  json.end_array();
  json.key("plan");
  write_plan(json, loaded, catalogue);
  json.end_object();
  fmt::print("{}\n", json.text());
}

// One that was not compiled: refused, or skipped because it is `off`.
void print_json(const Refused& refused, bool off) {
  outputs::JsonWriter json;
  json.begin_object().key("name").value(refused.name).key("file").value(refused.file);
  json.key("ok").value(off).key("reason").value(off ? "" : refused.reason);
  json.key("line").value(refused.line).key("column").value(refused.column);
  json.key("off").value(off ? refused.reason : "").end_object();
  fmt::print("{}\n", json.text());
}

Result<catalogue::LoadResult> read(catalogue::Sources sources) {
  if (sources.detections.empty()) sources.detections.emplace_back(catalogue::kBuiltin);
  sources.include_disabled = true;
  return catalogue::load(sources);
}

// What is wrong with the certificates and keys that a configuration names; all of it at once.
std::vector<std::string> wrong_certificates(const Config& config) {
  std::vector<std::string> wrong;
  auto note = [&](const auto& result) {
    if (!result) wrong.push_back(result.error().message);
  };
  Time now = SystemClock().now();
  if (!config.hec.tls.cert_file.empty()) note(TlsServer::check(config.hec.tls, "inputs.hec.tls.", now));
  for (std::size_t i = 0; i < config.syslog.size(); ++i) {
    const SyslogInput& input = config.syslog[i];
    if (input.protocol == SyslogInput::Protocol::tls)
      note(TlsServer::check(input.tls, fmt::format("inputs.syslog[{}].", i), now));
  }
  // All endpoints have the same certificate.
  if (config.output) note(outputs::HecClient::make(config.output->endpoints.front()));
  return wrong;
}

void print_all(const catalogue::LoadResult& loaded, bool json) {
  for (const LoadedDetection& each : loaded.catalogue->detections)
    json ? print_json(each, *loaded.catalogue) : print_text(each, *loaded.catalogue);
  for (const Refused& each : loaded.ignored)
    json ? print_json(each, true)
         : fmt::print("skipped {} ({})\n     {}\n", each.name, each.file, each.reason);
  for (const Refused& each : loaded.refused)
    json ? print_json(each, false) : fmt::print("{}\n", to_line(each));
  if (json) return;
  std::size_t off = 0;
  for (const LoadedDetection& each : loaded.catalogue->detections) off += !each.off.empty();
  fmt::print("{} ok, {} off, {} skipped, {} refused\n", loaded.catalogue->detections.size() - off, off,
             loaded.ignored.size(), loaded.refused.size());
}

}  // namespace

int check(const CheckOptions& options) {
  std::vector<std::string> wrong;
  Result<catalogue::LoadResult> loaded;
  if (options.config.empty()) {
    loaded = read_content(options.content);
  } else if (auto config = load_config(options.config); config) {
    wrong = wrong_certificates(*config);
    loaded = read(std::move(config->detections));
  } else {
    loaded = std::unexpected(config.error());
  }
  if (!loaded) wrong.push_back(loaded.error().message);
  for (const std::string& each : wrong) fmt::print(stderr, "hecate: {}\n", each);
  if (!loaded) return 1;
  print_all(*loaded, options.json);
  tell_warnings(*loaded);
  if (loaded->catalogue->detections.empty() && loaded->refused.empty() && loaded->ignored.empty()) {
    fmt::print(stderr, "hecate: there are no detections in these paths\n");
    return 1;
  }
  return loaded->refused.empty() && wrong.empty() ? 0 : 1;
}

}  // namespace hecate::daemon
