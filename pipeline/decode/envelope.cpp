#include "pipeline/decode/envelope.h"

#include "pipeline/decode/json_index.h"
#include "pipeline/decode/json_text.h"
#include "pipeline/decode/shape.h"

#include <optional>
#include <string>
#include <vector>

namespace hecate::decode {

namespace {

// What must be readable behind a payload that was unescaped into our own buffer.
constexpr std::size_t kPadding = 64;

// The values of an envelope's keys as they stand in the body, empty for those that do not come; a key that
// comes again replaces the first.
struct Envelope {
  std::string_view time, host, source, sourcetype, index, event, fields;
  JsonCursor fields_at;

  std::string_view* find(std::string_view key) {
    switch (key.size()) {
      case 4:
        return key == "time" ? &time : key == "host" ? &host : nullptr;
      case 5:
        return key == "event" ? &event : key == "index" ? &index : nullptr;
      case 6:
        return key == "source" ? &source : key == "fields" ? &fields : nullptr;
      case 10:
        return key == "sourcetype" ? &sourcetype : nullptr;
      default:
        return nullptr;
    }
  }
};

JsonWalk read_object(JsonCursor& in, Envelope& envelope) {
  return walk_object(in, [&](std::string_view key) {
    auto* slot = envelope.find(key);
    char unescaped[64];
    if (slot == nullptr && has_escape(key) && key.size() + kUnescapeRoom <= sizeof(unescaped)) {
      char* end = unescape(key, unescaped);
      if (end == nullptr) return JsonWalk::bad;
      slot = envelope.find({unescaped, static_cast<std::size_t>(end - unescaped)});
    }
    if (slot == &envelope.fields) envelope.fields_at = in;
    // Straight to where it belongs: a copy of what was just written waits for it.
    std::string_view ignored;
    return skip_value(in, slot != nullptr ? *slot : ignored);
  });
}

// A flat object of strings or lists of strings.
bool are_fields_flat(JsonCursor in) {
  if (in.peek() != '{') return false;
  auto string = [&] {
    if (in.peek() != '"') return JsonWalk::bad;
    in.advance();
    return JsonWalk::ok;
  };
  return walk_object(in, [&](std::string_view) {
           return in.peek() == '[' ? walk_array(in, string) : string();
         }) == JsonWalk::ok;
}

// {}, [] with white space between.
bool is_empty_container(std::string_view value) {
  return value[1] != '"' && trim(value.substr(1, value.size() - 2)).empty();
}

// Where the object that begins at `begin` ends, by counting brackets outside strings; npos when it does not.
std::size_t find_object_end(std::string_view body, std::size_t begin) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = begin; at < body.size(); ++at) {
    char c = body[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

struct EnvelopeReader::Impl {
  JsonIndex index;
  std::vector<char> texts;  // of the event in hand, unescaped

  // One body on its way; what both walks need.
  struct Walk {
    const EnvelopeDefaults& defaults;
    const IndexFilter& index_allowed;
    const EventSink& event;
    EnvelopeResult result;

    bool stop(EnvelopeError error) {
      result.error = error;
      result.bad_event = result.events;
      return false;
    }
  };

  // Hands out texts with their escapes resolved; room is made once an event so that none moves.
  char* next_text = nullptr;
  void make_room(std::size_t object_size) {
    std::size_t needed = object_size + kPadding + 8 * kUnescapeRoom;
    if (texts.size() < needed) texts.resize(needed * 2);
    next_text = texts.data();
  }
  bool resolve(std::string_view inside, std::string_view& out) {
    if (!has_escape(inside)) return out = inside, true;
    char* end = unescape(inside, next_text);
    if (end == nullptr) return false;
    out = {next_text, static_cast<std::size_t>(end - next_text)};
    next_text = end;
    return true;
  }

  // A text of the envelope: null says nothing, numbers and booleans are taken as they are written.
  bool metadata(std::string_view value, std::string_view fallback, std::string_view& out) {
    out = fallback;
    if (value.empty() || value == "null") return true;
    if (is_string(value)) {
      std::string_view text;
      if (!resolve(inside_quotes(value), text)) return false;
      if (!text.empty()) out = text;
      return true;
    }
    if (value.front() == '{' || value.front() == '[') return false;
    out = value;
    return true;
  }

  EnvelopeError payload(std::string_view value, EventView& view);
  static bool time(const Envelope& envelope, Time fallback, EventView& view);
  bool finish(Walk& walk, const Envelope& envelope, std::size_t object_size);
  bool object(Walk& walk, JsonCursor& in);
  EnvelopeResult by_tokens(Walk walk, JsonCursor in);
  EnvelopeResult one_by_one(Walk walk, std::string_view body);
};

EnvelopeError EnvelopeReader::Impl::payload(std::string_view value, EventView& view) {
  view.raw = value;
  view.shape = Shape::text;
  switch (value.front()) {
    case '{':
      view.shape = Shape::json;
      [[fallthrough]];
    case '[':
      return is_empty_container(value) ? EnvelopeError::event_blank : EnvelopeError::none;
    case '"':
      if (!resolve(inside_quotes(value), view.raw)) return EnvelopeError::invalid_format;
      if (trim(view.raw).empty()) return EnvelopeError::event_blank;
      view.shape = shape_of(view.raw);
      return EnvelopeError::none;
    default:
      return value == "null" ? EnvelopeError::event_blank : EnvelopeError::none;
  }
}

bool EnvelopeReader::Impl::time(const Envelope& envelope, Time fallback, EventView& view) {
  view.envelope_time = fallback;
  if (envelope.time.empty()) return true;
  std::string_view text = is_string(envelope.time) ? inside_quotes(envelope.time) : envelope.time;
  std::optional<Time> time = parse_epoch(text);
  if (time) view.envelope_time = *time;
  return time.has_value();
}

bool EnvelopeReader::Impl::finish(Walk& walk, const Envelope& envelope, std::size_t object_size) {
  make_room(object_size);
  EventView view;
  const EnvelopeDefaults& defaults = walk.defaults;
  if (!metadata(envelope.host, defaults.host, view.host) ||
      !metadata(envelope.source, defaults.source, view.source) ||
      !metadata(envelope.sourcetype, defaults.sourcetype, view.sourcetype) ||
      !metadata(envelope.index, defaults.index, view.index)) {
    return walk.stop(EnvelopeError::invalid_format);
  }
  if (envelope.event.empty()) return walk.stop(EnvelopeError::event_required);
  if (envelope.event.size() > kMostEventBytes) return walk.stop(EnvelopeError::invalid_format);
  // The payload's text comes last: the bytes behind it in the buffer are its padding.
  if (EnvelopeError error = payload(envelope.event, view); error != EnvelopeError::none)
    return walk.stop(error);
  if (!envelope.fields.empty()) {
    if (!are_fields_flat(envelope.fields_at)) return walk.stop(EnvelopeError::bad_fields);
    view.fields = envelope.fields;
  }
  if (!time(envelope, defaults.time, view)) return walk.stop(EnvelopeError::bad_fields);
  if (walk.index_allowed && !view.index.empty() && !walk.index_allowed(view.index)) {
    return walk.stop(EnvelopeError::incorrect_index);
  }
  ++walk.result.events;
  walk.event(view);
  return true;
}

bool EnvelopeReader::Impl::object(Walk& walk, JsonCursor& in) {
  if (in.peek() != '{') return walk.stop(EnvelopeError::invalid_format);
  std::size_t begin = in.offset();
  Envelope envelope;
  if (read_object(in, envelope) != JsonWalk::ok) return walk.stop(EnvelopeError::invalid_format);
  return finish(walk, envelope, in.next[-1] + 1 - begin);
}

EnvelopeResult EnvelopeReader::Impl::by_tokens(Walk walk, JsonCursor in) {
  if (in.peek() != '[') {
    while (!in.done() && object(walk, in)) {
    }
    return walk.result;
  }
  in.advance();
  bool first = true;
  for (; in.peek() != ']'; first = false) {
    if (!first) {
      if (in.peek() != ',') return walk.stop(EnvelopeError::invalid_format), walk.result;
      in.advance();
    }
    if (!object(walk, in)) return walk.result;
  }
  in.advance();
  if (!in.done()) walk.stop(EnvelopeError::invalid_format);
  return walk.result;
}

EnvelopeResult EnvelopeReader::Impl::one_by_one(Walk walk, std::string_view body) {
  auto skip_space = [&](std::size_t at) { return body.find_first_not_of(" \t\r\n", at); };
  std::size_t at = skip_space(0);
  if (at == std::string_view::npos) return walk.result;
  bool array = body[at] == '[';
  bool first = true;
  if (array) at = skip_space(at + 1);
  for (; at != std::string_view::npos; first = false) {
    if (array && body[at] == ']') {
      if (skip_space(at + 1) != std::string_view::npos) walk.stop(EnvelopeError::invalid_format);
      return walk.result;
    }
    if (array && !first) {
      if (body[at] == ',')
        at = skip_space(at + 1);
      else
        at = std::string_view::npos;
      if (at == std::string_view::npos) break;
    }
    std::size_t end = body[at] == '{' ? find_object_end(body, at) : std::string_view::npos;
    JsonCursor in;
    if (end == std::string_view::npos || !index.build(body.substr(at, end - at), in)) {
      return walk.stop(EnvelopeError::invalid_format), walk.result;
    }
    if (!object(walk, in)) return walk.result;
    at = skip_space(end);
  }
  if (array) walk.stop(EnvelopeError::invalid_format);
  return walk.result;
}

std::string_view reason(EnvelopeError error) {
  switch (error) {
    case EnvelopeError::none:
      return "none";
    case EnvelopeError::invalid_format:
      return "invalid_format";
    case EnvelopeError::event_required:
      return "event_required";
    case EnvelopeError::event_blank:
      return "event_blank";
    case EnvelopeError::bad_fields:
      return "bad_fields";
    case EnvelopeError::incorrect_index:
      return "incorrect_index";
  }
  return "none";
}

EnvelopeReader::EnvelopeReader() : impl_(std::make_unique<Impl>()) {}
EnvelopeReader::~EnvelopeReader() = default;

EnvelopeResult EnvelopeReader::read(std::string_view padded_body, const EnvelopeDefaults& defaults,
                                    const IndexFilter& index_allowed, const EventSink& event) {
  JsonCursor first;
  if (!impl_->index.build(padded_body, first)) {
    return read_one_by_one(padded_body, defaults, index_allowed, event);
  }
  return impl_->by_tokens({defaults, index_allowed, event, {}}, first);
}

EnvelopeResult EnvelopeReader::read_one_by_one(std::string_view padded_body, const EnvelopeDefaults& defaults,
                                               const IndexFilter& index_allowed, const EventSink& event) {
  return impl_->one_by_one({defaults, index_allowed, event, {}}, padded_body);
}

}  // namespace hecate::decode
