#pragma once

#include <string>

namespace hecate::daemon {

// docs/spl.md: what of SPL is supported, made from the tables that the parser itself uses.
[[nodiscard]] std::string spl_reference();

}  // namespace hecate::daemon
