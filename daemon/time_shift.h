#pragma once

#include "pipeline/base/time.h"

#include <string>
#include <string_view>

namespace hecate::daemon {

// `raw` with the times that Sysmon events carry moved by `delta`: the timestamp behind each UtcTime,
// CreationUtcTime, PreviousCreationUtcTime, TimeCreated, SystemTime, EventTime, EventReceivedTime and
// @timestamp, in JSON, XML and the rendered Message alike. Their form and number of decimals stay; all else
// is untouched.
[[nodiscard]] std::string shift_times(std::string_view raw, Time delta);

}  // namespace hecate::daemon
