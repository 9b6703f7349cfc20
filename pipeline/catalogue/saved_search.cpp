#include "pipeline/catalogue/saved_search.h"

#include "pipeline/catalogue/names.h"

#include <cmath>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace hecate::catalogue {
namespace {

constexpr std::string_view kPrefix = "ESCU - ";
constexpr std::string_view kSuffix = " - Rule";

// A setting that holds JSON, which is YAML too; null where there is none.
YAML::Node json_of(const ConfStanza& stanza, std::string_view key) {
  const ConfSetting* setting = stanza.find(key);
  if (setting == nullptr) return {};
  try {
    return YAML::Load(setting->value);
  } catch (const YAML::Exception& error) {
    stanza.wrong(key, fmt::format("is not JSON: {}", error.msg));
  }
}

std::string text_of(const YAML::Node& map, const char* key, std::string otherwise = "") {
  return map[key] && map[key].IsScalar() ? map[key].Scalar() : otherwise;
}

int score_of(const ConfStanza& stanza, std::string_view key, const std::string& text) {
  auto score = YAML::Node(text).as<double>(-1);
  if (!(score >= 0 && score <= 100)) stanza.wrong(key, "has a risk score that is no number from 0 to 100");
  return static_cast<int>(std::lround(score));
}

void put_text(const ConfStanza& stanza, std::string_view key, std::string& to) {
  to = stanza.text_or(key, to);
}

void apply_schedule(const ConfStanza& stanza, Detection& detection) {
  if (auto disabled = stanza.boolean("disabled")) detection.enabled = !*disabled;
  put_text(stanza, "cron_schedule", detection.cron);
  put_text(stanza, "dispatch.earliest_time", detection.earliest);
  put_text(stanza, "dispatch.latest_time", detection.latest);
}

void apply_drilldowns(const ConfStanza& stanza, Detection& detection) {
  constexpr const char* kKey = "action.notable.param.drilldown_searches";
  YAML::Node drilldowns = json_of(stanza, kKey);
  if (!drilldowns.IsDefined() || drilldowns.IsNull()) return;
  detection.drilldowns.clear();
  for (const YAML::Node& each : drilldowns) {
    if (!each.IsMap()) stanza.wrong(kKey, "must be a list of objects");
    detection.drilldowns.push_back({text_of(each, "name"), text_of(each, "search"),
                                    text_of(each, "earliest_offset", "$info_min_time$"),
                                    text_of(each, "latest_offset", "$info_max_time$")});
  }
}

void apply_notable(const ConfStanza& stanza, Detection& detection) {
  if (auto notable = stanza.boolean("action.notable")) detection.notable = *notable;
  put_text(stanza, "action.notable.param.rule_title", detection.rule_title);
  put_text(stanza, "action.notable.param.rule_description", detection.rule_description);
  put_text(stanza, "action.notable.param.security_domain", detection.security_domain);
  if (stanza.find("action.notable.param.nes_fields") != nullptr)
    detection.notable_fields = names_in(stanza.text_or("action.notable.param.nes_fields", ""));
  apply_drilldowns(stanza, detection);
}

void apply_risk_objects(const ConfStanza& stanza, Detection& detection) {
  constexpr const char* kKey = "action.risk.param._risk";
  YAML::Node list = json_of(stanza, kKey);
  if (!list.IsDefined() || list.IsNull()) return;
  detection.risk_objects.clear();
  detection.threat_objects.clear();
  for (const YAML::Node& each : list) {
    if (!each.IsMap()) stanza.wrong(kKey, "must be a list of objects");
    if (std::string field = text_of(each, "risk_object_field"); !field.empty())
      detection.risk_objects.push_back({field, text_of(each, "risk_object_type", "other"),
                                        score_of(stanza, kKey, text_of(each, "risk_score", "0")), ""});
    if (std::string field = text_of(each, "threat_object_field"); !field.empty())
      detection.threat_objects.push_back({field, text_of(each, "threat_object_type", "other")});
  }
}

void apply_risk(const ConfStanza& stanza, Detection& detection) {
  if (auto risk = stanza.boolean("action.risk")) detection.risk = *risk;
  put_text(stanza, "action.risk.param._risk_message", detection.message);
  // The form with one object, before `_risk`.
  if (const ConfSetting* object = stanza.find("action.risk.param._risk_object")) {
    constexpr const char* kScore = "action.risk.param._risk_score";
    detection.risk_objects = {{object->value, stanza.text_or("action.risk.param._risk_object_type", "other"),
                               score_of(stanza, kScore, stanza.text_or(kScore, "0")), ""}};
  }
  apply_risk_objects(stanza, detection);
}

void apply_suppression(const ConfStanza& stanza, Detection& detection) {
  auto suppress = stanza.boolean("alert.suppress");
  if (suppress && !*suppress) detection.throttle = {};
  if (suppress != true) return;
  if (stanza.find("alert.suppress.fields") != nullptr)
    detection.throttle.fields = names_in(stanza.text_or("alert.suppress.fields", ""));
  if (detection.throttle.fields.empty())
    stanza.wrong("alert.suppress",
                 "is set without `alert.suppress.fields`: name the fields whose values are not told twice");
  auto period = parse_period(stanza.text_or("alert.suppress.period", ""));
  if (!period)
    stanza.wrong("alert.suppress.period",
                 "must be a number and a unit, such as 3600s, 60m, 1h or 1d, up to 366 days");
  detection.throttle.period = *period;
}

void apply_annotations(const ConfStanza& stanza, Detection& detection) {
  constexpr const char* kKey = "action.correlationsearch.annotations";
  YAML::Node annotations = json_of(stanza, kKey);
  if (!annotations.IsDefined() || annotations.IsNull()) return;
  if (!annotations.IsMap()) stanza.wrong(kKey, "must be an object");
  auto put = [&](const char* key, std::vector<std::string>& to) {
    const YAML::Node values = annotations[key];
    if (!values) return;
    to.clear();
    if (values.IsScalar()) to.push_back(values.Scalar());
    for (const YAML::Node& value : values)
      if (value.IsScalar()) to.push_back(value.Scalar());
  };
  put("analytic_story", detection.analytic_stories);
  put("cve", detection.cve);
  put("kill_chain_phases", detection.kill_chain_phases);
  put("mitre_attack", detection.mitre_attack);
}

// Splunk alerts when the number of results is as `relation` and `quantity` say.
void apply_condition(const ConfStanza& stanza, Detection& detection) {
  if (stanza.find("alert_condition") != nullptr)
    stanza.wrong("alert_condition",
                 "is not supported: write the condition at the end of the search, as `| where …`");
  std::string type = stanza.text_or("counttype", "always");
  if (type == "always") return;
  if (type != "number of events")
    stanza.wrong("counttype", fmt::format("is `{}`; supported are `always` and `number of events`", type));
  double quantity = stanza.number("quantity").value_or(0);
  std::string relation = stanza.text_or("relation", "greater than");
  if (relation == "greater than" && quantity == 0) return;
  const char* compared = relation == "greater than"   ? ">"
                         : relation == "less than"    ? "<"
                         : relation == "equal to"     ? "="
                         : relation == "not equal to" ? "!="
                                                      : nullptr;
  if (compared == nullptr)
    stanza.wrong("relation", fmt::format("is `{}`; supported are `greater than`, `less than`, `equal to` and "
                                         "`not equal to`",
                                         relation));
  detection.search += fmt::format(
      "\n| eventstats count AS hecate_results | where hecate_results {} {} | fields - hecate_results",
      compared, quantity);
}

void take_search(const ConfStanza& stanza, ReadDetection& read) {
  const ConfSetting* search = stanza.find("search");
  if (search == nullptr) return;
  read.detection.search = search->value;
  read.detection.file = search->file;
  read.search_places = ScalarPlaces(search->position, search->places, search->value);
  read.detection.line = search->position.line;
  read.detection.column = search->position.column;
  read.position = stanza.position;
}

}  // namespace

