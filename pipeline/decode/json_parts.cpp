// What is told once the whole of a JSON event has been seen: the parts of the event, and what depends on
// them.
#include "pipeline/decode/forms.h"
#include "pipeline/decode/inserts.h"
#include "pipeline/decode/json_text.h"
#include "pipeline/decode/shape.h"

namespace hecate::decode {

namespace {

constexpr int kDeepestText = 2;  // JSON in a string of JSON in a string of JSON

// `2026-04-27 13:00:00.111`
bool is_utc_time(std::string_view token) {
  return token.size() > 20 && token[5] == '-' && token[11] == ' ' && token[14] == ':';
}

struct NoFields final : FieldSink {
  bool wants(std::string_view /*name*/) override { return false; }
  bool wants_below(std::string_view /*prefix*/) override { return false; }
  void field(std::string_view /*name*/, Value /*value*/) override {}
};

}  // namespace

std::string_view JsonReader::token_of(SystemPart part) const {
  return parts_[static_cast<std::size_t>(part)].token;
}

bool JsonReader::from_sysmon() const {
  for (SystemPart part : {SystemPart::provider, SystemPart::channel}) {
    if (token_of(part).find("Sysmon") != std::string_view::npos) return true;
  }
  return false;
}

JsonReader* JsonReader::inner() {
  if (!inner_ && level_ < kDeepestText) {
    inner_ = std::make_unique<JsonReader>();
    inner_->level_ = level_ + 1;
  }
  return inner_.get();
}

bool JsonReader::give_parts() {
  if (!give_carried()) return false;
  for (std::size_t i = 0; i < kSystemParts; ++i) {
    if (!give_part(static_cast<SystemPart>(i))) return false;
  }
  if (from_sysmon() && !(give_inserts() && give_message())) return false;
  return (event_type_.empty() || give("EventType", event_type_)) &&
         (process_id_.empty() || give("ProcessId", process_id_));
}

bool JsonReader::give_part(SystemPart part) {
  std::string_view token = token_of(part);
  std::string_view text;
  if (token.empty()) return true;
  for (std::string_view name : system_fields(part)) {
    if (!sink_->wants(name)) continue;
    if (text.empty() && !text_of(token, text)) return false;
    sink_->field(name, text);
  }
  return true;
}

// An event that a collector took for a line of text. Only where the JSON around it names no event of its own:
// who can write a text into an event must not be able to pass it off as another.
bool JsonReader::give_carried() {
  if (!token_of(SystemPart::provider).empty() || !token_of(SystemPart::channel).empty()) return true;
  for (SystemPart part : {SystemPart::carried, SystemPart::message}) {
    std::string_view token = token_of(part);
    std::string_view text;
    if (token.empty() || !is_string(token)) continue;
    if (!text_of(token, text)) return false;
    Shape shape = shape_of(text);
    if (shape == Shape::xml) return read_xml(text, *sink_);
    if (shape == Shape::json && inner() != nullptr) return inner()->read(text, *sink_);
  }
  if (carried_object_.empty() || inner() == nullptr || !inner()->names_an_event(carried_object_)) return true;
  return inner()->read(carried_object_, *sink_);
}

bool JsonReader::names_an_event(std::string_view object) {
  NoFields none;
  return read_members(object, none) == JsonWalk::ok &&
         (!token_of(SystemPart::provider).empty() || !token_of(SystemPart::channel).empty());
}

// Values without names. Before the message: a text in it may hold a line that looks like another field.
bool JsonReader::give_inserts() {
  InsertNames known;
  if (!inserts_.done()) {
    std::string_view id = token_of(SystemPart::event_id);
    known = insert_names(!id.empty() && is_string(id) ? inside_quotes(id) : id);
  }
  std::size_t count = 0;
  bool fits = false;
  auto each = [&](const auto& value) {
    JsonCursor in = inserts_;
    count = 0;
    return walk_array(in, [&] {
      std::string_view token;
      JsonWalk walk = skip_value(in, token);
      if (walk == JsonWalk::ok && !value(count++, token)) return JsonWalk::bad;
      return walk;
    });
  };
  if (known.names.empty()) return true;
  JsonWalk walk = each([&](std::size_t i, std::string_view token) {
    fits = fits || (i == known.utc_time && is_utc_time(token));
    return true;
  });
  // A list of another length is of a Sysmon with other fields: then the message tells.
  if (walk != JsonWalk::ok || !fits || count < known.required || count > known.names.size()) return true;
  return each([&](std::size_t i, std::string_view token) {
           return token == "null" || give(known.names[i], token);
         }) == JsonWalk::ok;
}

bool JsonReader::give_message() {
  std::string_view token = token_of(SystemPart::message);
  if (token.empty() || !is_string(token)) return true;
  std::string_view text;
  if (!text_of(token, text)) return false;
  read_message(text, *sink_);
  return true;
}

}  // namespace hecate::decode
