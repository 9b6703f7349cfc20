#pragma once

#include "pipeline/event/event_view.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace hecate::decode {

// How a walk over a body ended. The same cases as HEC's answers about events, without their numbers.
enum class EnvelopeError : std::uint8_t {
  none,
  invalid_format,   // not JSON, cut off, not an object, or over kMostEventBytes (HEC code 6)
  event_required,   // no `event` key (12)
  event_blank,      // null, "", white space, {} or [] (13)
  bad_fields,       // `fields` is not flat, or `time` is no number (15)
  incorrect_index,  // an index outside the token's list (7)
};

// The largest payload of an event, as it stands in the body (HEC's documented limit).
inline constexpr std::size_t kMostEventBytes = 5'000'000;

// The error as a metric's label: `invalid_format`.
[[nodiscard]] std::string_view reason(EnvelopeError error);

struct EnvelopeResult {
  std::uint64_t events = 0;  // accepted: handed out before the first bad one
  EnvelopeError error = EnvelopeError::none;
  std::uint64_t bad_event = 0;  // zero-based number of the bad one
};

// What an event takes where its own envelope says nothing.
struct EnvelopeDefaults {
  std::string_view host, source, sourcetype, index;
  Time time = EventView::kNoTime;
};

// Walks the body of a HEC event request: JSON objects one after another, with or without white space between,
// or one array of them. Calls `event` for each in order; the first bad one stops the walk and those before it
// stay handed out. A body cut off inside an event is an error with that event's number, never silence. Keys:
// time, host, source, sourcetype, index, event, fields, in any order; others are ignored.
//
// One a worker: it owns the simdjson parsers and their buffers, and reuses them. The views handed out are
// valid until the next one. `padded`: simdjson's padding (64 bytes) must be readable behind the body.
class EnvelopeReader {
 public:
  EnvelopeReader();
  ~EnvelopeReader();

  using EventSink = std::function<void(EventView&)>;
  // Says whether an index is allowed; empty: any.
  using IndexFilter = std::function<bool(std::string_view index)>;

  EnvelopeResult read(std::string_view padded_body, const EnvelopeDefaults& defaults,
                      const IndexFilter& index_allowed, const EventSink& event);

  // The slow twin: finds each object's end by itself and parses it alone. Same answers; used where the fast
  // way cannot say which event is bad, and by tests.
  EnvelopeResult read_one_by_one(std::string_view padded_body, const EnvelopeDefaults& defaults,
                                 const IndexFilter& index_allowed, const EventSink& event);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hecate::decode
