#pragma once

#include "pipeline/catalogue/detection.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hecate::catalogue {

class MapReader;

// When detections of one type run and what their results call for: a deployment file, or the `deployment:` of
// a detection. What it does not say is left as it was.
struct Deployment {
  std::string type;  // empty in a detection's own
  std::optional<std::string> cron, earliest, latest;
  bool has_actions = false;  // `alert_action` is there: it replaces the actions as a whole
  bool notable = false;
  bool risk = false;
  std::optional<std::string> rule_title, rule_description;
  std::vector<std::string> notable_fields;
};

// By type: TTP, Anomaly, …
using Deployments = std::map<std::string, Deployment>;

// Throws Wrong. `schedule_window` and keys of other actions are accepted and have no effect.
[[nodiscard]] Deployment read_deployment(const MapReader& yaml);

void apply(const Deployment& deployment, Detection& detection);

}  // namespace hecate::catalogue
