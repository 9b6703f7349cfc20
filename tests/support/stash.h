#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::testing {

// Reads a stash text back into fields, `search_name` among them; a text of another form fails the test.
using StashFields = std::map<std::string, std::vector<std::string>>;
[[nodiscard]] StashFields read_stash(std::string_view text);

}  // namespace hecate::testing
