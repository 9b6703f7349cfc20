#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hecate::catalogue {

// The candidate that `name` is most likely a misspelling of, compared without case; empty when none is near.
[[nodiscard]] std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace hecate::catalogue
