#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace hecate::decode {

// Says of most names that a set does not have them, without hashing: an event has tens of keys and plans ask
// for a few. By length, and by the first and the last letter.
class NameFilter {
 public:
  void add(std::string_view name) { bits_[row(name)] |= bit(name); }
  [[nodiscard]] bool may_have(std::string_view name) const { return (bits_[row(name)] & bit(name)) != 0; }

 private:
  static constexpr std::size_t kRows = 64;
  static std::size_t row(std::string_view name) { return std::min(name.size(), kRows - 1); }
  static std::uint64_t bit(std::string_view name) {
    if (name.empty()) return 1;
    return std::uint64_t{1} << ((static_cast<unsigned char>(name.front()) * 7U +
                                 static_cast<unsigned char>(name.back())) %
                                64);
  }

  std::array<std::uint64_t, kRows> bits_{};
};

}  // namespace hecate::decode
