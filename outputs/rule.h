#pragma once

#include "pipeline/base/error.h"
#include "pipeline/catalogue/detection.h"

#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

struct FindingOptions;

// What all findings of a detection show of it, and where they go, as it was when they were told. It is stored
// once beside them (table `rule`), and what is posted of a finding is made of the two.
struct Rule {
  std::string name, id, type;
  int version = 0;
  std::string search_name;  // prefix + name + suffix
  std::string search;       // as SPL, for drilldowns
  std::string description, security_domain;
  std::string annotations;                                    // JSON
  std::string message, title_template, description_template;  // with $field$, %name%, %description%
  int risk_score = 0;
  std::vector<catalogue::RiskObject> risk_objects;  // the finding's entity first
  std::vector<catalogue::ThreatObject> threat_objects;
  std::vector<catalogue::DrilldownSearch> drilldowns;
  std::vector<std::string> notable_fields;
  bool notable = false, risk = false;
  std::string host, index, risk_index;  // of what is posted

  [[nodiscard]] static Rule of(const catalogue::Detection& detection, const FindingOptions& options);
  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] static Result<Rule> parse(std::string_view json);
};

}  // namespace hecate::outputs
