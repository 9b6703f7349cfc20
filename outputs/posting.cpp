#include "outputs/posting.h"

#include "outputs/json_writer.h"
#include "outputs/template.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace hecate::outputs {
namespace {

// Fields of the row that would be taken for the finding's own.
constexpr std::array kRenamed = {"_time",     "_raw",          "host",       "index",
                                 "source",    "sourcetype",    "tag",        "eventtype",
                                 "linecount", "splunk_server", "search_name"};

std::string posted_name(std::string_view name) {
  bool renamed = std::find(kRenamed.begin(), kRenamed.end(), name) != kRenamed.end();
  if (!renamed) return std::string(name);
  return "orig_" + std::string(name.starts_with('_') ? name.substr(1) : name);
}

bool is_dropped(std::string_view name) {
  if (name == "_time" || name == "_raw") return false;
  return name.starts_with('_') || name.starts_with("date_") || name == "punct" || name == "sid" ||
         name == "rid";
}

std::string seconds(Time time) {
  Time rest = time - floor_to(time, kSecond);
  return fmt::format("{}.{:03}", floor_to(time, kSecond) / kSecond, rest / kMillisecond);
}

// A field of the finding itself; a field of that name in the row moves aside.
void own(Fields& event, const std::string& name, std::vector<std::string> values) {
  auto taken = event.extract(name);
  if (!taken.empty()) event.try_emplace("orig_" + name, std::move(taken.mapped()));
  event[name] = std::move(values);
}
void own(Fields& event, const std::string& name, std::string_view value) {
  own(event, name, std::vector{std::string(value)});
}

// Makes the events of one finding.
class Poster {
 public:
  Poster(const Rule& rule, const Told& told, Evidence evidence)
      : rule_(rule), told_(told), evidence_(std::move(evidence)), title_(evidence_.filled(rule.message)) {}

  std::string notable() const {
    Fields event = row_as_posted();
    add_sample(event);
    add_identity(event);
    own(event, "rule_name", rule_.search_name);
    own(event, "rule_title", rule_text(rule_, rule_.title_template, evidence_));
    own(event, "rule_description", rule_text(rule_, rule_.description_template, evidence_));
    own(event, "detection_type", rule_.type);
    own(event, "security_domain", rule_.security_domain);
    own(event, "severity", severity(rule_.risk_score));
    own(event, "urgency", severity(rule_.risk_score));
    own(event, "finding_title", title_);
    own(event, "risk_message", title_);
    if (!rule_.risk_objects.empty()) {
      const catalogue::RiskObject& entity = rule_.risk_objects.front();
      own(event, "risk_object", evidence_.values(entity.field));
      own(event, "risk_object_type", entity.type);
      own(event, "risk_score", std::to_string(entity.score));
    }
    add_threat_objects(event);
    add_drilldowns(event);
    return posted(rule_.index, event);
  }

  std::string withdrawal() const {
    Fields event = row_as_posted();
    event["finding_id"] = {std::string(told_.id)};
    event["rule_title"] = {rule_text(rule_, rule_.title_template, evidence_)};
    event["finding_title"] = {title_};
    event["info_min_time"] = {seconds(told_.earliest)};
    event["info_max_time"] = {seconds(told_.latest)};
    event["info_search_time"] = {seconds(told_.created)};
    event["rule_name"] = {rule_.search_name};
    event["revision"] = {std::to_string(told_.revision)};
    event["finding_status"] = {"withdrawn"};
    event["severity"] = event["urgency"] = {"informational"};
    return posted(rule_.index, event);
  }

  std::string risk(std::string_view object_type, std::string_view object) const {
    auto of_type = std::ranges::find_if(rule_.risk_objects, [&](const catalogue::RiskObject& each) {
      auto values = evidence_.values(each.field);
      return each.type == object_type && std::ranges::find(values, object) != values.end();
    });
    Fields event;
    add_identity(event);
    own(event, "risk_object", object);
    own(event, "risk_object_type", object_type);
    if (of_type != rule_.risk_objects.end()) {
      own(event, "risk_score", std::to_string(of_type->score));
      own(event, "risk_message", of_type->message.empty() ? title_ : evidence_.filled(of_type->message));
    }
    add_threat_objects(event);
    return posted(rule_.risk_index, event);
  }

  std::vector<catalogue::DrilldownSearch> drilldowns() const {
    std::vector<catalogue::DrilldownSearch> all = rule_.drilldowns;
    auto field = [this](std::string_view name) { return text_or_time(name); };
    for (catalogue::DrilldownSearch& each : all)
      each = {evidence_.filled(each.name), drilldown_search(each.search), fill(each.earliest_offset, field),
              fill(each.latest_offset, field)};
    return all;
  }

 private:
  // For drilldowns: `$info_min_time$` and `$info_max_time$` are the window's.
  std::string text_or_time(std::string_view field) const {
    if (field == "info_min_time") return seconds(told_.earliest);
    if (field == "info_max_time") return seconds(told_.latest);
    return evidence_.text(field);
  }

  // A drilldown's search; the detection's own search is put in as it is, its `$` are no fields.
  std::string drilldown_search(std::string_view spl) const {
    return replace_all(spl, "%original_detection_search%", rule_.search, [this](std::string_view piece) {
      return fill_search(piece, [this](std::string_view field) { return text_or_time(field); });
    });
  }

