#include "pipeline/catalogue/detection_reader.h"

#include "pipeline/base/nearest.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace hecate::catalogue {
namespace {

constexpr std::array kTypes = {"TTP", "Anomaly", "Hunting", "Correlation", "Baseline"};

// The kinds that Splunk's risk index knows.
constexpr std::array kRiskTypes = {"system",         "user", "other", "hash_values", "network_artifacts",
                                   "host_artifacts", "tools"};

constexpr std::array kRequiredKeys = {"name", "type", "search"};
// The others that detection files have at top level, whether hecate reads them or not.
constexpr std::array kOtherKeys = {"id",
                                   "version",
                                   "date",
                                   "author",
                                   "status",
                                   "description",
                                   "data_source",
                                   "how_to_implement",
                                   "known_false_positives",
                                   "references",
                                   "drilldown_searches",
                                   "tags",
                                   "tests",
                                   "rba",
                                   "finding",
                                   "intermediate_findings",
                                   "threat_objects",
                                   "deployment",
                                   "enabled",
                                   "mitre_attack_id",
                                   "analytic_story",
                                   "cve",
                                   "kill_chain_phases",
                                   "security_domain",
                                   "asset_type",
                                   "throttling"};

bool is_one_of(std::string_view text, const auto& known) {
  return std::ranges::find(known, text) != std::end(known);
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

int whole(double number) {
  return static_cast<int>(std::lround(number));
}

// Observables of the old form name what they are in words for people; risk knows three kinds.
std::string risk_type(const std::string& observable) {
  std::string word = lower(observable);
  for (const char* system : {"hostname", "endpoint", "ip address", "system", "host"})
    if (word == system) return "system";
  for (const char* user : {"user", "user name", "email address"})
    if (word == user) return "user";
  return "other";
}

std::string threat_type(const std::string& observable) {
  std::string word = lower(observable);
  std::replace(word.begin(), word.end(), ' ', '_');
  return word;
}

void add_new(std::vector<std::string>& to, std::vector<std::string> more) {
  for (std::string& value : more)
    if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(std::move(value));
}

// Risk goes from 0 to 100: severity is made of it.
int read_score(const MapReader& yaml, const char* key, double otherwise) {
  double score = yaml.number(key).value_or(otherwise);
  if (!(score >= 0 && score <= 100)) yaml.wrong(key, "must be a number from 0 to 100");
  return whole(score);
}

// A key that is none and stands near one that is not there is a slip; other unknown keys are nobody's
// business: the catalogue's form grows.
void look_for_slips(const MapReader& yaml, std::vector<Wrong>& warnings) {
  std::vector<std::string_view> missing;
  auto add_missing = [&](const auto& known) {
    for (const char* key : known)
      if (!yaml.has(key)) missing.emplace_back(key);
  };
  add_missing(kRequiredKeys);
  add_missing(kOtherKeys);
  for (const std::string& key : yaml.keys()) {
    if (is_one_of(key, kRequiredKeys) || is_one_of(key, kOtherKeys)) continue;
    std::string meant(nearest(key, missing));
    if (meant.empty()) continue;
    std::string message = fmt::format("is not a key that is known: did you mean `{}`?", meant);
    if (is_one_of(meant, kRequiredKeys)) yaml.wrong(key.c_str(), message);
    warnings.push_back({yaml.position(key.c_str()), fmt::format("`{}` {}", key, message)});
  }
}

RiskObject read_risk_object(const MapReader& yaml, std::vector<Wrong>& warnings) {
  RiskObject object;
  object.field = yaml.required("field");
  object.type = yaml.text_or("type", object.type);
  if (!is_one_of(object.type, kRiskTypes)) {
    std::string near(nearest(object.type, {kRiskTypes.begin(), kRiskTypes.end()}));
    warnings.push_back(
        {yaml.position("type"),
         fmt::format("the risk object type `{}` is none that Splunk knows ({}){}", object.type,
                     fmt::join(kRiskTypes, ", "), near.empty() ? "" : ": did you mean `" + near + "`?")});
  }
  object.score = read_score(yaml, "score", 0);
  object.message = yaml.text_or("message", "");
  return object;
}

void read_threat_objects(const MapReader& yaml, Detection& detection) {
  for (const MapReader& item : yaml.maps("threat_objects"))
    detection.threat_objects.push_back({item.required("field"), item.text_or("type", "other")});
}

// 2026: `finding` and `intermediate_findings`, threat objects beside or inside them.
bool read_findings(const MapReader& yaml, Detection& detection, std::vector<Wrong>& warnings) {
  auto finding = yaml.map("finding");
  auto intermediate = yaml.map("intermediate_findings");
  if (finding) {
    detection.message = finding->text_or("title", "");
    if (auto entity = finding->map("entity"))
      detection.risk_objects.push_back(read_risk_object(*entity, warnings));
    read_threat_objects(*finding, detection);
  }
  if (intermediate) {
    for (const MapReader& entity : intermediate->maps("entities"))
      detection.risk_objects.push_back(read_risk_object(entity, warnings));
    read_threat_objects(*intermediate, detection);
  }
  read_threat_objects(yaml, detection);
  return finding || intermediate;
}

// 2025: `rba`.
bool read_rba(const MapReader& yaml, Detection& detection, std::vector<Wrong>& warnings) {
  auto rba = yaml.map("rba");
  if (!rba) return false;
  detection.message = rba->text_or("message", "");
  for (const MapReader& object : rba->maps("risk_objects"))
    detection.risk_objects.push_back(read_risk_object(object, warnings));
  read_threat_objects(*rba, detection);
  return true;
}

// Until 2024: message, score and observables under `tags`.
void read_observables(const MapReader& tags, Detection& detection) {
  detection.message = tags.text_or("message", "");
  double derived = tags.number("confidence").value_or(0) * tags.number("impact").value_or(0) / 100;
  int score = read_score(tags, "risk_score", derived);
  for (const MapReader& observable : tags.maps("observable")) {
    std::string field = observable.required("name");
    std::string type = observable.text_or("type", "Other");
    for (const std::string& role : observable.texts("role")) {
      if (role == "Victim") detection.risk_objects.push_back({field, risk_type(type), score, ""});
      if (role == "Attacker") detection.threat_objects.push_back({field, threat_type(type)});
    }
  }
}

Time read_period(const MapReader& yaml) {
  auto period = parse_period(yaml.required("period"));
  if (!period)
    yaml.wrong("period", "must be a number and a unit, such as 3600s, 60m, 1h or 1d, up to 366 days");
  return *period;
}

void read_throttling(const MapReader& yaml, Detection& detection) {
  auto throttling = yaml.map("throttling");
  if (!throttling) return;
  detection.throttle.fields = throttling->texts("fields");
  if (detection.throttle.fields.empty())
    throttling->wrong("fields", "must name the fields whose values are looked at");
  detection.throttle.period = read_period(*throttling);
}

// What the old form keeps under `tags` and the newer ones at top level.
void read_annotations(const MapReader& yaml, Detection& detection) {
  add_new(detection.mitre_attack, yaml.texts("mitre_attack_id"));
  add_new(detection.analytic_stories, yaml.texts("analytic_story"));
  add_new(detection.cve, yaml.texts("cve"));
  add_new(detection.kill_chain_phases, yaml.texts("kill_chain_phases"));
  detection.security_domain = yaml.text_or("security_domain", detection.security_domain);
  read_throttling(yaml, detection);
}

void read_drilldowns(const MapReader& yaml, Detection& detection) {
  for (const MapReader& item : yaml.maps("drilldown_searches")) {
    detection.drilldowns.push_back({item.required("name"), item.required("search"),
                                    item.text_or("earliest_offset", "$info_min_time$"),
                                    item.text_or("latest_offset", "$info_max_time$")});
  }
}

std::string read_type(const MapReader& yaml) {
  std::string type = yaml.required("type");
  for (const char* known : kTypes)
    if (type == known) return type;
  std::string near(nearest(type, {kTypes.begin(), kTypes.end()}));
  yaml.wrong("type", fmt::format("is `{}`; known are TTP, Anomaly, Hunting, Correlation and Baseline{}", type,
                                 near.empty() ? "" : ": did you mean " + near + "?"));
}

void read_description(const MapReader& yaml, Detection& detection) {
  detection.id = yaml.text_or("id", "");
  detection.version = whole(yaml.number("version").value_or(0));
  detection.date = yaml.text_or("date", "");
  detection.author = yaml.text_or("author", "");
  detection.status = yaml.text_or("status", "");
  detection.description = yaml.text_or("description", "");
  detection.data_sources = yaml.texts("data_source");
  detection.how_to_implement = yaml.text_or("how_to_implement", "");
  detection.known_false_positives = yaml.text_or("known_false_positives", "");
  detection.references = yaml.texts("references");
  detection.enabled = yaml.boolean("enabled").value_or(detection.status != "deprecated" &&
                                                       detection.status != "experimental");
}

std::string name_if_any(const YAML::Node& node) {
  if (!node.IsMap() || !node["name"] || !node["name"].IsScalar()) return {};
  return node["name"].Scalar();
}

}  // namespace

std::optional<Time> parse_period(std::string_view text) {
  std::int64_t count = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  Time length = unit == "s" ? kSecond : unit == "m" ? kMinute : unit == "h" ? kHour : unit == "d" ? kDay : 0;
  if (error != std::errc() || length == 0 || count <= 0 || count > 366 * kDay / length) return std::nullopt;
  return count * length;
}

ReadDetection read_detection(const MapReader& yaml, std::string_view text, const std::string& file) {
  ReadDetection read;
  Detection& detection = read.detection;
  look_for_slips(yaml, read.warnings);
  detection.name = yaml.required("name");
  detection.type = read_type(yaml);
  detection.search = yaml.required("search");
  detection.file = file;
  read_description(yaml, detection);
  auto tags = yaml.map("tags");
  bool newer = read_findings(yaml, detection, read.warnings) || read_rba(yaml, detection, read.warnings);
  if (!newer && tags) read_observables(*tags, detection);
  read_annotations(yaml, detection);
  if (tags) read_annotations(*tags, detection);
  read_drilldowns(yaml, detection);
  if (auto own = yaml.map("deployment")) read.own = read_deployment(*own);

  YAML::Mark mark = yaml.mark("search");
  read.search_places = ScalarPlaces(text, mark.line, mark.column, detection.search);
  detection.line = read.search_places->begin().line;
  detection.column = read.search_places->begin().column;
  read.position = yaml.position("name");
  return read;
}

void read_documents(std::string_view text, const std::function<void(const MapReader&)>& document,
                    const std::function<void(DocumentError)>& error) {
  std::vector<YAML::Node> nodes;
  try {
    nodes = YAML::LoadAll(std::string(text));
  } catch (const YAML::Exception& e) {
    error({"", {e.mark.line + 1, e.mark.column + 1}, fmt::format("not YAML: {}", e.msg)});
    return;
  }
  for (const YAML::Node& node : nodes) {
    if (!node || node.IsNull()) continue;
    try {
      document(MapReader(node, ""));
    } catch (const Wrong& wrong) {
      error({name_if_any(node), wrong.position, wrong.message});
    }
  }
}

}  // namespace hecate::catalogue
