#include "pipeline/spl/group_key.h"

namespace hecate::spl {
namespace {

constexpr char kEnd = '\x01';
constexpr char kEscaped = '\xFF';

void append_big_endian(std::uint64_t value, int bytes, std::string& out) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

void append_key_value(std::string_view value, std::string& key) {
  for (std::size_t zero = value.find('\0'); zero != std::string_view::npos; zero = value.find('\0')) {
    key.append(value.substr(0, zero + 1));
    key.push_back(kEscaped);
    value.remove_prefix(zero + 1);
  }
  key.append(value);
  key.push_back('\0');
  key.push_back(kEnd);
}

bool decode_key(std::string_view key, std::size_t count, std::vector<std::string>& values) {
  values.assign(count, {});
  for (std::string& value : values) {
    for (;;) {
      std::size_t zero = key.find('\0');
      if (zero == std::string_view::npos || zero + 1 == key.size()) return false;
      value.append(key.substr(0, zero));
      char next = key[zero + 1];
      key.remove_prefix(zero + 2);
      if (next == kEnd) break;
      if (next != kEscaped) return false;
      value.push_back('\0');
    }
  }
  return key.empty();
}

std::string event_key(Time time, std::uint64_t arrival, std::uint32_t row, std::uint64_t hash) {
  std::string key;
  // Flipping the sign bit makes the order of signed times that of unsigned bytes.
  append_big_endian(~(static_cast<std::uint64_t>(time) ^ (std::uint64_t{1} << 63)), 8, key);
  append_big_endian(~arrival, 8, key);
  append_big_endian(row, 4, key);
  append_big_endian(hash, 8, key);
  return key;
}

// FNV-1a, then the finishing steps of MurmurHash3, which spread short texts over all 64 bits.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33);
}

}  // namespace hecate::spl
