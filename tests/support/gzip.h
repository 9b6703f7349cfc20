#pragma once

#include <string>
#include <string_view>

namespace hecate::testing {

// `text` as one gzip member.
[[nodiscard]] std::string gzip(std::string_view text);

}  // namespace hecate::testing
