#pragma once

#include <string>
#include <string_view>

namespace hecate::testing {

// The least form of a file: a search of Sysmon for Linux' events, `Linux Job Written`.
inline constexpr std::string_view kLinuxDetection = R"(
name: Linux Job Written
type: TTP
search: '`sysmon` EventID=11 TargetFilename="/etc/cron.d/*" | stats count by dest, user, file_path'
)";

// `2026-04-27 12:00:00.000`, of now.
[[nodiscard]] std::string utc_now();

// A file written, as Sysmon for Linux tells it on host lnx-1. `separator` stands within the event: a line
// break comes through only with an octet count.
[[nodiscard]] std::string linux_event(std::string_view file, std::string_view separator = "\n");

}  // namespace hecate::testing
