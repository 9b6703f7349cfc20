#pragma once

#include "pipeline/event/event_view.h"
#include "pipeline/syslog/framer.h"
#include "pipeline/syslog/message.h"
#include "pipeline/syslog/source_rules.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::syslog {

// A run of messages, as a listener hands it on beside the bytes that they stand in.
struct Frames {
  std::vector<Frame> list;
  std::vector<std::string> senders;               // addresses; Frame::sender counts in them
  std::shared_ptr<const EventDefaults> defaults;  // of the input
};

struct ReadResult {
  std::uint64_t events = 0;                   // handed out
  std::uint64_t blank = 0;                    // messages without a text: no events
  std::array<std::uint64_t, kHeads> heads{};  // all of them, by Head
};

// Takes the messages apart and hands out an event for each: its text, with host, source and the like where
// the head and the rules say them; what only the input knows are fallbacks. Padding (64 bytes) must be
// readable behind `body`. `now` is when they arrived. No allocation, no state; the views live as long as
// `body` and `frames`.
ReadResult read_messages(std::string_view body, const Frames& frames, Time now,
                         const std::function<void(EventView&)>& event);

}  // namespace hecate::syslog
