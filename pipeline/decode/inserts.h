#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace hecate::decode {

// The names of a Sysmon event's data in the order in which Windows stores them: what shippers that hand the
// values on without names (`StringInserts`) leave out.
struct InsertNames {
  std::span<const std::string_view> names;  // none: an event that is not known
  std::size_t required = 0;                 // names behind these are missing from older Sysmons' events
  std::size_t utc_time = 0;                 // where the event's time stands
};

// `event_id`: as it is written, `11`.
[[nodiscard]] InsertNames insert_names(std::string_view event_id);

}  // namespace hecate::decode
