#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hecate::spl {

// A range of addresses: `10.0.0.0/8`, `fe80::/10`. Cheap to copy.
class Network {
 public:
  // nullopt for anything else; a lone address is no network.
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);
  // The range of one address.
  [[nodiscard]] static std::optional<Network> parse_address(std::string_view text);
  // Whether `address` is one, of the same family, in the range.
  [[nodiscard]] bool contains(std::string_view address) const;

  [[nodiscard]] bool is_six() const { return six_; }
  [[nodiscard]] unsigned bits() const { return bits_; }
  // The range of so many bits that this one lies in, or itself where it is the larger one.
  [[nodiscard]] Network cut(unsigned bits) const;
  // The same for texts of the same range (10.1.2.3/8 and 10.0.0.0/8).
  [[nodiscard]] std::uint64_t hash() const;

 private:
  std::array<std::uint8_t, 16> address_{};
  std::uint8_t bits_ = 0;
  bool six_ = false;
};

}  // namespace hecate::spl
