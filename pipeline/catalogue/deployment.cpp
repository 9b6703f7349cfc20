#include "pipeline/catalogue/deployment.h"

#include "pipeline/catalogue/yaml_reader.h"

namespace hecate::catalogue {

Deployment read_deployment(const MapReader& yaml) {
  Deployment deployment;
  deployment.type = yaml.text_or("type", "");
  if (auto scheduling = yaml.map("scheduling")) {
    deployment.cron = scheduling->text("cron_schedule");
    deployment.earliest = scheduling->text("earliest_time");
    deployment.latest = scheduling->text("latest_time");
  }
  auto actions = yaml.map("alert_action");
  if (!actions) return deployment;
  deployment.has_actions = true;
  if (auto notable = actions->map("notable")) {
    deployment.notable = true;
    deployment.rule_title = notable->text("rule_title");
    deployment.rule_description = notable->text("rule_description");
    deployment.notable_fields = notable->texts("nes_fields");
  }
  if (auto rba = actions->map("rba")) deployment.risk = rba->boolean("enabled").value_or(false);
  return deployment;
}

void apply(const Deployment& deployment, Detection& detection) {
  if (deployment.cron) detection.cron = *deployment.cron;
  if (deployment.earliest) detection.earliest = *deployment.earliest;
  if (deployment.latest) detection.latest = *deployment.latest;
  if (!deployment.has_actions) return;
  detection.notable = deployment.notable;
  detection.risk = deployment.risk;
  if (deployment.rule_title) detection.rule_title = *deployment.rule_title;
  if (deployment.rule_description) detection.rule_description = *deployment.rule_description;
  if (!deployment.notable_fields.empty()) detection.notable_fields = deployment.notable_fields;
}

}  // namespace hecate::catalogue
