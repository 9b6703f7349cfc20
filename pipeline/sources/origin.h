#pragma once

#include "pipeline/base/time.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/event/event_view.h"
#include "pipeline/sources/layout.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace hecate::sources {

// Who sent an event: what `host` is for a search, and the channel. A channel is that of Windows' event log
// (or Linux-Sysmon/Operational) as `source` or the event itself names it; of all else it is the sourcetype,
// or without one the source. Slices of the event and of the reader that found them.
struct Origin {
  std::string_view host;           // empty: nobody says
  std::string_view channel;        // likewise
  Time time = EventView::kNoTime;  // as `_time`, without the arrival as a last resort
};

// Finds the origin of one event after another, most of which no search ever decodes. Where the envelope tells
// everything that is all it looks at. Else it looks in the payload, where an event of the same form had its
// values (Layout), and only for a form that it does not know has the event decoded. What it answers is what
// decoding would, but for events of a known form that write a value's key twice. One a worker; in steady
// state it allocates nothing.
class OriginReader {
 public:
  // Valid until the next call, while the event is.
  [[nodiscard]] Origin read(const EventView& event);
  // The slow twin: decodes every event whose envelope does not tell everything.
  [[nodiscard]] Origin read_decoded(const EventView& event);
  // Events that were decoded, in all.
  [[nodiscard]] std::uint64_t decoded() const { return decoded_; }

 private:
  struct Envelope;
  [[nodiscard]] Layout::Values find(const EventView& event, const Envelope& envelope);
  [[nodiscard]] Layout::Values decode(const EventView& event);
  void learn(const EventView& event, const Envelope& envelope, const Layout::Values& values);

  decode::Decoder decoder_;
  std::vector<Layout> layouts_;  // kMostLayouts; the newest replaces the oldest
  std::size_t oldest_ = 0;
  std::uint64_t decoded_ = 0;
  std::uint32_t fruitless_ = 0;  // events in a row that were decoded for nothing
  std::uint32_t skipped_ = 0;    // events that were not decoded since the last one that was
};

}  // namespace hecate::sources
