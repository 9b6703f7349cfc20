// The body of a HEC event request: both ways of reading it give the same events and the same end, whatever
// stands in the padding.
#include "pipeline/decode/envelope.h"
#include "tests/fuzz/input.h"

#include <string>
#include <tuple>
#include <vector>

namespace hecate::decode {
namespace {

using Read = EnvelopeResult (EnvelopeReader::*)(std::string_view, const EnvelopeDefaults&,
                                                const EnvelopeReader::IndexFilter&,
                                                const EnvelopeReader::EventSink&);

struct Event {
  Time time;
  Shape shape;
  std::string host, source, sourcetype, index, fields, raw;
  bool operator==(const Event&) const = default;
};

struct Outcome {
  std::vector<Event> events;
  std::uint64_t counted, bad_event;
  EnvelopeError error;
  bool operator==(const Outcome&) const = default;
};

Outcome read(EnvelopeReader& reader, Read how, std::string_view body) {
  std::vector<Event> events;
  EnvelopeResult result = (reader.*how)(
      body, {.host = "h", .source = "s", .sourcetype = "t", .index = {}, .time = 7},
      [](std::string_view index) { return index != "other"; },
      [&](EventView& event) {
        events.push_back({event.envelope_time, event.shape, std::string(event.host),
                          std::string(event.source), std::string(event.sourcetype), std::string(event.index),
                          std::string(event.fields), std::string(event.raw)});
      });
  fuzz::require(result.events == events.size(), "as many events are counted as were handed out");
  fuzz::require(result.error == EnvelopeError::none || result.bad_event == result.events,
                "the bad event is the one behind those that were handed out");
  return {std::move(events), result.events, result.bad_event, result.error};
}

}  // namespace
}  // namespace hecate::decode

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hecate;
  static decode::EnvelopeReader kept;
  decode::EnvelopeReader fresh;
  fuzz::Input body(fuzz::as_text(data, size), 64);
  fuzz::Input other(fuzz::as_text(data, size), 64, '}');
  auto fast = decode::read(kept, &decode::EnvelopeReader::read, body.view());
  fuzz::require(fast == decode::read(kept, &decode::EnvelopeReader::read_one_by_one, body.view()),
                "the fast way and the slow one agree");
  fuzz::require(fast == decode::read(fresh, &decode::EnvelopeReader::read, other.view()),
                "neither the padding nor earlier bodies change the answer");
  return 0;
}
