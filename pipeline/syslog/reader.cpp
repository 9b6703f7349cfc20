#include "pipeline/syslog/reader.h"

#include "pipeline/decode/shape.h"

namespace hecate::syslog {

namespace {

EventView make_event(const Message& message, const EventDefaults& defaults, std::string_view sender) {
  EventView event;
  event.raw = message.text;
  event.shape = decode::shape_of(message.text);
  event.host = message.host;
  event.index = defaults.index;
  event.fallback.time = message.time;
  event.fallback.host = sender;
  event.fallback.source = defaults.source;
  event.fallback.sourcetype = defaults.sourcetype;
  if (const SourceRule* rule = find_rule(defaults.rules, message.program, event.shape)) {
    event.source = rule->source;
    event.sourcetype = rule->sourcetype;
    if (!rule->index.empty()) event.index = rule->index;
  }
  return event;
}

}  // namespace

ReadResult read_messages(std::string_view body, const Frames& frames, Time now,
                         const std::function<void(EventView&)>& event) {
  ReadResult result;
  const EventDefaults& defaults = *frames.defaults;
  for (const Frame& frame : frames.list) {
    Message message = parse_message(body.substr(frame.begin, frame.size), now, defaults.zone);
    ++result.heads[static_cast<std::size_t>(message.head)];
    if (message.text.empty()) {
      ++result.blank;
      continue;
    }
    EventView view = make_event(
        message, defaults,
        frame.sender < frames.senders.size() ? std::string_view(frames.senders[frame.sender]) : "");
    ++result.events;
    event(view);
  }
  return result;
}

}  // namespace hecate::syslog
