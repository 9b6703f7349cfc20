#include "daemon/content.h"
#include "daemon/text_row.h"
#include "outputs/json_writer.h"
#include "pipeline/base/clock.h"
#include "pipeline/match/matcher.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

void print_json(const std::string& detection, const TextRow& row) {
  outputs::JsonWriter json;
  json.begin_object().key("detection").value(detection).key("row").begin_object();
  for (const auto& [name, values] : row) json.key(name).value(std::span(values));
  json.end_object().end_object();
  fmt::print("{}\n", json.text());
}

// For people: one block a row, a line a field, since rows of detections are wider than a terminal.
void print_table(const std::string& detection, std::size_t number, const TextRow& row) {
  std::size_t width = 0;
  for (const auto& [name, values] : row) width = std::max(width, name.size());
  fmt::print("{}#{} {}\n", number > 1 ? "\n" : "", number, detection);
  for (const auto& [name, values] : row)
    fmt::print("  {:<{}}  {}\n", name, width, fmt::join(values, "\n" + std::string(width + 4, ' ')));
}

}  // namespace

int search(const SearchOptions& options) {
  auto catalogue = load_content(options.content);
  if (!catalogue) return 2;
  match::Matcher matcher(std::make_shared<const match::ScanSet>(catalogue), match::Panes::one_window);
  store::DeltaSet deltas;
  bool complete =
      read_files(options.input, [&](EventView& event, Time now) { matcher.evaluate(event, now, deltas); });

  Time now = SystemClock().now();
  for (const catalogue::LoadedDetection& each : catalogue->detections) {
    std::size_t number = 0;
    auto print = [&](const TextRow& row) {
      ++number;
      if (options.output == "table") {
        print_table(each.detection.name, number, row);
      } else {
        print_json(each.detection.name, row);
      }
    };
    std::string incomplete = run_window(*each.plan, deltas, {.latest = now, .now = now}, print);
    if (incomplete.empty()) continue;
    complete = false;
    fmt::print(stderr, "{}: incomplete: {}\n", each.detection.name, incomplete);
  }
  return complete ? 0 : 1;
}

}  // namespace hecate::daemon
