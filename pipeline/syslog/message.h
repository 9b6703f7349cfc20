#pragma once

#include "pipeline/event/event_view.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include <absl/time/time.h>

namespace hecate::syslog {

// How the head of a message was written.
enum class Head : std::uint8_t {
  rfc5424,
  rfc3164,  // and what goes by that name: a priority, or a time, and what follows
  none,     // neither a priority nor a time: all of it is the text
};
inline constexpr std::size_t kHeads = 3;

// A syslog message taken apart, as far as an event takes something of it: slices of the frame. What it does
// not say, or says with `-`, is empty.
struct Message {
  Head head = Head::none;
  int priority = -1;               // facility * 8 + severity
  Time time = EventView::kNoTime;  // of the head
  std::string_view host;
  std::string_view program;  // APP-NAME; the tag without its process id
  // What is said: without byte order mark, CEE cookie, and white space and NULs around it.
  std::string_view text;
};

// Reads one message, whichever head it has. Nothing is refused: what is no head is text. RFC 3164 knows no
// year: the newest that is not more than a day ahead of `now` is taken; and no zone: times that name none are
// in `zone`.
[[nodiscard]] Message parse_message(std::string_view frame, Time now, const absl::TimeZone& zone);

}  // namespace hecate::syslog
