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
  int revision = 1;
  // Hash of the row's fields but those that stats functions gave; never 0.
  std::int64_t plain = 1;
  std::string body;  // one line of JSON, all of what /api/findings shows but `created`, `revision`, `status`
  std::string notable;  // HEC envelope; empty where the detection creates no finding
  struct Risk {
    std::string type, object;
    std::string event;  // HEC envelope
  };
  std::vector<Risk> risks;
  std::string throttle_values;  // JSON array; empty where the detection does not throttle
};

// All of what is told of `row`, as docs/findings.md says. Pure: the same arguments give the same texts.
[[nodiscard]] Finding make_finding(const window::Run& run, const spl::ResultRow& row,
                                   const store::Sample* sample, const FindingOptions& options,
                                   const std::string& id, int revision);

// The envelope of a notable that takes back the finding with this body.
[[nodiscard]] std::string withdrawal(std::string_view body, int revision, Time search_time,
                                     std::string_view index, const FindingOptions& options);

// The JSON of /api/findings: a body with when this revision was told.
[[nodiscard]] std::string shown(Time created, std::int64_t revision, std::string_view status,
                                std::string_view body);

// 32 hexadecimal digits of SHA-256 over detection, window, keys (with the row's group where they are not all
// of the BY values; the event itself, its host and raw text, where there are none) and ordinal: 0 for the
// first of one run's rows that have equal keys.
[[nodiscard]] std::string finding_id(std::string_view detection, const schedule::Window& window,
                                     const spl::ResultRow& row, const store::Sample* sample, int ordinal);

// Informational up to 20, low to 40, medium to 60, high to 80, else critical.
[[nodiscard]] std::string_view severity(int risk_score);

// Splunk's stash form: `<epoch>, search_name="…", key="value", …`; a key is repeated for each of its values,
// `\` and
// `"` are escaped, empty values are left out.
[[nodiscard]] std::string stash_text(Time time, std::string_view search_name, const Fields& fields);

}  // namespace hecate::outputs
