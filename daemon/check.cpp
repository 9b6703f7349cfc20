#include "daemon/config.h"
#include "daemon/content.h"
#include "daemon/plan_output.h"
#include "outputs/json_writer.h"

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

Result<catalogue::LoadResult> read(const CheckOptions& options) {
  if (options.config.empty()) return read_content(options.content);
  auto config = load_config(options.config);
  if (!config) return std::unexpected(config.error());
  catalogue::Sources sources = std::move(config->detections);
  if (sources.detections.empty()) sources.detections.emplace_back(catalogue::kBuiltin);
  sources.include_disabled = true;
  return catalogue::load(sources);
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
  auto loaded = read(options);
  if (!loaded) {
    fmt::print(stderr, "hecate: {}\n", loaded.error().message);
    return 1;
  }
  print_all(*loaded, options.json);
  tell_warnings(*loaded);
  if (loaded->catalogue->detections.empty() && loaded->refused.empty() && loaded->ignored.empty()) {
    fmt::print(stderr, "hecate: there are no detections in these paths\n");
    return 1;
  }
  return loaded->refused.empty() ? 0 : 1;
}

}  // namespace hecate::daemon
