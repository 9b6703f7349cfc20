#include "pipeline/decode/decoder.h"

#include "pipeline/decode/forms.h"

namespace hecate::decode {

bool has_digests(std::string_view name) {
  return name == "Hashes" || name == "Hash" || name == "ConfigurationFileHash";
}

void give_field(std::string_view name, std::string_view value, FieldSink& sink) {
  if (value.empty() || name.empty()) return;
  if (sink.wants(name)) sink.field(name, value);
  if (!has_digests(name)) return;
  while (!value.empty()) {
    std::size_t comma = value.find(',');
    std::string_view one = value.substr(0, comma);
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == one.size()) continue;
    std::string_view digest = one.substr(0, equals);
    if (sink.wants(digest)) sink.field(digest, one.substr(equals + 1));
  }
}

void give_system(SystemPart part, std::string_view value, FieldSink& sink) {
  if (value.empty()) return;
  for (std::string_view name : system_fields(part)) {
    if (sink.wants(name)) sink.field(name, value);
  }
}

struct Decoder::Impl {
  JsonReader json;
  JsonReader indexed;
  std::string lines;
};

Decoder::Decoder() : impl_(std::make_unique<Impl>()) {}
Decoder::~Decoder() = default;

bool Decoder::decode(const EventView& event, FieldSink& sink) {
  switch (event.shape) {
    case Shape::json:
      return impl_->json.read(event.raw, sink);
    case Shape::xml:
      return read_xml(event.raw, sink);
    case Shape::text:
      read_text(with_line_breaks(event.raw, impl_->lines), sink);
      return true;
  }
  return false;
}

bool Decoder::decode_indexed(const EventView& event, FieldSink& sink) {
  return event.fields.empty() || impl_->indexed.read_indexed(event.fields, sink);
}

}  // namespace hecate::decode