  void add_drilldowns(Fields& event) const {
    std::vector<catalogue::DrilldownSearch> all = drilldowns();
    JsonWriter json;
    json.begin_array();
    for (const catalogue::DrilldownSearch& each : all) {
      json.begin_object();
      json.key("name").value(each.name);
      json.key("search").value(each.search);
      json.key("earliest_offset").value(each.earliest_offset);
      json.key("latest_offset").value(each.latest_offset);
      json.end_object();
    }
    json.end_array();
    own(event, "drilldown_searches", json.take());
    own(event, "drilldown_name", all[0].name);
    own(event, "drilldown_search", all[0].search);
    own(event, "drilldown_earliest", all[0].earliest_offset);
    own(event, "drilldown_latest", all[0].latest_offset);
  }

  Fields row_as_posted() const {
    Fields event;
    for (const auto& [name, values] : evidence_.row) {
      if (!is_dropped(name)) event[posted_name(name)] = values;
    }
    return event;
  }

  void add_sample(Fields& event) const {
    if (!evidence_.sample) return;
    const store::Sample& sample = *evidence_.sample;
    for (const std::string& name : rule_.notable_fields)
      if (!event.contains(name)) event[name] = evidence_.values(name);
    event.try_emplace("orig_raw", std::vector{sample.raw});
    event.try_emplace("orig_time", std::vector{format_epoch(sample.time)});
    event.try_emplace("orig_host", std::vector{sample.host});
    event.try_emplace("orig_source", std::vector{sample.source});
    event.try_emplace("orig_sourcetype", std::vector{sample.sourcetype});
  }

  void add_identity(Fields& event) const {
    own(event, "finding_id", told_.id);
    own(event, "revision", std::to_string(told_.revision));
    if (told_.revision > 1) own(event, "finding_status", "revised");
    own(event, "info_min_time", seconds(told_.earliest));
    own(event, "info_max_time", seconds(told_.latest));
    own(event, "info_search_time", seconds(told_.created));
    own(event, "annotations", rule_.annotations);
    own(event, "detection_id", rule_.id);
    own(event, "detection_version", std::to_string(rule_.version));
  }

  void add_threat_objects(Fields& event) const {
    std::vector<std::string> objects, types;
    for (const catalogue::ThreatObject& each : rule_.threat_objects) {
      for (std::string& value : evidence_.values(each.field)) {
        objects.push_back(std::move(value));
        types.push_back(each.type);
      }
    }
    own(event, "threat_object", std::move(objects));
    own(event, "threat_object_type", std::move(types));
  }

  std::string posted(std::string_view index, const Fields& event) const {
    JsonWriter json;
    json.begin_object();
    json.key("time").raw(format_epoch(told_.created));
    json.key("host").value(rule_.host);
    json.key("source").value(rule_.search_name);
    json.key("sourcetype").value("stash");
    json.key("index").value(index);
    json.key("event").value(stash_text(told_.created, rule_.search_name, event));
    json.end_object();
    return json.take();
  }

  const Rule& rule_;
  const Told& told_;
  Evidence evidence_;
  std::string title_;
};

}  // namespace

Result<std::string> notable_envelope(const Rule& rule, const Told& told) {
  auto evidence = Evidence::parse(told.body);
  if (!evidence) return std::unexpected(evidence.error());
  Poster poster(rule, told, *std::move(evidence));
  return told.withdrawn ? poster.withdrawal() : poster.notable();
}

Result<std::string> risk_envelope(const Rule& rule, const Told& told, std::string_view object_type,
                                  std::string_view object) {
  auto evidence = Evidence::parse(told.body);
  if (!evidence) return std::unexpected(evidence.error());
  return Poster(rule, told, *std::move(evidence)).risk(object_type, object);
}

catalogue::DrilldownSearch posted_search(const Rule& rule, const Told& told) {
  auto quoted = [](std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
    return out + '"';
  };
  // A second to each side: what was posted bears the time of its run.
  return {"What was posted of it",
          fmt::format("index={} source={} finding_id={}", quoted(rule.notable ? rule.index : rule.risk_index),
                      quoted(rule.search_name), quoted(told.id)),
          seconds(told.created - kSecond), seconds(told.created + kSecond)};
}

Result<std::vector<catalogue::DrilldownSearch>> drilldown_searches(const Rule& rule, const Told& told) {
  auto evidence = Evidence::parse(told.body);
  if (!evidence) return std::unexpected(evidence.error());
  return Poster(rule, told, *std::move(evidence)).drilldowns();
}

std::string_view severity(int risk_score) {
  if (risk_score <= 20) return "informational";
  if (risk_score <= 40) return "low";
  if (risk_score <= 60) return "medium";
  if (risk_score <= 80) return "high";
  return "critical";
}

std::string rule_text(const Rule& rule, std::string_view text_template, const Evidence& evidence) {
  auto described = [&](std::string_view piece) {
    return replace_all(piece, "%description%", rule.description,
                       [&evidence](std::string_view rest) { return evidence.filled(rest); });
  };
  return replace_all(text_template, "%name%", rule.name, described);
}

std::string stash_text(Time time, std::string_view search_name, const Fields& fields) {
  std::string out = format_epoch(time);
  auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += ", ";
    // What would end a name early in this form cannot stand in one.
    for (char c : name)
      out += c == '"' || c == '=' || c == ',' || static_cast<unsigned char>(c) <= ' ' ? '_' : c;
    out += "=\"";
    for (char c : value) {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
    out += '"';
  };
  add("search_name", search_name);
  for (const auto& [name, values] : fields)
    for (const std::string& value : values) add(name, value);
  return out;
}

}  // namespace hecate::outputs
