#include "daemon/content.h"
#include "outputs/json_writer.h"

#include <cstdio>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

void print_json(const catalogue::LoadedDetection& loaded) {
  outputs::JsonWriter json;
  json.begin_object();
  json.key("name")
      .value(loaded.detection.name)
      .key("file")
      .value(loaded.detection.file)
      .key("ok")
      .value(true);
  json.key("reason")
      .value("")
      .key("line")
      .value(loaded.detection.line)
      .key("column")
      .value(loaded.detection.column);
  json.key("plan").begin_object();
  json.key("scan").value(fmt::format("{:016x}", loaded.plan->scan()->id()));
  json.key("keeps_events").value(loaded.plan->scan()->keeps_events());
  json.key("first_match").value(loaded.plan->can_emit_first_match());
  json.key("steps").begin_array();
  for (const std::string& line : loaded.plan->describe()) json.value(line);
  json.end_array().end_object().end_object();
  fmt::print("{}\n", json.text());
}

void print_json(const catalogue::Refused& refused) {
  outputs::JsonWriter json;
  json.begin_object();
  json.key("name").value(refused.name).key("file").value(refused.file).key("ok").value(false);
  json.key("reason")
      .value(refused.reason)
      .key("line")
      .value(refused.line)
      .key("column")
      .value(refused.column);
  json.end_object();
  fmt::print("{}\n", json.text());
}

}  // namespace

int check(const CheckOptions& options) {
  catalogue::LoadResult loaded = read_content(options.content);
  for (const catalogue::LoadedDetection& each : loaded.catalogue->detections) {
    if (options.json) {
      print_json(each);
      continue;
    }
    fmt::print("ok {} ({})\n", each.detection.name, each.detection.file);
    for (const std::string& line : each.plan->describe()) fmt::print("     {}\n", line);
  }
  for (const catalogue::Refused& each : loaded.refused) {
    if (options.json) {
      print_json(each);
    } else {
      fmt::print("{}\n", to_line(each));
    }
  }
  if (!options.json)
    fmt::print("{} ok, {} refused\n", loaded.catalogue->detections.size(), loaded.refused.size());
  if (loaded.catalogue->detections.empty() && loaded.refused.empty()) {
    fmt::print(stderr, "hecate: there are no detections in these paths\n");
    return 1;
  }
  return loaded.refused.empty() ? 0 : 1;
}

}  // namespace hecate::daemon
