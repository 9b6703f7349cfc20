#include "tests/fuzz/fields.h"

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/shape.h"
#include "tests/fuzz/input.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace hecate::fuzz {
namespace {

// By name, the first value, or all of a name with `{}`.
using Fields = std::map<std::string, std::vector<std::string>, std::less<>>;

class Sink final : public decode::FieldSink {
 public:
  // Without a name all fields are wanted.
  explicit Sink(std::string_view only) : only_(only) {}
  bool wants(std::string_view name) override { return only_.empty() || name == only_; }
  bool wants_below(std::string_view prefix) override { return only_.empty() || only_.starts_with(prefix); }
  void field(std::string_view name, Value value) override {
    require(!name.empty(), "a field has a name");
    std::vector<std::string>& values = fields[std::string(name)];
    if (!values.empty() && name.find("{}") == std::string_view::npos) return;
    for (Value one : value.each()) {
      require(one.is_text(), "events bring texts only");
      values.emplace_back(one.text());
    }
  }

  Fields fields;

 private:
  std::string_view only_;
};

struct Outcome {
  Fields fields;
  bool whole;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(decode::Decoder& decoder, std::string_view payload, Shape shape, std::string_view only = {}) {
  Input input(payload, shape == Shape::json ? 64 : 0);
  EventView event;
  event.raw = input.view();
  event.shape = shape;
  Sink sink(only);
  bool whole = decoder.decode(event, sink);
  return {std::move(sink.fields), whole};
}

}  // namespace

void check_fields(std::string_view payload, Shape shape) {
  static decode::Decoder kept;
  decode::Decoder fresh;
  {
    Input input(payload);
    (void)decode::shape_of(input.view());
  }
  Outcome all = decode(kept, payload, shape);
  require(all == decode(fresh, payload, shape), "earlier events do not change what an event says");
  if (!all.whole) return;
  for (const auto& [name, values] : all.fields) {
    Outcome one = decode(kept, payload, shape, name);
    auto found = one.fields.find(name);
    require(one.whole && found != one.fields.end() && found->second == values,
            "a field is the same alone as with all others");
  }
}

}  // namespace hecate::fuzz
