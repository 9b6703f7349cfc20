// What each stage of an event's way costs alone, on one thread: events and bytes a second, by Google
// Benchmark.
//   stages [EVENTS.ndjson] [--benchmark_filter=…]
// EVENTS: one JSON event a line, of which so many are taken as a cache holds (a request that was just read is
// in one too); without it, events made here. Every benchmark checks what came out of it.
#include "bench/events.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/decode/envelope.h"
#include "pipeline/match/literal_search.h"
#include "pipeline/match/matcher.h"
#include "pipeline/sources/tally.h"

#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

namespace {

using namespace hecate;
using bench::Texts;

constexpr std::size_t kBatch = 100;

Texts events;  // set by main

const std::vector<std::string> hosts = [] {
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) names.push_back(fmt::format("ws-{}.corp.example", i));
  return names;
}();

Texts as_bodies() {
  Texts bodies;
  std::string body;
  for (std::size_t i = 0; i < events.size(); ++i) {
    body += fmt::format(
        R"({{"time":1777296099.250,"host":"ws-{}","source":)"
        R"("XmlWinEventLog:Microsoft-Windows-Sysmon/Operational","sourcetype":"XmlWinEventLog","event":{}}})",
        i % 50, events[i]);
    if ((i + 1) % kBatch == 0 || i + 1 == events.size()) bodies.add(std::exchange(body, {}));
  }
  return bodies;
}

void report(benchmark::State& state, std::size_t all, std::size_t bytes) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * all));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

std::shared_ptr<const match::ScanSet> shipped() {
  auto loaded = catalogue::load_search(
      "bench",
      R"((EventID=15 OR EventID=11) Image="*\\MsMpEng.exe" TargetFilename="*:\\Windows\\System32\\*" | stats count by Computer Image TargetFilename)",
      {});
  return std::make_shared<const match::ScanSet>(loaded.catalogue);
}

// Events found in a body, nothing done with them.
void envelope(benchmark::State& state) {
  Texts bodies = as_bodies();
  decode::EnvelopeReader reader;
  std::uint64_t found = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < bodies.size(); ++i)
      found +=
          reader.read(bodies[i], {}, {}, [](EventView& view) { benchmark::DoNotOptimize(view.raw.data()); })
              .events;
  }
  if (found != state.iterations() * events.size()) state.SkipWithError("events were lost");
  report(state, events.size(), bodies.bytes);
}
BENCHMARK(envelope);

class Counting final : public match::LiteralSearch::Hits {
 public:
  void take(std::uint32_t) override { ++hits; }
  std::uint64_t hits = 0;
};

void search(benchmark::State& state, const std::vector<std::string>& literals) {
  auto search = match::LiteralSearch::make(literals);
  auto scratch = search->make_scratch();
  Counting counting;
  for (auto _ : state) {
    for (std::size_t i = 0; i < events.size(); ++i)
      if (!scratch->search(events[i], counting)) state.SkipWithError("cannot search");
  }
  if (counting.hits == 0) state.SkipWithError("nothing was found");
  report(state, events.size(), events.bytes);
}
void one_literal(benchmark::State& state) {
  search(state, {"msmpeng.exe"});
}
void hundred_literals(benchmark::State& state) {
  std::vector<std::string> literals = {"msmpeng.exe"};
  for (int i = 0; i < 99; ++i) literals.push_back(fmt::format("tool-{}-of-an-attacker.exe", i));
  search(state, literals);
}
BENCHMARK(one_literal);
BENCHMARK(hundred_literals);

// Fields of every event, as a candidate's are worked out.
void fields_of_json(benchmark::State& state) {
  auto scans = shipped();
  auto fields = fields::EventFields::make(scans->catalogue->names, scans->catalogue->rules);
  std::uint64_t well_formed = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      EventView view;
      view.raw = events[i];
      view.shape = Shape::json;
      well_formed += fields->reset(view, 0) ? 1 : 0;
    }
  }
  if (well_formed != state.iterations() * events.size()) state.SkipWithError("malformed events");
  report(state, events.size(), events.bytes);
}
BENCHMARK(fields_of_json);

// From an event's raw text to what it contributes.
void evaluate(benchmark::State& state, match::Prefiltering prefiltering) {
  auto scans = shipped();
  match::Matcher matcher(scans, match::Panes::by_minute, prefiltering);
  for (auto _ : state) {
    store::DeltaSet deltas;
    for (std::size_t i = 0; i < events.size(); ++i) {
      EventView view;
      view.raw = events[i];
      view.shape = Shape::json;
      matcher.evaluate(view, 0, deltas);
    }
    if (deltas.empty()) state.SkipWithError("nothing matched");
  }
  report(state, events.size(), events.bytes);
}
void evaluate_prefiltered(benchmark::State& state) {
  evaluate(state, match::Prefiltering::on);
}
void evaluate_all(benchmark::State& state) {
  evaluate(state, match::Prefiltering::off);
}
BENCHMARK(evaluate_prefiltered);
BENCHMARK(evaluate_all);

// Counting an event for its source: what the envelope tells, and what only the payload does.
void count_source(benchmark::State& state, bool in_envelope) {
  sources::Tally tally(10'000);
  std::uint64_t counted = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      EventView view;
      view.raw = events[i];
      view.shape = Shape::json;
      std::string_view host = hosts[i % hosts.size()];
      if (in_envelope) {
        view.host = host;
        view.source = "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational";
        view.sourcetype = "XmlWinEventLog";
        view.envelope_time = 1'777'296'099 * kSecond;
      }
      tally.add(view, 1'777'296'100 * kSecond);
    }
  }
  for (const auto& each : tally.take().sources) counted += each.events;
  if (counted != state.iterations() * events.size()) state.SkipWithError("events were lost");
  report(state, events.size(), events.bytes);
}
void count_source_of_envelope(benchmark::State& state) {
  count_source(state, true);
}
void count_source_of_payload(benchmark::State& state) {
  count_source(state, false);
}
BENCHMARK(count_source_of_envelope);
BENCHMARK(count_source_of_payload);

// A body all the way: what one thread does with a HEC request behind the network and before the disk.
void request(benchmark::State& state) {
  Texts bodies = as_bodies();
  match::Matcher matcher(shipped(), match::Panes::by_minute);
  decode::EnvelopeReader reader;
  sources::Tally tally(10'000);
  for (auto _ : state) {
    store::DeltaSet deltas;
    for (std::size_t i = 0; i < bodies.size(); ++i)
      reader.read(bodies[i], {}, {}, [&](EventView& view) {
        tally.add(view, 0);
        matcher.evaluate(view, 0, deltas);
      });
    if (deltas.empty()) state.SkipWithError("nothing matched");
  }
  report(state, events.size(), bodies.bytes);
}
BENCHMARK(request);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  events = bench::read_events(argc > 1 ? argv[1] : nullptr);
  if (events.size() == 0) {
    fmt::print(stderr, "{} holds no events\n", argv[1]);
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
