#pragma once

#include "pipeline/base/time.h"

#include <cstdint>
#include <string_view>

namespace hecate {

// What form the payload of an event has; decided once, when the envelope is read.
enum class Shape : std::uint8_t {
  json,  // one JSON object
  xml,   // an <Event> element of Windows' or Linux' Sysmon
  text,  // anything else: the classic multi-line text, or a line of no known form
};

// One event as it stands in its batch: slices, no copies. Valid while the batch's bytes and the reader that
// made it are; whoever keeps a part copies it.
struct EventView {
  // From the envelope; kNoTime means: ask the event itself, then the fallback, then the arrival.
  Time envelope_time = kNoTime;
  std::string_view host;
  std::string_view source;
  std::string_view sourcetype;
  std::string_view index;
  std::string_view fields;  // HEC's `fields`: the JSON object as it was sent, or empty
  std::string_view raw;     // the payload: JSON text, or the text itself with its escapes resolved
  Shape shape = Shape::text;
  std::uint64_t arrival = 0;  // orders events of the same time: greater came later

  static constexpr Time kNoTime = INT64_MIN;

  // What holds where neither the envelope nor the event itself says it, but somebody on the way does: the
  // head of a syslog message, its input.
  struct Fallback {
    Time time = kNoTime;
    std::string_view host, source, sourcetype;
  };
  Fallback fallback;
};

}  // namespace hecate
