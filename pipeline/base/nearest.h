#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hecate {

// The candidate that `word` is most likely a misspelling of, compared without case: at most a third of its
// letters (two in a short word) changed, added or taken away. Empty when none is near. For "did you mean".
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& candidates);

}  // namespace hecate
