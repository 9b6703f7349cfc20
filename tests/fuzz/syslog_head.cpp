// The head of a syslog message, of either RFC: whatever comes, its parts are slices of the message, in order.
#include "pipeline/syslog/message.h"
#include "tests/fuzz/input.h"

namespace {

constexpr hecate::Time kNow = 1'777'291'200'000'000;  // 2026-04-27T12:00:00Z

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hecate;
  fuzz::Input input(fuzz::as_text(data, size));
  std::string_view frame = input.view();
  syslog::Message message = syslog::parse_message(frame, kNow, absl::UTCTimeZone());
  fuzz::require(message.priority >= -1 && message.priority <= 191, "a priority is 0 to 191");
  const char* end = frame.data();
  for (std::string_view part : {message.host, message.program, message.text}) {
    fuzz::require(fuzz::inside(part, frame), "each part is a slice of the message");
    if (part.empty()) continue;
    fuzz::require(part.data() >= end, "the parts stand one behind the other");
    end = part.data() + part.size();
  }
  if (message.head == syslog::Head::none)
    fuzz::require(message.host.empty() && message.program.empty() && message.time == EventView::kNoTime,
                  "without a head there is nothing but text");
  if (message.head == syslog::Head::rfc5424) fuzz::require(message.priority >= 0, "RFC 5424 has a priority");
  return 0;
}
