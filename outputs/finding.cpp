#include "outputs/finding.h"

#include "outputs/json_writer.h"
#include "outputs/template.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <simdjson.h>

namespace hecate::outputs {
namespace {

// Of an event's raw text a finding shows this much: HEC endpoints and stash parsing have their limits, and a
// field of an event may be megabytes.
constexpr std::size_t kLongestRaw = 32 * 1024;

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

std::string_view shortened(std::string_view raw) {
  if (raw.size() <= kLongestRaw) return raw;
  std::size_t end = kLongestRaw;
  while (end > 0 && (static_cast<unsigned char>(raw[end]) & 0xC0) == 0x80) --end;
  return raw.substr(0, end);
}

std::string join(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) {
    if (!out.empty()) out += ", ";
    out += value;
  }
  return out;
}

std::vector<std::string> texts(const Value& value) {
  std::vector<std::string> out;
  for (const Value& item : value.each()) spl::append_text(item, out.emplace_back());
  return out;
}

Fields row_fields(const spl::Row& row) {
  Fields fields;
  std::vector<std::string_view> removed;
  for (const spl::Row::Entry& entry : row.entries()) {
    if (entry.value.is_null())
      removed.push_back(entry.name);
    else
      fields[std::string(entry.name)] = texts(entry.value);
  }
  if (!row.base()) return fields;
  row.base()->each([&](std::string_view name, Value value) {
    if (std::find(removed.begin(), removed.end(), name) == removed.end())
      fields.try_emplace(std::string(name), texts(value));
  });
  return fields;
}

void write_values(JsonWriter& json, const std::vector<std::string>& values) {
  json.begin_array();
  for (const std::string& value : values) json.value(value);
  json.end_array();
}

// As the rows of `hecate search` have it: a text, or a list of several.
void write_field(JsonWriter& json, std::string_view name, const std::vector<std::string>& values) {
  json.key(name);
  if (values.size() == 1)
    json.value(values[0]);
  else
    write_values(json, values);
}

std::string annotations(const catalogue::Detection& detection) {
  JsonWriter json;
  json.begin_object();
  auto list = [&](std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    json.key(name);
    write_values(json, values);
  };
  list("analytic_story", detection.analytic_stories);
  list("cve", detection.cve);
  list("kill_chain_phases", detection.kill_chain_phases);
  list("mitre_attack", detection.mitre_attack);
  json.end_object();
  return json.take();
}

// Each part with its length before it, so that no two lists of parts give the same bytes.
void append_part(std::string& out, std::string_view part) {
  fmt::format_to(std::back_inserter(out), "{}:{}", part.size(), part);
}

std::string envelope(Time time, std::string_view host, std::string_view source, std::string_view index,
                     std::string_view event) {
  JsonWriter json;
  json.begin_object();
  json.key("time").raw(format_epoch(time));
  json.key("host").value(host);
  json.key("source").value(source);
  json.key("sourcetype").value("stash");
  json.key("index").value(index);
  json.key("event").value(event);
  json.end_object();
  return json.take();
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

// Makes the parts of one finding.
class Teller {
 public:
  Teller(const window::Run& run, const spl::ResultRow& row, const store::Sample* sample,
         const FindingOptions& options, std::string id, int revision)
      : run_(run),
        detection_(run.detection.detection),
        sample_(sample && !sample->empty() ? sample : nullptr),
        options_(options),
        id_(std::move(id)),
        revision_(revision),
        search_name_(options.search_name_prefix + detection_.name + options.search_name_suffix),
        row_(row_fields(row.row)),
        plain_(hash_of_plain(row_, row.aggregates)) {
    title_ = filled(detection_.message.empty() ? detection_.name : detection_.message);
    rule_title_ = rule_text(detection_.rule_title);
    rule_description_ = rule_text(detection_.rule_description);
    annotations_ = annotations(detection_);
  }

  Finding tell() const {
    Finding finding;
    finding.id = id_;
    finding.revision = revision_;
    finding.plain = plain_;
    finding.body = body();
    if (detection_.notable) finding.notable = posted(detection_.index, notable());
    if (detection_.risk) finding.risks = risks();
    if (!detection_.throttle.fields.empty()) finding.throttle_values = throttle_values();
    return finding;
  }

 private:
  // The row's values of a field, else those of the group's sample event.
  std::vector<std::string> values(std::string_view field) const {
    if (auto found = row_.find(std::string(field)); found != row_.end()) return found->second;
    if (sample_) {
      for (const auto& [name, value] : sample_->fields)
        if (name == field) return {value};
    }
    return {};
  }

  std::string text_of(std::string_view field) const {
    std::string joined = join(values(field));
    return joined.empty() ? "unknown" : joined;
  }

  std::string filled(std::string_view text) const {
    return fill(text, [this](std::string_view field) { return text_of(field); });
  }

  std::string rule_text(std::string_view text) const {
    auto described = [this](std::string_view piece) {
      return replace_all(piece, "%description%", detection_.description,
                         [this](std::string_view rest) { return filled(rest); });
    };
    return replace_all(text, "%name%", detection_.name, described);
  }

  // For drilldowns: `$info_min_time$` and `$info_max_time$` are the window's.
  std::string text_or_time(std::string_view field) const {
    if (field == "info_min_time") return seconds(run_.window.earliest);
    if (field == "info_max_time") return seconds(run_.window.latest);
    return text_of(field);
  }

  // A drilldown's search; the detection's own search is put in as it is, its `$` are no fields.
  std::string drilldown_search(std::string_view spl) const {
    return replace_all(spl, "%original_detection_search%", detection_.search, [this](std::string_view piece) {
      return fill_search(piece, [this](std::string_view field) { return text_or_time(field); });
    });
  }

  std::vector<catalogue::DrilldownSearch> drilldowns() const {
    std::vector<catalogue::DrilldownSearch> result = detection_.drilldowns;
    if (result.empty())
      result.push_back({"What the detection found in its window", "%original_detection_search%",
                        "$info_min_time$", "$info_max_time$"});
    auto field = [this](std::string_view name) { return text_or_time(name); };
    for (catalogue::DrilldownSearch& each : result) {
      each = {filled(each.name), drilldown_search(each.search), fill(each.earliest_offset, field),
              fill(each.latest_offset, field)};
    }
    return result;
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

  // A field of the finding itself; a field of that name in the row moves aside.
  static void own(Fields& event, const std::string& name, std::vector<std::string> values) {
    auto taken = event.extract(name);
    if (!taken.empty()) event.try_emplace("orig_" + name, std::move(taken.mapped()));
    event[name] = std::move(values);
  }
  static void own(Fields& event, const std::string& name, std::string value) {
    own(event, name, std::vector{std::move(value)});
  }

  Fields row_as_posted() const {
    Fields event;
    for (const auto& [name, values] : row_) {
      if (!is_dropped(name)) event[posted_name(name)] = values;
    }
    return event;
  }

  void add_sample(Fields& event) const {
    if (!sample_) return;
    for (const std::string& name : detection_.notable_fields)
      if (!event.contains(name)) event[name] = values(name);
    event.try_emplace("orig_raw", std::vector{std::string(shortened(sample_->raw))});
    event.try_emplace("orig_time", std::vector{format_epoch(sample_->time)});
    event.try_emplace("orig_host", std::vector{sample_->host});
    event.try_emplace("orig_source", std::vector{sample_->source});
    event.try_emplace("orig_sourcetype", std::vector{sample_->sourcetype});
  }

  void add_identity(Fields& event) const {
    own(event, "finding_id", id_);
    own(event, "revision", std::to_string(revision_));
    if (revision_ > 1) own(event, "finding_status", "revised");
    own(event, "info_min_time", seconds(run_.window.earliest));
    own(event, "info_max_time", seconds(run_.window.latest));
    own(event, "info_search_time", seconds(run_.search_time));
    own(event, "annotations", annotations_);
    own(event, "detection_id", detection_.id);
    own(event, "detection_version", std::to_string(detection_.version));
  }

  void add_threat_objects(Fields& event) const {
    std::vector<std::string> objects, types;
    for (const catalogue::ThreatObject& each : detection_.threat_objects) {
      for (std::string& value : values(each.field)) {
        objects.push_back(std::move(value));
        types.push_back(each.type);
      }
    }
    own(event, "threat_object", std::move(objects));
    own(event, "threat_object_type", std::move(types));
  }

  std::string notable() const {
    Fields event = row_as_posted();
    add_sample(event);
    add_identity(event);
    own(event, "rule_name", search_name_);
    own(event, "rule_title", rule_title_);
    own(event, "rule_description", rule_description_);
    own(event, "detection_type", detection_.type);
    own(event, "security_domain", detection_.security_domain);
    own(event, "severity", std::string(severity(detection_.risk_score())));
    own(event, "urgency", std::string(severity(detection_.risk_score())));
    own(event, "finding_title", title_);
    own(event, "risk_message", title_);
    if (!detection_.risk_objects.empty()) {
      const catalogue::RiskObject& entity = detection_.risk_objects.front();
      own(event, "risk_object", values(entity.field));
      own(event, "risk_object_type", entity.type);
      own(event, "risk_score", std::to_string(entity.score));
    }
    add_threat_objects(event);
    add_drilldowns(event);
    return stash_text(run_.search_time, search_name_, event);
  }

  std::vector<Finding::Risk> risks() const {
    std::vector<Finding::Risk> events;
    for (const catalogue::RiskObject& object : detection_.risk_objects) {
      for (const std::string& value : values(object.field)) {
        Fields event;
        add_identity(event);
        own(event, "risk_object", value);
        own(event, "risk_object_type", object.type);
        own(event, "risk_score", std::to_string(object.score));
        own(event, "risk_message", object.message.empty() ? title_ : filled(object.message));
        add_threat_objects(event);
        events.push_back({object.type, value,
                          posted(options_.risk_index, stash_text(run_.search_time, search_name_, event))});
      }
    }
    return events;
  }

  std::string posted(std::string_view index, std::string_view stash) const {
    return envelope(run_.search_time, options_.host, search_name_, index, stash);
  }

  std::string throttle_values() const {
    JsonWriter json;
    json.begin_array();
    for (const std::string& field : detection_.throttle.fields) json.value(join(values(field)));
    json.end_array();
    return json.take();
  }

  std::string body() const {
    JsonWriter json;
    json.begin_object();
    json.key("id").value(id_);
    json.key("kind").value(detection_.notable ? "finding" : "intermediate_finding");
    json.key("detection").value(detection_.name);
    json.key("search_name").value(search_name_);
    json.key("type").value(detection_.type);
    json.key("earliest").value(format_iso(run_.window.earliest));
    json.key("latest").value(format_iso(run_.window.latest));
    json.key("title").value(title_);
    json.key("rule_title").value(rule_title_);
    json.key("severity").value(severity(detection_.risk_score()));
    json.key("risk_score").value(detection_.risk_score());
    write_objects(json);
    json.key("annotations").raw(annotations_);
    json.key("row").begin_object();
    for (const auto& [name, values] : row_) write_field(json, name, values);
    json.end_object();
    write_sample(json);
    json.end_object();
    return json.take();
  }

  void write_objects(JsonWriter& json) const {
    json.key("risk_objects").begin_array();
    for (const catalogue::RiskObject& each : detection_.risk_objects) {
      for (const std::string& value : values(each.field)) {
        json.begin_object();
        json.key("field").value(each.field);
        json.key("value").value(value);
        json.key("type").value(each.type);
        json.key("score").value(each.score);
        json.end_object();
      }
    }
    json.end_array();
    json.key("threat_objects").begin_array();
    for (const catalogue::ThreatObject& each : detection_.threat_objects) {
      for (const std::string& value : values(each.field)) {
        json.begin_object();
        json.key("field").value(each.field);
        json.key("value").value(value);
        json.key("type").value(each.type);
        json.end_object();
      }
    }
    json.end_array();
  }

  void write_sample(JsonWriter& json) const {
    if (!sample_) return;
    json.key("sample").begin_object();
    json.key("time").value(format_iso(sample_->time));
    json.key("host").value(sample_->host);
    json.key("source").value(sample_->source);
    json.key("sourcetype").value(sample_->sourcetype);
    for (const auto& [name, value] : sample_->fields) json.key(name).value(value);
    json.key("raw").value(shortened(sample_->raw));
    json.end_object();
  }

  const window::Run& run_;
  const catalogue::Detection& detection_;
  const store::Sample* sample_;
  const FindingOptions& options_;
  std::string id_;
  int revision_;
  std::string search_name_;
  Fields row_;
  std::int64_t plain_;
  std::string title_, rule_title_, rule_description_, annotations_;
};

// The values of a field of a body's row: a text or a list of texts.
std::vector<std::string> values_of(simdjson::dom::element value) {
  std::vector<std::string> values;
  auto add = [&values](simdjson::dom::element each) {
    std::string_view text;
    if (each.get(text) == simdjson::SUCCESS) values.emplace_back(text);
  };
  simdjson::dom::array list;
  if (value.get(list) != simdjson::SUCCESS) {
    add(value);
  } else {
    for (simdjson::dom::element each : list) add(each);
  }
  return values;
}

}  // namespace

Finding make_finding(const window::Run& run, const spl::ResultRow& row, const store::Sample* sample,
                     const FindingOptions& options, const std::string& id, int revision) {
  return Teller(run, row, sample, options, id, revision).tell();
}

std::string withdrawal(std::string_view body, int revision, Time search_time, std::string_view index,
                       const FindingOptions& options) {
  simdjson::dom::parser parser;
  simdjson::dom::object finding;
  Fields event;
  std::string search_name;
  if (parser.parse(body.data(), body.size()).get(finding) == simdjson::SUCCESS) {
    simdjson::dom::object row;
    if (finding["row"].get(row) == simdjson::SUCCESS) {
      for (auto [name, value] : row) {
        if (is_dropped(name)) continue;
        event[posted_name(name)] = values_of(value);
      }
    }
    auto take = [&](std::string_view from, const std::string& name) {
      simdjson::dom::element value;
      if (finding[from].get(value) == simdjson::SUCCESS) event[name] = values_of(value);
    };
    take("id", "finding_id");
    take("rule_title", "rule_title");
    take("title", "finding_title");
    take("earliest", "info_min_time");
    take("latest", "info_max_time");
    std::string_view text;
    if (finding["search_name"].get(text) == simdjson::SUCCESS) search_name = text;
    for (const char* name : {"info_min_time", "info_max_time"}) {
      auto time = event[name].empty() ? std::nullopt : parse_timestamp(event[name].front());
      if (time) event[name] = {seconds(*time)};
    }
  }
  event["rule_name"] = {search_name};
  event["revision"] = {std::to_string(revision)};
  event["finding_status"] = {"withdrawn"};
  event["info_search_time"] = {seconds(search_time)};
  event["severity"] = event["urgency"] = {"informational"};
  return envelope(search_time, options.host, search_name, index, stash_text(search_time, search_name, event));
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
  } else if (row.keys.empty() || row.hides_keys) {
    append_part(identity, row.group);
  }
  if (ordinal > 0) append_part(identity, std::to_string(ordinal));

  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  EVP_Digest(identity.data(), identity.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  std::string hex;
  for (int i = 0; i < 16; ++i)
    fmt::format_to(std::back_inserter(hex), "{:02x}", hash[static_cast<std::size_t>(i)]);
  return hex;
}

std::string shown(Time created, std::int64_t revision, std::string_view status, std::string_view body) {
  return fmt::format(R"({{"created":"{}","revision":{},"status":"{}",{})", format_iso(created), revision,
                     status, body.substr(1));
}

std::string_view severity(int risk_score) {
  if (risk_score <= 20) return "informational";
  if (risk_score <= 40) return "low";
  if (risk_score <= 60) return "medium";
  if (risk_score <= 80) return "high";
  return "critical";
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
