#pragma once

#include "pipeline/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hecate::daemon {

// Where a port listens: `0.0.0.0:8088`, `[::1]:9464`, `localhost:0` (port 0: the system chooses one).
struct Address {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

[[nodiscard]] Result<Address> parse_address(std::string_view text);
// What is wrong with an address; nullopt: nothing.
[[nodiscard]] std::optional<std::string> check_address(const std::string& text);

}  // namespace hecate::daemon
