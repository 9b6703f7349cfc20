// What bench/instructions.sh counts the instructions of: HEC bodies of 100 events, from the envelope to what
// they contribute.
//   instructions json|xml|FILE [DETECTIONS…]
// Made events or those of a file, one a line; folders of detections, or the shipped ones. Everything is done
// once before, so that no page, pattern or buffer is met for the first time in `measured`. Prints events, and
// how many matched.
#include "bench/events.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/decode/envelope.h"
#include "pipeline/match/matcher.h"

#include <cstring>
#include <numeric>

using namespace hecate;

namespace {

constexpr std::size_t kBatch = 100;

bench::Texts events_of(const char* what) {
  if (std::strcmp(what, "json") == 0) return bench::read_events(nullptr);
  if (std::strcmp(what, "xml") != 0) return bench::read_events(what);
  bench::Texts events;
  for (std::size_t i = 0; i < bench::kMostEvents; ++i) events.add(bench::make_xml_event(i));
  return events;
}

std::string as_json_text(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bench::Texts bodies_of(const bench::Texts& events) {
  bench::Texts bodies;
  std::string body;
  for (std::size_t i = 0; i < events.size(); ++i) {
    std::string event = events[i].starts_with('{') ? std::string(events[i]) : as_json_text(events[i]);
    body += fmt::format(R"({{"time":1777296099.250,"host":"ws-{}","event":{}}})", i % 50, event);
    if ((i + 1) % kBatch == 0 || i + 1 == events.size()) bodies.add(std::exchange(body, {}));
  }
  return bodies;
}

std::uint64_t evaluate(const bench::Texts& bodies, match::Matcher& matcher) {
  decode::EnvelopeReader reader;
  std::uint64_t events = 0;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    store::DeltaSet deltas;
    events +=
        reader.read(bodies[i], {}, {}, [&](EventView& view) { matcher.evaluate(view, 0, deltas); }).events;
  }
  return events;
}

}  // namespace

// Its name is what callgrind is told to look at.
extern "C" [[gnu::noinline]] std::uint64_t measured(const bench::Texts& bodies, match::Matcher& matcher) {
  return evaluate(bodies, matcher);
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "instructions json|xml|FILE [DETECTIONS…]\n");
    return 2;
  }
  catalogue::Sources sources;
  sources.detections.assign(argv + 2, argv + argc);
  if (sources.detections.empty()) sources.detections = {std::string(catalogue::kBuiltin)};
  match::Matcher matcher(std::make_shared<const match::ScanSet>(catalogue::load(sources).catalogue),
                         match::Panes::by_minute);
  bench::Texts bodies = bodies_of(events_of(argv[1]));
  evaluate(bodies, matcher);
  matcher.clear_matches();
  std::uint64_t decoded = matcher.decoded();
  std::uint64_t events = measured(bodies, matcher);
  const auto& matches = matcher.matches();
  fmt::print("{} events, {} decoded, {} matches\n", events, matcher.decoded() - decoded,
             std::accumulate(matches.begin(), matches.end(), std::uint64_t{0}));
  return 0;
}
