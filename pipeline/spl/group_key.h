#pragma once

#include "pipeline/base/time.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// Group keys sort, byte by byte, as the rows of a search do. They are stored: the form below never changes.
//
// BY values: one after another, each its text, every 0x00 in it followed by 0xFF, and 0x00 0x01 at the end.
// So rows sort by the first field's text, then the second's, and a text sorts before those that it begins.
// Without BY fields: kWholeKey.
inline constexpr std::string_view kWholeKey = "*";

void append_key_value(std::string_view value, std::string& key);

// The values of a key made by append_key_value. False when it is not one of `count` values (a damaged
// database).
[[nodiscard]] bool decode_key(std::string_view key, std::size_t count, std::vector<std::string>& values);

// A kept event: time and arrival (8 bytes each, the greatest first), the row's number where one event gave
// several (4 bytes, the smallest first), and a hash of the row (8 bytes), which tells events apart whose
// times and arrivals are the same, as a restart may bring about.
[[nodiscard]] std::string event_key(Time time, std::uint64_t arrival, std::uint32_t row, std::uint64_t hash);

// A hash that is the same in every build and on every machine: it is stored.
[[nodiscard]] std::uint64_t stable_hash(std::string_view text);

}  // namespace hecate::spl
