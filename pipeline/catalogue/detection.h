#pragma once

#include "pipeline/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hecate::catalogue {

// Who a finding is about, and what its message says.
struct RiskObject {
  std::string field;
  std::string type = "other";  // system, user, other
  int score = 0;
  std::string message;  // template with $field$; the detection's own when empty
};

struct ThreatObject {
  std::string field;
  std::string type;
};

struct DrilldownSearch {
  std::string name, search, earliest_offset, latest_offset;
};

struct Throttle {
  std::vector<std::string> fields;  // empty: no throttling
  Time period = 0;
};

enum class Emit : std::uint8_t {
  schedule,     // when the window's run is due
  first_match,  // as soon as the first matching event is on disk; the run then tells nothing twice
};

// When the row of a finding that was told changes, because events came late or its window was still open.
enum class Revise : std::uint8_t {
  fields,  // a revision is posted when other fields than those of stats functions have changed
  any,     // … when anything has
  never,   // only what is stored changes
};

// A detection file in any of ESCU's three forms, with the deployment of its type and the site's overrides put
// in.
struct Detection {
  std::string name;
  std::string search_name;  // that of its stanza in savedsearches.conf; empty: made of the name
  std::string id;
  int version = 0;
  std::string date, author, status;
  std::string type;  // TTP, Anomaly, Hunting, Correlation, Baseline
  std::string description;
  std::vector<std::string> data_sources;
  std::string search;
  std::string how_to_implement, known_false_positives;
  std::vector<std::string> references;
  std::vector<DrilldownSearch> drilldowns;

  std::string message;                   // the finding's own title: template with $field$
  std::vector<RiskObject> risk_objects;  // the finding's entity first
  std::vector<ThreatObject> threat_objects;
  std::vector<std::string> mitre_attack, analytic_stories, cve, kill_chain_phases;
  std::string security_domain = "endpoint";

  // Schedule and actions.
  bool enabled = true;
  std::string cron, earliest, latest;
  Emit emit = Emit::schedule;
  Revise revise = Revise::fields;
  Throttle throttle;
  bool notable = false;  // creates a finding
  bool risk = false;     // creates risk events
  std::string rule_title = "%name%";
  std::string rule_description = "%description%";
  std::vector<std::string> notable_fields;  // nes_fields: user, dest
  std::string index = "notable";            // where the notable goes

  std::string file;          // where it was read, for messages
  int line = 1, column = 1;  // the first character of the search in that file

  // The greatest score of its risk objects.
  [[nodiscard]] int risk_score() const;
};

}  // namespace hecate::catalogue
