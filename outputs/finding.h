#pragma once

#include "outputs/evidence.h"
#include "outputs/rule.h"
#include "pipeline/window/run_sink.h"

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

// For whom a risk event is made.
struct RiskEntity {
  std::string type, object;
  friend auto operator<=>(const RiskEntity&, const RiskEntity&) = default;
};

// One result row, told. Owns its texts.
struct Finding {
  std::string id;
  int revision = 1;
  // Hash of the row's fields but those that stats functions gave; never 0.
  std::int64_t plain = 1;
  std::string body;  // one line of JSON, all of what /api/findings shows but `created`, `revision`, `status`
  std::vector<RiskEntity> risk_objects;  // empty where the detection makes no risk events
  std::string throttle_values;           // JSON array; empty where the detection does not throttle
};

// All of what is told of `row`, as docs/findings.md says. Pure: the same arguments give the same texts.
[[nodiscard]] Finding make_finding(const Rule& rule, const window::Run& run, const spl::ResultRow& row,
                                   const store::Sample* sample, const std::string& id, int revision);

// The risk objects that a body names, in their order.
[[nodiscard]] std::vector<RiskEntity> risk_objects_of(std::string_view body);

// The JSON of /api/findings: a body with when this revision was told.
[[nodiscard]] std::string shown(Time created, std::int64_t revision, std::string_view status,
                                std::string_view body);

// 32 hexadecimal digits of SHA-256 over detection, window, keys (with the row's group where they are not all
// of the BY values; the event itself, its host and raw text, where there are none) and ordinal: 0 for the
// first of one run's rows that have equal keys.
[[nodiscard]] std::string finding_id(std::string_view detection, const schedule::Window& window,
                                     const spl::ResultRow& row, const store::Sample* sample, int ordinal);

}  // namespace hecate::outputs
