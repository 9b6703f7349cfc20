#include "outputs/finding.h"

#include "outputs/json_writer.h"
#include "outputs/posting.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <simdjson.h>

namespace hecate::outputs {
namespace {

// Each part with its length before it, so that no two lists of parts give the same bytes.
void append_part(std::string& out, std::string_view part) {
  out.append(fmt::format_int(part.size()).c_str()).append(":").append(part);
}

std::int64_t hash_of_plain(const Fields& row, std::span<const std::string> aggregates) {
  std::string text;
  for (const auto& [name, values] : row) {
    if (std::ranges::find(aggregates, name) != aggregates.end()) continue;
    append_part(text, name);
    for (const std::string& value : values) append_part(text, value);
    text += ';';
  }
  auto hash = static_cast<std::int64_t>(spl::stable_hash(text));
  return hash == 0 ? 1 : hash;
}

void write_objects(JsonWriter& json, const Rule& rule, const Evidence& evidence) {
  json.key("risk_objects").begin_array();
  for (const catalogue::RiskObject& each : rule.risk_objects) {
    for (const std::string& value : evidence.values(each.field)) {
      json.begin_object().key("field").value(each.field).key("value").value(value);
      json.key("type").value(each.type).key("score").value(each.score).end_object();
    }
  }
  json.end_array().key("threat_objects").begin_array();
  for (const catalogue::ThreatObject& each : rule.threat_objects) {
    for (const std::string& value : evidence.values(each.field)) {
      json.begin_object().key("field").value(each.field).key("value").value(value);
      json.key("type").value(each.type).end_object();
    }
  }
  json.end_array();
}

std::string body_of(const Rule& rule, const schedule::Window& window, const std::string& id,
                    const Evidence& evidence) {
  JsonWriter json;
  json.begin_object();
  json.key("id").value(id);
  json.key("kind").value(rule.notable ? "finding" : "intermediate_finding");
  json.key("detection").value(rule.name);
  json.key("search_name").value(rule.search_name);
  json.key("type").value(rule.type);
  json.key("earliest").value(format_iso(window.earliest));
  json.key("latest").value(format_iso(window.latest));
  json.key("title").value(evidence.filled(rule.message));
  json.key("rule_title").value(rule_text(rule, rule.title_template, evidence));
  json.key("severity").value(severity(rule.risk_score));
  json.key("risk_score").value(rule.risk_score);
  write_objects(json, rule, evidence);
  json.key("annotations").raw(rule.annotations);
  evidence.write(json);
  json.end_object();
  return json.take();
}

std::string throttle_values(const std::vector<std::string>& fields, const Evidence& evidence) {
  if (fields.empty()) return {};
  JsonWriter json;
  json.begin_array();
  for (const std::string& field : fields) json.value(join(evidence.values(field)));
  json.end_array();
  return json.take();
}

}  // namespace

Finding make_finding(const Rule& rule, const window::Run& run, const spl::ResultRow& row,
                     const store::Sample* sample, const std::string& id, int revision) {
  Evidence evidence = Evidence::of(row.row, sample);
  Finding finding;
  finding.id = id;
  finding.revision = revision;
  finding.plain = hash_of_plain(evidence.row, row.aggregates);
  finding.body = body_of(rule, run.window, id, evidence);
  // As the body has them: it holds valid UTF-8 only, and what is posted is made of it.
  if (rule.risk) finding.risk_objects = risk_objects_of(finding.body);
  finding.throttle_values = throttle_values(run.detection.detection.throttle.fields, evidence);
  return finding;
}

std::string finding_id(std::string_view detection, const schedule::Window& window, const spl::ResultRow& row,
                       const store::Sample* sample, int ordinal) {
  std::string identity;
  append_part(identity, detection);
  append_part(identity, std::to_string(window.earliest));
  append_part(identity, std::to_string(window.latest));
  for (const auto& [name, value] : row.keys) {
    append_part(identity, name);
    std::string text;
    spl::append_text(value, text);
    append_part(identity, text);
  }
  // Rows that hide a BY value are told apart by their group: its name is the same in every run of the window.
  // That of a single event is not, were it sent again: its bytes are, and hold computer, channel and record
  // number.
  bool single_event = row.keys.empty() && !row.hides_keys && sample != nullptr && row.is_event;
  if (single_event) {
    append_part(identity, sample->host);
    append_part(identity, sample->raw);
  } else if (!row.regrouped && (row.keys.empty() || row.hides_keys)) {
    append_part(identity, row.group);
  }
  if (ordinal > 0) append_part(identity, std::to_string(ordinal));

  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  EVP_Digest(identity.data(), identity.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  std::string hex;
  for (std::size_t i = 0; i < 16; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[hash[i] >> 4];
    hex += kDigits[hash[i] & 15];
  }
  return hex;
}

std::vector<RiskEntity> risk_objects_of(std::string_view body) {
  std::vector<RiskEntity> objects;
  simdjson::dom::parser parser;
  simdjson::dom::element finding;
  simdjson::dom::array listed;
  if (parser.parse(body.data(), body.size()).get(finding) != simdjson::SUCCESS) return objects;
  if (finding["risk_objects"].get(listed) != simdjson::SUCCESS) return objects;
  for (simdjson::dom::element each : listed) {
    std::string_view type, value;
    if (each["type"].get(type) == simdjson::SUCCESS && each["value"].get(value) == simdjson::SUCCESS)
      objects.push_back({std::string(type), std::string(value)});
  }
  return objects;
}

std::string shown(Time created, std::int64_t revision, std::string_view status, std::string_view body) {
  return fmt::format(R"({{"created":"{}","revision":{},"status":"{}",{})", format_iso(created), revision,
                     status, body.substr(1));
}

}  // namespace hecate::outputs
