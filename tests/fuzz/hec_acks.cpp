// A query of acknowledgements: the ids that it asks for, each once and in order, whatever stands in the
// padding; and what they are written as asks for the same.
#include "daemon/hec_acks.h"

#include "tests/fuzz/input.h"

#include <algorithm>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hecate;
  constexpr std::size_t kPadding = 64;
  fuzz::Input body(fuzz::as_text(data, size), kPadding);
  fuzz::Input other(fuzz::as_text(data, size), kPadding, '}');
  auto ids = daemon::parse_ack_query(body.view());
  fuzz::require(ids == daemon::parse_ack_query(other.view()), "the padding does not change the answer");
  if (!ids) return 0;
  auto not_less = [](std::uint64_t a, std::uint64_t b) { return a >= b; };
  fuzz::require(std::ranges::adjacent_find(*ids, not_less) == ids->end(), "each id once, in rising order");
  std::string written = "{\"acks\":[";
  for (std::uint64_t id : *ids) written += (written.back() == '[' ? "" : ",") + std::to_string(id);
  written += "]}";
  fuzz::Input again(written, kPadding);
  fuzz::require(daemon::parse_ack_query(again.view()) == ids, "what is written asks for the same");
  return 0;
}
