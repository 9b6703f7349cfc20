#pragma once

#include "pipeline/event/event_view.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hecate::sources {

// Where events of one form (a shipper's) have host, channel and time: the text in front of each value
// (`"Channel":"`, `<Computer>`, `UtcTime: `) and about where it stands. Learned from an event that was
// decoded; finds the values of the next one without decoding it.
class Layout {
 public:
  enum Part : std::uint8_t { host, channel, time };
  using Parts = std::uint8_t;  // bits 1 << Part
  static constexpr std::size_t kParts = 3;
  using Values = std::array<std::string_view, kParts>;  // by Part; empty: the event has none

  [[nodiscard]] static Parts bit(Part part) { return static_cast<Parts>(1U << part); }

  // `wanted`: the parts that were looked for; a time that `values` lacks such events do not have.
  // `known_channel`: where the channel is not looked for. Nothing where host or channel is wanted and
  // lacking, a value is no plain piece of `raw` behind a key of its own (escaped, inside another text), or
  // what is in front of it stands in `raw` earlier, too: events of such a form are decoded each time.
  [[nodiscard]] static std::optional<Layout> learn(std::string_view raw, Shape shape, Parts wanted,
                                                   const Values& values, std::string_view known_channel);

  // The values of `wanted`, or nothing where `raw` is not of this form. Sysmon's events are of another form
  // than all others, whoever ships them: they have a time of their own.
  [[nodiscard]] std::optional<Values> find(std::string_view raw, Shape shape, Parts wanted,
                                           std::string_view known_channel);

 private:
  struct Place {
    std::string before;      // what stands in front of the value
    std::size_t offset = 0;  // of `before`, in the event that was read last
    char end = 0;            // what stands behind the value
  };
  [[nodiscard]] static std::optional<Place> place_of(std::string_view raw, Shape shape,
                                                     std::string_view value);
  [[nodiscard]] static std::string_view value_at(std::string_view raw, Shape shape, Place& place);

  Shape shape_ = Shape::text;
  bool sysmon_ = false;
  Parts wanted_ = 0, found_ = 0;
  std::array<Place, kParts> places_;
};

}  // namespace hecate::sources
