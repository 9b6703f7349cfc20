#pragma once

#include "pipeline/event/event_view.h"

#include <string_view>

namespace hecate::decode {

// What form a text has, told by its first characters: `<Event` (behind white space, a byte order mark, an XML
// declaration, or the head of a syslog line) is XML, `{…}` (behind white space, a byte order mark, or such a
// head) is JSON, all else text.
[[nodiscard]] Shape shape_of(std::string_view text);

// Whether `text` begins as what stands before the message of a syslog line: a priority `<13>`, a date
// (`Apr 27 13:00:00`, `2026-04-27…`), a CEE cookie; or has Snare's mark in it.
[[nodiscard]] bool is_log_head(std::string_view text);

// Where the object of a JSON payload begins; npos when there is none at its begin.
[[nodiscard]] std::size_t find_event_object(std::string_view text);

// Where the `<Event` element of an XML payload begins; npos when there is none near its begin.
[[nodiscard]] std::size_t find_event_element(std::string_view text);

// White space of JSON, XML and log lines.
[[nodiscard]] std::string_view trim(std::string_view text);

}  // namespace hecate::decode
