#include "tests/e2e/linux_events.h"

#include "pipeline/base/clock.h"

#include <fmt/format.h>

namespace hecate::testing {

std::string utc_now() {
  std::string utc = format_iso(SystemClock().now()).substr(0, 23);
  utc[10] = ' ';
  return utc;
}

std::string linux_event(std::string_view file, std::string_view separator) {
  return fmt::format(
      "<Event><System><Provider Name=\"Linux-Sysmon\" Guid=\"{{ff032593-a8d3-4f13-b0d6-01fc615a0f97}}\"/>"
      "<EventID>11</EventID><Version>2</Version><Channel>Linux-Sysmon/Operational</Channel>{}"
      "<Computer>lnx-1</Computer><Security UserId=\"0\"/></System><EventData>"
      "<Data Name=\"UtcTime\">{}</Data><Data Name=\"ProcessId\">77</Data>"
      "<Data Name=\"Image\">/usr/bin/vim</Data><Data Name=\"TargetFilename\">{}</Data>"
      "<Data Name=\"User\">root</Data></EventData></Event>",
      separator, utc_now(), file);
}

}  // namespace hecate::testing
