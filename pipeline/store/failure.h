#pragma once

#include <cstdint>
#include <string_view>

namespace hecate::store {

// Why SQLite refused, as far as what follows from it differs.
enum class Failure : std::uint8_t {
  full,     // no space left, or over a quota: goes by itself when there is space
  io,       // the disk refused to read or write
  sync,     // the disk did not confirm that what was written is on it: nobody knows what of it is
  damaged,  // what is in the file is no database, or not what was written
  busy,     // another program holds it locked
  memory,   // out of memory
  other,
};
inline constexpr Failure kFailures[] = {Failure::full, Failure::io,     Failure::sync, Failure::damaged,
                                        Failure::busy, Failure::memory, Failure::other};

// Of an extended SQLite code.
[[nodiscard]] Failure failure_of(int code);
// As metrics have it.
[[nodiscard]] std::string_view to_text(Failure failure);
// What the operator should do, for the end of a message.
[[nodiscard]] std::string_view advice(int code);

}  // namespace hecate::store
