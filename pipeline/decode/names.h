#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hecate::decode {

// What every Windows event tells about itself, beside its own data. One table (names.cpp) says under which
// keys each shipper writes it and which fields it becomes.
enum class SystemPart : std::uint8_t {
  event_id,
  provider,
  provider_guid,
  channel,
  computer,
  record_id,
  time_created,
  process_id,
  thread_id,
  user_id,
  version,
  level,
  task,
  opcode,
  keywords,
  activity_id,
  message,
  unix_user_id,
  data,     // its own data as a JSON text
  carried,  // all of it as a text, put into JSON by something that does not read Windows' events
};
inline constexpr std::size_t kSystemParts = 20;

// Where a key stands among those that may name a part: the lowest rank that the event has is taken.
struct SystemKey {
  SystemPart part;
  std::uint8_t rank;
};

// The part that a key names; `path` is written with `.` between levels, without what only marks attributes
// and texts of XML turned into JSON (`Event`, `#attributes`, `_attributes`, `#text`, `@`).
[[nodiscard]] std::optional<SystemKey> find_system_key(std::string_view path);
// The part whose field has this name: an event's data of the same name come after it.
[[nodiscard]] std::optional<SystemPart> find_system_field(std::string_view name);
// The fields that a part becomes.
[[nodiscard]] std::span<const std::string_view> system_fields(SystemPart part);
// Whether keys of parts or the event's own data can stand below this path.
[[nodiscard]] bool is_known_container(std::string_view path);
// Whether the members of this object are the event's data: fields under their own short names.
[[nodiscard]] bool is_event_data(std::string_view path);
// Whether the list at this path has the event's data by position (inserts.h).
[[nodiscard]] bool is_string_inserts(std::string_view path);

}  // namespace hecate::decode
