#pragma once

#include "pipeline/event/event_view.h"
#include "pipeline/event/value.h"

#include <memory>
#include <string_view>

namespace hecate::decode {

// Takes what is found in an event. `name` and `value` live until the next event is decoded. A name may come
// more than once; the first wins, but for `a{}` names, whose values form a list in order.
class FieldSink {
 public:
  virtual ~FieldSink() = default;
  // Whether a field of this name is of interest; asked before work is done for its value.
  [[nodiscard]] virtual bool wants(std::string_view name) = 0;
  // Whether any wanted name begins with `prefix` (`winlog.`, `a.b.`, `a{}.`): asked before an object is
  // entered.
  [[nodiscard]] virtual bool wants_below(std::string_view prefix) = 0;
  virtual void field(std::string_view name, Value value) = 0;
};

// Reads the payload of one event into fields, named as the Splunk Add-on for Sysmon extracts them where the
// event has one of the known forms (docs/formats.md): XML, JSON as each shipper writes it, classic text, each
// with the head of a syslog line before it or without. Every other key of a JSON event is a field too: nested
// `a.b`, arrays `a{}`. Values are texts as written: JSON escapes resolved, XML entities not. An empty text
// and a JSON null give no field. One a worker; buffers are reused. `raw` of a JSON event needs simdjson's
// padding (64 bytes) readable behind it.
class Decoder {
 public:
  Decoder();
  ~Decoder();

  // False when the payload is not what its shape says (malformed JSON); fields found before that were handed
  // out.
  bool decode(const EventView& event, FieldSink& sink);

  // Reads HEC's `fields`: texts, and lists of texts under their plain name. False when they are not such.
  bool decode_indexed(const EventView& event, FieldSink& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hecate::decode
