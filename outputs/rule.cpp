#include "outputs/rule.h"

#include "outputs/findings.h"
#include "outputs/json_writer.h"

#include <simdjson.h>

namespace hecate::outputs {
namespace {

namespace dom = simdjson::dom;

std::string annotations_of(const catalogue::Detection& detection) {
  JsonWriter json;
  json.begin_object();
  auto list = [&](std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    json.key(name).begin_array();
    for (const std::string& value : values) json.value(value);
    json.end_array();
  };
  list("analytic_story", detection.analytic_stories);
  list("cve", detection.cve);
  list("kill_chain_phases", detection.kill_chain_phases);
  list("mitre_attack", detection.mitre_attack);
  json.end_object();
  return json.take();
}

std::string text(dom::object object, std::string_view key) {
  std::string_view found;
  return object[key].get(found) == simdjson::SUCCESS ? std::string(found) : std::string();
}

std::int64_t number(dom::object object, std::string_view key) {
  std::int64_t found = 0;
  return object[key].get(found) == simdjson::SUCCESS ? found : 0;
}

bool truth(dom::object object, std::string_view key) {
  bool found = false;
  return object[key].get(found) == simdjson::SUCCESS && found;
}

template <typename Visit>
void each_object(dom::object object, std::string_view key, const Visit& visit) {
  dom::array list;
  if (object[key].get(list) != simdjson::SUCCESS) return;
  for (dom::element each : list) {
    dom::object item;
    if (each.get(item) == simdjson::SUCCESS) visit(item);
  }
}

}  // namespace

Rule Rule::of(const catalogue::Detection& detection, const FindingOptions& options) {
  Rule rule;
  rule.name = detection.name;
  rule.id = detection.id;
  rule.type = detection.type;
  rule.version = detection.version;
  rule.search_name = detection.search_name.empty()
                         ? options.search_name_prefix + detection.name + options.search_name_suffix
                         : detection.search_name;
  rule.search = detection.search;
  rule.description = detection.description;
  rule.security_domain = detection.security_domain;
  rule.annotations = annotations_of(detection);
  rule.message = detection.message.empty() ? detection.name : detection.message;
  rule.title_template = detection.rule_title;
  rule.description_template = detection.rule_description;
  rule.risk_score = detection.risk_score();
  rule.risk_objects = detection.risk_objects;
  rule.threat_objects = detection.threat_objects;
  rule.drilldowns = detection.drilldowns;
  if (rule.drilldowns.empty())
    rule.drilldowns.push_back({"What the detection found in its window", "%original_detection_search%",
                               "$info_min_time$", "$info_max_time$"});
  rule.notable_fields = detection.notable_fields;
  rule.notable = detection.notable;
  rule.risk = detection.risk;
  rule.host = options.host;
  rule.index = detection.index;
  rule.risk_index = options.risk_index;
  return rule;
}

std::string Rule::to_json() const {
  JsonWriter json;
  json.begin_object();
  json.key("name").value(name).key("id").value(id).key("type").value(type).key("version").value(version);
  json.key("search_name").value(search_name).key("search").value(search);
  json.key("description").value(description).key("security_domain").value(security_domain);
  json.key("annotations").value(annotations).key("message").value(message);
  json.key("title_template").value(title_template).key("description_template").value(description_template);
  json.key("risk_score").value(risk_score);
  json.key("risk_objects").begin_array();
  for (const auto& each : risk_objects) {
    json.begin_object().key("field").value(each.field).key("type").value(each.type);
    json.key("score").value(each.score).key("message").value(each.message).end_object();
  }
  json.end_array().key("threat_objects").begin_array();
  for (const auto& each : threat_objects)
    json.begin_object().key("field").value(each.field).key("type").value(each.type).end_object();
  json.end_array().key("drilldowns").begin_array();
  for (const auto& each : drilldowns) {
    json.begin_object().key("name").value(each.name).key("search").value(each.search);
    json.key("earliest_offset").value(each.earliest_offset);
    json.key("latest_offset").value(each.latest_offset).end_object();
  }
  json.end_array().key("notable_fields").begin_array();
  for (const auto& each : notable_fields) json.value(each);
  json.end_array().key("notable").value(notable).key("risk").value(risk);
  json.key("host").value(host).key("index").value(index).key("risk_index").value(risk_index);
  json.end_object();
  return json.take();
}

Result<Rule> Rule::parse(std::string_view json) {
  dom::parser parser;
  dom::object from;
  if (auto error = parser.parse(json.data(), json.size()).get(from); error != simdjson::SUCCESS)
    return fail(std::string("a stored rule cannot be read: ") + simdjson::error_message(error));
  Rule rule;
  rule.name = text(from, "name");
  rule.id = text(from, "id");
  rule.type = text(from, "type");
  rule.version = static_cast<int>(number(from, "version"));
  rule.search_name = text(from, "search_name");
  rule.search = text(from, "search");
  rule.description = text(from, "description");
  rule.security_domain = text(from, "security_domain");
  rule.annotations = text(from, "annotations");
  rule.message = text(from, "message");
  rule.title_template = text(from, "title_template");
  rule.description_template = text(from, "description_template");
  rule.risk_score = static_cast<int>(number(from, "risk_score"));
  each_object(from, "risk_objects", [&rule](dom::object each) {
    rule.risk_objects.push_back({text(each, "field"), text(each, "type"),
                                 static_cast<int>(number(each, "score")), text(each, "message")});
  });
  each_object(from, "threat_objects", [&rule](dom::object each) {
    rule.threat_objects.push_back({text(each, "field"), text(each, "type")});
  });
  each_object(from, "drilldowns", [&rule](dom::object each) {
    rule.drilldowns.push_back({text(each, "name"), text(each, "search"), text(each, "earliest_offset"),
                               text(each, "latest_offset")});
  });
  dom::array fields;
  if (from["notable_fields"].get(fields) == simdjson::SUCCESS) {
    for (dom::element each : fields) {
      std::string_view name;
      if (each.get(name) == simdjson::SUCCESS) rule.notable_fields.emplace_back(name);
    }
  }
  rule.notable = truth(from, "notable");
  rule.risk = truth(from, "risk");
  rule.host = text(from, "host");
  rule.index = text(from, "index");
  rule.risk_index = text(from, "risk_index");
  return rule;
}

}  // namespace hecate::outputs
