#pragma once

#include "pipeline/base/arena.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/decode/json_index.h"
#include "pipeline/decode/names.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::decode {

// The readers of the three forms; each knows nothing of the others. `false`: not well formed.

// Hands a field of the event's own data to the sink, and the digests that a hash text holds.
void give_field(std::string_view name, std::string_view value, FieldSink& sink);
// Hands a part to the sink under each of its names.
void give_system(SystemPart part, std::string_view value, FieldSink& sink);

// The lines `Key: value` of a rendered message. A line of another form belongs to the value before it.
void read_message(std::string_view message, FieldSink& sink);

[[nodiscard]] bool read_xml(std::string_view text, FieldSink& sink);
void read_text(std::string_view text, FieldSink& sink);

// One JSON event after another; keeps its buffers.
class JsonReader {
 public:
  [[nodiscard]] bool read(std::string_view text, FieldSink& sink);
  // HEC's `fields`: texts, and lists of texts under their plain name.
  [[nodiscard]] bool read_indexed(std::string_view object, FieldSink& sink);

 private:
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
  bool give(std::string_view name, std::string_view token);
  bool text_of(std::string_view token, std::string_view& text);
  void note(SystemPart part, std::uint8_t rank, std::string_view token);
  bool give_parts();
  bool from_sysmon();

  JsonIndex index_;
  Arena arena_;
  std::string path_;   // as Splunk names it
  std::string plain_;  // as the table of names does
  std::array<Part, kSystemParts> parts_;
  std::string_view hidden_event_type_;
  std::vector<Value> items_;
  int depth_ = 0;
  FieldSink* sink_ = nullptr;
};

}  // namespace hecate::decode
