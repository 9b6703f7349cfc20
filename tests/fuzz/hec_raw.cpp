// The body of a HEC raw request: its events are slices of it, in order, and nothing but white space and the
// markup around elements is left out, whatever stands in the padding.
#include "pipeline/decode/raw.h"
#include "pipeline/decode/shape.h"
#include "tests/fuzz/input.h"

#include <cstddef>
#include <vector>

namespace hecate::decode {
namespace {

struct Slice {
  std::size_t begin, size;
  bool operator==(const Slice&) const = default;
};

// What is between two events.
void require_no_text(std::string_view gap) {
  gap = trim(gap);
  if (gap.starts_with("\xEF\xBB\xBF")) gap = trim(gap.substr(3));
  fuzz::require(gap.empty() || gap.front() == '<', "what is left out is white space or markup");
}

std::vector<Slice> read(std::string_view body) {
  std::vector<Slice> events;
  std::size_t end = 0;
  EnvelopeResult result = read_raw(body, {}, [&](EventView& event) {
    fuzz::require(fuzz::inside(event.raw, body), "an event is a slice of the body");
    fuzz::require(!trim(event.raw).empty(), "an event is not blank");
    auto begin = static_cast<std::size_t>(event.raw.data() - body.data());
    fuzz::require(begin >= end, "events are in order, and each byte is in one at the most");
    require_no_text(body.substr(end, begin - end));
    end = begin + event.raw.size();
    events.push_back({begin, event.raw.size()});
  });
  require_no_text(body.substr(end));
  fuzz::require(result.error == EnvelopeError::none && result.events == events.size(),
                "a body below the limit has no bad event");
  return events;
}

}  // namespace
}  // namespace hecate::decode

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hecate;
  fuzz::Input body(fuzz::as_text(data, size), 64);
  fuzz::Input other(fuzz::as_text(data, size), 64, '>');
  fuzz::require(decode::read(body.view()) == decode::read(other.view()),
                "the padding does not change the answer");
  return 0;
}
