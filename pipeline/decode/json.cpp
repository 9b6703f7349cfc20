#include "pipeline/decode/forms.h"
#include "pipeline/decode/json_text.h"

#include <algorithm>

namespace hecate::decode {

namespace {

constexpr std::uint8_t kLastRank = 254;
constexpr int kDeepest = 64;  // levels that become fields; what lies deeper is checked only

bool is_string(std::string_view token) {
  return token.front() == '"';
}
std::string_view inside_quotes(std::string_view token) {
  return token.substr(1, token.size() - 2);
}

// What NXLog writes into EventType, where Sysmon has a field of that name.
bool is_nxlog_event_type(std::string_view text) {
  return text == "INFO" || text == "WARNING" || text == "ERROR" || text == "CRITICAL" || text == "DEBUG" ||
         text == "VERBOSE" || text.starts_with("AUDIT_");
}

// Appends a level to a path and takes it away again.
class Level {
 public:
  Level(std::string& path, std::string_view name) : path_(path), size_(path.size()) {
    if (name.empty()) return;
    if (!path.empty() && name != "{}") path += '.';
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
  if (top) return key == "Event" ? std::string_view() : key;
  return key.starts_with('@') ? key.substr(1) : key;
}

}  // namespace

bool JsonReader::read(std::string_view text, FieldSink& sink) {
  arena_.reset();
  sink_ = &sink;
  parts_.fill({});
  hidden_event_type_ = {};
  depth_ = 0;
  path_.clear();
  plain_.clear();
  JsonCursor in;
  if (!index_.build(text, in) || in.peek() != '{') return false;
  JsonWalk walk = object(in, false);
  return give_parts() && walk == JsonWalk::ok && in.done();
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
  bool top = path_.empty();
  Level path(path_, key);
  Level plain(plain_, plain_key(key, top));
  return value(in, data ? key : std::string_view());
}

// `short_name`: the field's own name where it stands among the event's data; else empty.
JsonWalk JsonReader::value(JsonCursor& in, std::string_view short_name) {
  char first = in.peek();
  if (first == '{' && depth_ < kDeepest) {
    bool known = is_known_container(plain_);
    path_ += '.';
    bool enter = known || sink_->wants_below(path_);
    path_.pop_back();
    if (enter) {
      ++depth_;
      JsonWalk walk = object(in, is_event_data(plain_));
      --depth_;
      return walk;
    }
  }
  if (first == '[' && depth_ < kDeepest) {
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
  Level path(path_, "{}");
  return walk_array(in, [&] {
    if (data && in.peek() == '{') return named_data(in);
    return value(in, {});
  });
}

// An element of a list that holds the event's data: {"@Name": "Image", "#text": "…"}, or {"Image": "…"}.
JsonWalk JsonReader::named_data(JsonCursor& in) {
  JsonCursor look = in;
  std::string_view name, text;
  JsonWalk walk = walk_object(look, [&](std::string_view key) {
    std::string_view token;
    JsonWalk ended = skip_value(look, token);
    if (ended != JsonWalk::ok) return ended;
    if (key == "@Name" || key == "Name") name = token;
    if (key == "#text" || key == "content" || key == "value" || key == "Text") text = token;
    return ended;
  });
  if (walk != JsonWalk::ok) return walk;
  std::string_view resolved;
  if (name.empty() || text.empty() || !is_string(name)) return object(in, true);
  if (!text_of(name, resolved)) return JsonWalk::bad;
  if (walk = leaf(text, resolved); walk != JsonWalk::ok) return walk;
  return object(in, false);
}

JsonWalk JsonReader::leaf(std::string_view token, std::string_view short_name) {
  if (token == "null" || token == "\"\"") return JsonWalk::ok;
  if (auto key = find_system_key(plain_)) note(key->part, key->rank, token);
  if (path_ == "EventType" && is_string(token) && is_nxlog_event_type(inside_quotes(token))) {
    hidden_event_type_ = inside_quotes(token);
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

void JsonReader::note(SystemPart part, std::uint8_t rank, std::string_view token) {
  Part& best = parts_[static_cast<std::size_t>(part)];
  if (rank < best.rank) best = {token, rank};
}

bool JsonReader::text_of(std::string_view token, std::string_view& text) {
  text = token;
  if (!is_string(token)) return true;
  text = inside_quotes(token);
  if (text.find('\\') == std::string_view::npos) return true;
  char* out = arena_.allocate(text.size() + kUnescapeRoom);
  char* end = unescape(text, out);
  if (end == nullptr) return false;
  text = {out, static_cast<std::size_t>(end - out)};
  return true;
}

bool JsonReader::give(std::string_view name, std::string_view token) {
  bool digests = name == "Hashes" || name == "Hash";
  if (!digests && !sink_->wants(name)) return true;
  std::string_view text;
  if (!text_of(token, text)) return false;
  give_field(name, text, *sink_);
  return true;
}

bool JsonReader::from_sysmon() {
  for (SystemPart part : {SystemPart::provider, SystemPart::channel}) {
    if (parts_[static_cast<std::size_t>(part)].token.find("Sysmon") != std::string_view::npos) return true;
  }
  return false;
}

bool JsonReader::give_parts() {
  for (std::size_t i = 0; i < kSystemParts; ++i) {
    std::string_view token = parts_[i].token;
    if (token.empty()) continue;
    auto part = static_cast<SystemPart>(i);
    auto names = system_fields(part);
    if (std::none_of(names.begin(), names.end(), [&](std::string_view name) { return sink_->wants(name); }))
      continue;
    std::string_view text;
    if (!text_of(token, text)) return false;
    give_system(part, text, *sink_);
  }
  const Part& message = parts_[static_cast<std::size_t>(SystemPart::message)];
  if (!message.token.empty() && is_string(message.token) && from_sysmon()) {
    std::string_view text;
    if (!text_of(message.token, text)) return false;
    read_message(text, *sink_);
  }
  give_field("EventType", hidden_event_type_, *sink_);
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
