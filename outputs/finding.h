#pragma once

#include "outputs/findings.h"
#include "pipeline/window/run_sink.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

// Fields of an event that is posted: names sorted, the values of each in order.
using Fields = std::map<std::string, std::vector<std::string>>;

// One result row, told. Owns its texts.
struct Finding {
  std::string id;
  std::string body;     // one line of JSON, all of what /api/findings shows but the time of creation
  std::string notable;  // HEC envelope; empty where the detection creates no finding
  std::vector<std::string> risks;  // HEC envelopes of risk events
  std::string throttle_values;     // JSON array; empty where the detection does not throttle
};

// All of what is told of `row`, as docs/findings.md says. Pure: the same arguments give the same texts.
// `ordinal` tells rows of one run apart that have equal keys: 0 for the first.
[[nodiscard]] Finding make_finding(const window::Run& run, const spl::ResultRow& row,
                                   const store::Sample* sample, const FindingOptions& options, int ordinal);

// The JSON of /api/findings: a body with the time when its finding was first told.
[[nodiscard]] std::string shown(Time created, std::string_view body);

// 32 hexadecimal digits of SHA-256 over detection, window, keys (with the row's group where they are not all
// of the BY values) and ordinal.
[[nodiscard]] std::string finding_id(std::string_view detection, const schedule::Window& window,
                                     const spl::ResultRow& row, int ordinal);

// Informational up to 20, low to 40, medium to 60, high to 80, else critical.
[[nodiscard]] std::string_view severity(int risk_score);

// Splunk's stash form: `<epoch>, search_name="…", key="value", …`; a key is repeated for each of its values,
// `\` and
// `"` are escaped, empty values are left out.
[[nodiscard]] std::string stash_text(Time time, std::string_view search_name, const Fields& fields);

}  // namespace hecate::outputs
