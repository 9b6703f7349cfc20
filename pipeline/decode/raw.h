#pragma once

#include "pipeline/decode/envelope.h"

#include <string_view>

namespace hecate::decode {

// Walks the body of a HEC raw request and hands out its events in order: an `<Event …>` element is one event
// however many lines it takes, with the head of a syslog line that stands before it; so is a block of classic
// text, from its date and `LogName=` to the next such; of all else each line is one. Blank lines and the
// markup around a list of elements (`<?xml …?>`, `<Events>`) are none. An event over kMostEventBytes stops
// the walk (invalid_format); those before it stay handed out.
//
// No allocation, no state; the views are slices of the body and live as long as it does. `padded_body`: 64
// bytes must be readable behind it.
EnvelopeResult read_raw(std::string_view padded_body, const EnvelopeDefaults& defaults,
                        const EnvelopeReader::EventSink& event);

}  // namespace hecate::decode
