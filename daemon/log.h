#pragma once

#include <string>

namespace hecate::daemon {

// Sends spdlog's default logger to standard error, one JSON object a line: {"time":…,"level":…,"message":…}.
// Levels: trace, debug, info, warning, error.
void start_logging(const std::string& level);

}  // namespace hecate::daemon
