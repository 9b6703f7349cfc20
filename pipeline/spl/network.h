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
  // Whether `address` is one, of the same family, in the range.
  [[nodiscard]] bool contains(std::string_view address) const;

 private:
  std::array<std::uint8_t, 16> address_{};
  std::uint8_t bits_ = 0;
  bool six_ = false;
};

}  // namespace hecate::spl
