#pragma once

#include <string>

namespace prometheus {
class Registry;
}

namespace hecate::daemon {

// `0.1.0 (1f2e3d4c5b6a)`: the project's version and the git revision that the program was built from, where
// there was one to see.
[[nodiscard]] std::string version_line();

// hecate_build_info{version,revision} 1.
void show_build(prometheus::Registry& registry);

}  // namespace hecate::daemon