std::string detection_name(std::string_view stanza) {
  if (stanza.starts_with(kPrefix) && stanza.ends_with(kSuffix) &&
      stanza.size() > kPrefix.size() + kSuffix.size()) {
    stanza.remove_prefix(kPrefix.size());
    stanza.remove_suffix(kSuffix.size());
  }
  return std::string(stanza);
}

ReadDetection read_saved_search(const ConfStanza& stanza) {
  ReadDetection read;
  Detection& detection = read.detection;
  detection.name = detection_name(stanza.name);
  detection.search_name = stanza.name;
  bool notable = stanza.boolean("action.notable").value_or(false);
  bool risk = stanza.boolean("action.risk").value_or(false);
  detection.type = notable ? "TTP" : risk ? "Anomaly" : "Hunting";
  if (stanza.text_or("action.escu.search_type", "detection") != "detection") detection.type = "Baseline";
  take_search(stanza, read);
  put_text(stanza, "description", detection.description);
  put_text(stanza, "action.escu.how_to_implement", detection.how_to_implement);
  put_text(stanza, "action.escu.known_false_positives", detection.known_false_positives);
  // All that it does not say is no, and its deployment is itself.
  Deployment own;
  own.has_actions = true;
  own.latest = "now";
  read.own = std::move(own);
  if (stanza.find("cron_schedule") == nullptr || !stanza.boolean("enableSched").value_or(false)) {
    read.off = "it is not scheduled (`enableSched = 1` with a `cron_schedule`)";
  } else if (stanza.find("dispatch.earliest_time") == nullptr && detection.type != "Baseline") {
    stanza.wrong("dispatch.earliest_time", "is missing: the search would look at all time; say -70m@m");
  }
  return read;
}

void apply(const ConfStanza& stanza, ReadDetection& read) {
  Detection& detection = read.detection;
  take_search(stanza, read);
  apply_schedule(stanza, detection);
  apply_notable(stanza, detection);
  apply_risk(stanza, detection);
  apply_suppression(stanza, detection);
  apply_annotations(stanza, detection);
  apply_condition(stanza, detection);
}

}  // namespace hecate::catalogue
