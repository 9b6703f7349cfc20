#pragma once

#include "pipeline/base/error.h"

#include <string>

namespace hecate::outputs {

// A random GUID (RFC 4122, version 4), in lower case: HEC's channels and tokens have this form. Fails where
// the system gives no random numbers.
[[nodiscard]] Result<std::string> make_guid();

}  // namespace hecate::outputs
