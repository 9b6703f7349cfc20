#pragma once

#include <expected>
#include <string>
#include <utility>

namespace hecate {

// What went wrong, in words for the operator: what failed, the likely cause, what to do. Used at every
// boundary as std::expected<T, Error>; an outcome that a caller branches on (late, full) is an enum instead.
struct Error {
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message) {
  return std::unexpected(Error{std::move(message)});
}

}  // namespace hecate
