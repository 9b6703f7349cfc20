#include "pipeline/decode/forms.h"
#include "pipeline/decode/json_text.h"
#include "pipeline/decode/shape.h"

#include <algorithm>

namespace hecate::decode {

namespace {

constexpr std::uint8_t kLastRank = 254;
constexpr std::size_t kPadding = 64;
constexpr int kDeepest = 64;  // levels that become fields; what lies deeper is checked only

// What NXLog writes into EventType, where Sysmon has a field of that name.
bool is_nxlog_event_type(std::string_view text) {
  return text == "INFO" || text == "WARNING" || text == "ERROR" || text == "CRITICAL" || text == "DEBUG" ||
         text == "VERBOSE" || text.starts_with("AUDIT_");
}

// Appends a level to a path and takes it away again.
class Level {
 public:
  Level(std::string& path, std::string_view name, std::string_view between = ".")
      : path_(path), size_(path.size()) {
    if (name.empty()) return;
    if (!path.empty()) path += between;
    path += name;
  }
  ~Level() { path_.resize(size_); }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  std::string& path_;
  std::size_t size_;
};

// A key without what only says that it was an attribute or a text of XML.
std::string_view plain_key(std::string_view key, bool top) {
  if (key == "#attributes" || key == "#text") return {};
  constexpr std::string_view attributes = "_attributes";
  if (key.ends_with(attributes)) key.remove_suffix(attributes.size());
  if (top) return key == "Event" ? std::string_view() : key;
  return key.starts_with('@') ? key.substr(1) : key;
}

}  // namespace

bool JsonReader::read(std::string_view text, FieldSink& sink) {
  if (!text.starts_with('{')) text.remove_prefix(std::min(find_event_object(text), text.size()));
  JsonWalk walk = read_members(text, sink);
  return give_parts() && walk == JsonWalk::ok;
}

JsonWalk JsonReader::read_members(std::string_view text, FieldSink& sink) {
  arena_.reset();
  sink_ = &sink;
  parts_.fill({});
  event_type_ = {};
  process_id_ = {};
  inserts_ = {};
  carried_object_ = {};
  depth_ = 0;
  path_.clear();
  plain_.clear();
  JsonCursor in;
  if (!index_.build(text, in) || in.peek() != '{') return JsonWalk::bad;
  JsonWalk walk = object(in, false);
  return walk == JsonWalk::ok && !in.done() ? JsonWalk::bad : walk;
}

JsonWalk JsonReader::object(JsonCursor& in, bool data) {
  return walk_object(in, [&](std::string_view key) {
    if (key.find('\\') != std::string_view::npos) {
      char* text = arena_.allocate(key.size() + kUnescapeRoom);
      char* end = unescape(key, text);
      if (end == nullptr) return JsonWalk::bad;
      key = {text, static_cast<std::size_t>(end - text)};
    }
    return member(in, key, data);
  });
}

JsonWalk JsonReader::member(JsonCursor& in, std::string_view key, bool data) {
  std::string_view token;
  if (key.empty()) return skip_value(in, token);  // no field: nobody can ask for it
  bool top = path_.empty();
  Level path(path_, key);
  Level plain(plain_, plain_key(key, top));
  return value(in, data ? key : std::string_view());
}

// `short_name`: the field's own name where it stands among the event's data; else empty.
JsonWalk JsonReader::value(JsonCursor& in, std::string_view short_name) {
  char first = in.peek();
  if (first == '{' && depth_ == 0) note_carried(in);
  if (first == '{' && depth_ < kDeepest) {
    bool known = is_known_container(plain_);
    path_ += '.';
    bool enter = known || sink_->wants_below(path_);
    path_.pop_back();
    if (enter) {
      ++depth_;
      bool data = is_event_data(plain_);
      // XML with one <Data> has no list of them.
      JsonWalk walk = data && plain_.ends_with(".Data") ? named_data(in) : object(in, data);
      --depth_;
      return walk;
    }
  }
  if (first == '[' && depth_ < kDeepest) {
    if (is_string_inserts(plain_)) inserts_ = in;
    ++depth_;
    JsonWalk walk = array(in);
    --depth_;
    return walk;
  }
  std::string_view token;
  JsonWalk walk = skip_value(in, token);
  if (walk != JsonWalk::ok || first == '{' || first == '[') return walk;
  return leaf(token, short_name);
}

JsonWalk JsonReader::array(JsonCursor& in) {
  bool data = is_event_data(plain_);
  Level path(path_, "{}", "");
  return walk_array(in, [&] {
    if (data && in.peek() == '{') return named_data(in);
    return value(in, {});
  });
}

// An element of a list that holds the event's data: {"@Name": "Image", "#text": "…"}, or {"Image": "…"}.
JsonWalk JsonReader::named_data(JsonCursor& in) {
  JsonCursor look = in;
  std::string_view name, text;
  bool marked = false;
  JsonWalk walk = walk_object(look, [&](std::string_view key) {
    std::string_view token;
    JsonWalk ended = skip_value(look, token);
    if (ended != JsonWalk::ok) return ended;
    if (key == "@Name" || key == "Name") name = token;
    marked = marked || key == "@Name";
    if (key == "#text" || key == "content" || key == "value" || key == "Value" || key == "Text") text = token;
    return ended;
  });
  if (walk != JsonWalk::ok) return walk;
  std::string_view resolved;
  if (text.empty() && marked) return object(in, false);  // an empty <Data>
  if (name.empty() || text.empty() || !is_string(name)) return object(in, true);
  if (!text_of(name, resolved)) return JsonWalk::bad;
  if (walk = leaf(text, resolved); walk != JsonWalk::ok) return walk;
  return object(in, false);
}

JsonWalk JsonReader::leaf(std::string_view token, std::string_view short_name) {
  if (token == "null" || token == "\"\"") return JsonWalk::ok;
  if (auto key = find_system_key(plain_)) {
    note(key->part, key->rank, token);
    if (key->part == SystemPart::data) {
      if (JsonWalk walk = data_text(token); walk != JsonWalk::ok) return walk;
    }
  }
  if (path_ == "EventType" && is_string(token) && is_nxlog_event_type(inside_quotes(token))) {
    event_type_ = token;
    return JsonWalk::ok;
  }
  // The data's own, or that of the log's service: EvtxECmd, PowerShell.
  if (path_ == "ProcessId") {
    process_id_ = token;
    return JsonWalk::ok;
  }
  for (std::string_view name : {std::string_view(path_), short_name}) {
    if (name.empty()) continue;
    // A part's own name waits until it is known which key tells it.
    if (auto part = find_system_field(name)) {
      note(*part, kLastRank, token);
    } else if (!give(name, token)) {
      return JsonWalk::bad;
    }
  }
  return JsonWalk::ok;
}

// EvtxECmd's `Payload`: {"EventData": …} as a text. Before what the event says elsewhere under the same name.
JsonWalk JsonReader::data_text(std::string_view token) {
  std::string_view text;
  if (!is_string(token) || inner() == nullptr) return JsonWalk::ok;
  if (!text_of(token, text)) return JsonWalk::bad;
  return text.starts_with('{') ? inner()->read_members(text, *sink_) : JsonWalk::ok;
}

// Where a collector puts a line of text it puts an object too, if the line was JSON and it looked.
void JsonReader::note_carried(JsonCursor in) {
  auto key = find_system_key(plain_);
  bool carries = key && (key->part == SystemPart::carried || key->part == SystemPart::message);
  std::string_view token;
  if (!carries || !carried_object_.empty() || is_known_container(plain_)) return;
  if (skip_value(in, token) == JsonWalk::ok) carried_object_ = token;
}

void JsonReader::note(SystemPart part, std::uint8_t rank, std::string_view token) {
  Part& best = parts_[static_cast<std::size_t>(part)];
  if (rank < best.rank) best = {token, rank};
}

bool JsonReader::text_of(std::string_view token, std::string_view& text) {
  text = token;
  if (!is_string(token)) return true;
  text = inside_quotes(token);
  if (text.find('\\') == std::string_view::npos) return true;
  // It may be JSON itself, which is read with padding behind it.
  char* out = arena_.allocate(text.size() + kUnescapeRoom + kPadding);
  char* end = unescape(text, out);
  if (end == nullptr) return false;
  text = {out, static_cast<std::size_t>(end - out)};
  return true;
}

bool JsonReader::give(std::string_view name, std::string_view token) {
  if (!has_digests(name) && !sink_->wants(name)) return true;
  std::string_view text;
  if (!text_of(token, text)) return false;
  give_field(name, text, *sink_);
  return true;
}

bool JsonReader::read_indexed(std::string_view object, FieldSink& sink) {
  arena_.reset();
  sink_ = &sink;
  JsonCursor in;
  if (!index_.build(object, in) || in.peek() != '{') return false;
  auto text = [&] {
    std::string_view token, resolved;
    JsonWalk walk = skip_value(in, token);
    if (walk != JsonWalk::ok) return walk;
    if (!is_string(token) || !text_of(token, resolved)) return JsonWalk::bad;
    if (!resolved.empty()) items_.emplace_back(resolved);
    return JsonWalk::ok;
  };
  JsonWalk walk = walk_object(in, [&](std::string_view key) {
    items_.clear();
    std::string_view name;
    JsonWalk ended = in.peek() == '[' ? walk_array(in, text) : text();
    if (ended != JsonWalk::ok || items_.empty()) return ended;
    if (!text_of({key.data() - 1, key.size() + 2}, name)) return JsonWalk::bad;
    if (!sink.wants(name)) return ended;
    auto* kept = arena_.array<Value>(items_.size());
    std::copy(items_.begin(), items_.end(), kept);
    sink.field(name, Value::multi({kept, items_.size()}));
    return ended;
  });
  return walk == JsonWalk::ok;
}

}  // namespace hecate::decode
