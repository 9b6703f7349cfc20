#include "outputs/evidence.h"

#include "outputs/json_writer.h"
#include "outputs/template.h"
#include "pipeline/base/time.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <utility>

#include <simdjson.h>

namespace hecate::outputs {
namespace {

namespace dom = simdjson::dom;

// HEC endpoints and stash parsing have their limits, and a field of an event may be megabytes.
constexpr std::size_t kLongestRaw = 32 * 1024;

std::string_view shortened(std::string_view raw) {
  if (raw.size() <= kLongestRaw) return raw;
  std::size_t end = kLongestRaw;
  while (end > 0 && (static_cast<unsigned char>(raw[end]) & 0xC0) == 0x80) --end;
  return raw.substr(0, end);
}

std::vector<std::string> texts(const Value& value) {
  std::vector<std::string> out;
  for (const Value& item : value.each()) spl::append_text(item, out.emplace_back());
  return out;
}

Fields fields_of(const spl::Row& row) {
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

std::string text_of(dom::element value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

// A text or a list of texts.
std::vector<std::string> values_of(dom::element value) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return {text_of(value)};
  std::vector<std::string> values;
  for (dom::element each : list) values.push_back(text_of(each));
  return values;
}

// The sample's own parts come before its fields, which may have one of their names, and `raw` is the last.
store::Sample read_sample(dom::object from) {
  store::Sample sample;
  std::string shown_time, time;
  std::map<std::string_view, std::string*> parts{{"time", &shown_time},
                                                 {"orig_time", &time},
                                                 {"host", &sample.host},
                                                 {"source", &sample.source},
                                                 {"sourcetype", &sample.sourcetype}};
  for (auto [name, value] : from) {
    auto part = parts.extract(name);
    if (part.empty())
      sample.fields.emplace_back(name, text_of(value));
    else
      *part.mapped() = text_of(value);
  }
  sample.time = parse_epoch(time).value_or(0);
  if (sample.fields.empty()) return sample;
  sample.raw = std::move(sample.fields.back().second);
  sample.fields.pop_back();
  return sample;
}

}  // namespace

Evidence Evidence::of(const spl::Row& row, const store::Sample* sample) {
  Evidence evidence{fields_of(row), std::nullopt};
  if (!sample || sample->empty()) return evidence;
  evidence.sample = store::Sample{.time = sample->time,
                                  .raw = std::string(shortened(sample->raw)),
                                  .host = sample->host,
                                  .source = sample->source,
                                  .sourcetype = sample->sourcetype,
                                  .index = {},
                                  .fields = sample->fields};
  return evidence;
}

void Evidence::write(JsonWriter& json) const {
  json.key("row").begin_object();
  for (const auto& [name, values] : row) json.key(name).value(std::span(values));
  json.end_object();
  if (!sample) return;
  json.key("sample").begin_object();
  json.key("time").value(format_iso(sample->time)).key("orig_time").value(format_epoch(sample->time));
  json.key("host").value(sample->host).key("source").value(sample->source);
  json.key("sourcetype").value(sample->sourcetype);
  for (const auto& [name, value] : sample->fields) json.key(name).value(value);
  json.key("raw").value(sample->raw).end_object();
}

Result<Evidence> Evidence::parse(std::string_view body) {
  Evidence evidence;
  dom::parser parser;
  dom::object finding, row, sample;
  auto error = parser.parse(body.data(), body.size()).get(finding);
  if (error == simdjson::SUCCESS) error = finding["row"].get(row);
  if (error != simdjson::SUCCESS)
    return fail(std::string("what is stored of the finding cannot be read: ") +
                simdjson::error_message(error));
  for (auto [name, value] : row) evidence.row[std::string(name)] = values_of(value);
  if (finding["sample"].get(sample) == simdjson::SUCCESS) evidence.sample = read_sample(sample);
  return evidence;
}

std::vector<std::string> Evidence::values(std::string_view field) const {
  if (auto found = row.find(std::string(field)); found != row.end()) return found->second;
  if (sample) {
    for (const auto& [name, value] : sample->fields)
      if (name == field) return {value};
  }
  return {};
}

std::string Evidence::text(std::string_view field) const {
  std::string joined = join(values(field));
  return joined.empty() ? "unknown" : joined;
}

std::string Evidence::filled(std::string_view text) const {
  return fill(text, [this](std::string_view field) { return this->text(field); });
}

std::string join(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) {
    if (!out.empty()) out += ", ";
    out += value;
  }
  return out;
}

}  // namespace hecate::outputs
