#include "daemon/content.h"
#include "daemon/text_row.h"
#include "outputs/json_writer.h"
#include "pipeline/base/clock.h"
#include "pipeline/match/matcher.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

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

// A matcher and what it found, for one thread.
struct Evaluator {
  explicit Evaluator(std::shared_ptr<const match::ScanSet> scans)
      : matcher(std::move(scans), match::Panes::one_window) {}

  match::Matcher matcher;
  store::DeltaSet deltas;
};

std::vector<std::unique_ptr<Evaluator>> make_evaluators(
    const SearchOptions& options, std::shared_ptr<const catalogue::Catalogue> catalogue) {
  auto scans = std::make_shared<const match::ScanSet>(std::move(catalogue));
  unsigned threads =
      options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<Evaluator>> evaluators;
  for (unsigned i = 0; i < threads; ++i) evaluators.push_back(std::make_unique<Evaluator>(scans));
  return evaluators;
}

}  // namespace

int search(const SearchOptions& options) {
  auto [catalogue, complete] = load_content(options.content);
  if (!catalogue) return 2;
  auto evaluators = make_evaluators(options, catalogue);
  std::vector<TakeEvent> takers;
  for (auto& each : evaluators) {
    takers.emplace_back([evaluator = each.get()](EventView& event, Time now) {
      evaluator->matcher.evaluate(event, now, evaluator->deltas);
    });
  }
  complete &= read_files(options.input, takers);
  store::DeltaSet deltas;
  for (auto& each : evaluators) deltas.merge(std::move(each->deltas));

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
