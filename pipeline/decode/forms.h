#pragma once

#include "pipeline/base/arena.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/decode/json_index.h"
#include "pipeline/decode/names.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::decode {

// The readers of the three forms; each knows nothing of the others. `false`: not well formed.

// Hands a field of the event's own data to the sink, and the digests that a hash text holds.
void give_field(std::string_view name, std::string_view value, FieldSink& sink);
// Whether a field holds digests: `MD5=…,SHA256=…`.
[[nodiscard]] bool has_digests(std::string_view name);
// Hands a part to the sink under each of its names.
void give_system(SystemPart part, std::string_view value, FieldSink& sink);

// The lines `Key: value` of a rendered message. A line of another form belongs to the value before it.
void read_message(std::string_view message, FieldSink& sink);

[[nodiscard]] bool read_xml(std::string_view text, FieldSink& sink);
void read_text(std::string_view text, FieldSink& sink);
// Snare's text: parts of an event between tabs, its message without line breaks; false where it is none.
[[nodiscard]] bool read_snare(std::string_view text, FieldSink& sink);
// `text`, or where rsyslog wrote its line breaks and tabs as `#012` and `#011` the text that it was, in
// `buffer`.
[[nodiscard]] std::string_view with_line_breaks(std::string_view text, std::string& buffer);

// One JSON event after another; keeps its buffers.
class JsonReader {
 public:
  [[nodiscard]] bool read(std::string_view text, FieldSink& sink);
  // HEC's `fields`: texts, and lists of texts under their plain name.
  [[nodiscard]] bool read_indexed(std::string_view object, FieldSink& sink);

 private:
  // The members of an object without what it says of the event as a whole.
  [[nodiscard]] JsonWalk read_members(std::string_view text, FieldSink& sink);

  struct Part {
    std::string_view token;  // as it stands in the JSON
    std::uint8_t rank = 255;
  };

  JsonWalk object(JsonCursor& in, bool data);
  JsonWalk member(JsonCursor& in, std::string_view key, bool data);
  JsonWalk value(JsonCursor& in, std::string_view short_name);
  JsonWalk array(JsonCursor& in);
  JsonWalk named_data(JsonCursor& in);
  JsonWalk leaf(std::string_view token, std::string_view short_name);
  JsonWalk data_text(std::string_view token);
  void note_carried(JsonCursor in);
  [[nodiscard]] bool names_an_event(std::string_view object);
  bool give(std::string_view name, std::string_view token);
  bool text_of(std::string_view token, std::string_view& text);
  void note(SystemPart part, std::uint8_t rank, std::string_view token);
  bool give_parts();
  bool give_part(SystemPart part);
  bool give_carried();
  bool give_inserts();
  bool give_message();
  [[nodiscard]] std::string_view token_of(SystemPart part) const;
  [[nodiscard]] bool from_sysmon() const;
  [[nodiscard]] JsonReader* inner();

  JsonIndex index_;
  Arena arena_;
  std::string path_;   // as Splunk names it
  std::string plain_;  // as the table of names does
  std::array<Part, kSystemParts> parts_;
  // Keys of the shipper's own that Sysmon has too: what the event says elsewhere under their names goes
  // first.
  std::string_view event_type_, process_id_;  // tokens
  JsonCursor inserts_;                        // at the list of the data's values
  std::string_view carried_object_;           // what may be an event inside a collector's JSON
  std::vector<Value> items_;
  int depth_ = 0;
  FieldSink* sink_ = nullptr;
  std::unique_ptr<JsonReader> inner_;  // for JSON inside a string; made when it is first needed
  int level_ = 0;                      // of this reader inside others
};

}  // namespace hecate::decode
