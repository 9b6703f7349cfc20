#pragma once

#include "pipeline/base/error.h"

#include <exception>
#include <string>

namespace hecate::daemon {

// Hands on what was printed on standard output so far. The error says why it takes no more, and what to do.
[[nodiscard]] Result<void> flush_output();

// What an exception that nobody expected means to the command's user: what failed, why, and what to do.
[[nodiscard]] std::string explain(const std::exception& error);

}  // namespace hecate::daemon
