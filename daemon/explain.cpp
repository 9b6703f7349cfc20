// `hecate explain`: why an event did or did not match, clause by clause.

#include "daemon/content.h"
#include "daemon/event_explainer.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/nearest.h"
#include "pipeline/spl/values.h"

#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

using catalogue::LoadedDetection;

bool is_content_file(const std::string& name) {
  std::error_code error;
  return (name.ends_with(".yml") || name.ends_with(".yaml") || name.ends_with(".conf")) &&
         std::filesystem::exists(name, error);
}

// Those that the name means: one by its name, or all of a file. Empty: it was told why.
std::vector<const LoadedDetection*> chosen(const catalogue::LoadResult& loaded,
                                           const ExplainOptions& options) {
  std::vector<const LoadedDetection*> found;
  std::vector<std::string_view> names;
  bool all = options.name.empty() || is_content_file(options.name);
  for (const LoadedDetection& each : loaded.catalogue->detections) {
    names.emplace_back(each.detection.name);
    if (all || spl::equals_without_case(each.detection.name, options.name)) found.push_back(&each);
  }
  if (!found.empty()) return found;
  for (const catalogue::Refused& each : loaded.refused)
    if (all || spl::equals_without_case(each.name, options.name))
      return fmt::print(stderr, "{}\n", to_line(each)), found;
  std::string_view near = nearest(options.name, names);
  fmt::print(stderr, "hecate: there is no detection `{}`{}\n", options.name,
             near.empty() ? "; `hecate check` lists them, --detections names other files"
                          : fmt::format(": did you mean `{}`?", near));
  return found;
}

}  // namespace

int explain(const ExplainOptions& options) {
  ContentOptions content = options.content;
  content.keep_places = true;
  if (is_content_file(options.name)) content.detections.push_back(options.name);
  if (options.name.empty() && !content.spl) {
    fmt::print(stderr, "hecate: name a detection, or give a search with --spl\n");
    return 2;
  }
  catalogue::LoadResult loaded = read_content(content);
  auto detections = chosen(loaded, options);
  if (detections.empty()) return 2;
  std::vector<EventExplainer> explainers;
  for (const LoadedDetection* each : detections)
    explainers.emplace_back(*each, loaded.catalogue, static_cast<std::size_t>(options.limit));
  bool complete = read_files(options.input, [&](EventView& event, Time now) {
    for (EventExplainer& each : explainers) each.look_at(event, now);
  });
  for (std::size_t i = 0; i < detections.size(); ++i) {
    const ClauseTally* tally = options.input.files.empty() ? nullptr : &explainers[i].tally();
    std::vector<ExplainedEvent> events = explainers[i].explained();
    if (options.json)
      write_explanation(*detections[i], *loaded.catalogue, tally, events);
    else
      print_explanation(*detections[i], *loaded.catalogue, tally, events);
  }
  return complete ? 0 : 1;
}

}  // namespace hecate::daemon
