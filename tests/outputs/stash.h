#pragma once

#include "outputs/finding.h"

#include <string_view>

namespace hecate::testing {

// Reads a stash text back into fields, `search_name` among them; a text of another form fails the test.
[[nodiscard]] outputs::Fields read_stash(std::string_view text);

}  // namespace hecate::testing
