#include "daemon/detection_tests.h"

#include "outputs/json_writer.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/catalogue/content_files.h"
#include "pipeline/catalogue/detection_reader.h"
#include "pipeline/catalogue/yaml_reader.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

namespace fs = std::filesystem;
using catalogue::MapReader;
using catalogue::Wrong;

constexpr std::string_view kChannel = "Microsoft-Windows-Sysmon/Operational";

// What a test may say; another key near one of these is a slip, which would make the test ask for less.
constexpr std::array kKeys = {"name",   "attack_data", "events",     "rows", "ordered",
                              "window", "source",      "sourcetype", "host", "index"};

void write_json(outputs::JsonWriter& json, const YAML::Node& node) {
  if (node.IsMap()) {
    json.begin_object();
    for (const auto& entry : node) {
      json.key(entry.first.Scalar());
      write_json(json, entry.second);
    }
    json.end_object();
  } else if (node.IsSequence()) {
    json.begin_array();
    for (const YAML::Node& item : node) write_json(json, item);
    json.end_array();
  } else if (node.IsNull()) {
    json.raw("null");
  } else {
    json.value(node.Scalar());
  }
}

Time read_time(const YAML::Node& node) {
  std::string text = node.IsScalar() ? node.Scalar() : std::string();
  auto time = parse_epoch(text);
  if (!time) time = parse_timestamp(text);
  if (!time)
    throw Wrong{catalogue::position_of(node),
                fmt::format("`{}` is no time: expected seconds since 1970 or 2026-04-27T13:00:00Z", text)};
  return *time;
}

// Fields of a flat event; metadata are no part of its payload. Sysmon's, unless it says otherwise.
TestEvent read_fields(const YAML::Node& node) {
  TestEvent event;
  outputs::JsonWriter json;
  json.begin_object();
  bool tells_channel = false;
  for (const auto& entry : node) {
    const std::string& name = entry.first.Scalar();
    auto* metadata = name == "host"         ? &event.host
                     : name == "source"     ? &event.source
                     : name == "sourcetype" ? &event.sourcetype
                     : name == "index"      ? &event.index
                                            : nullptr;
    if (name == "_time") {
      event.time = read_time(entry.second);
    } else if (metadata != nullptr) {
      *metadata = entry.second.as<std::string>("");
    } else {
      tells_channel = tells_channel || name == "Channel" || name == "System" || name == "winlog" ||
                      name == "ProviderName" || name == "SourceName" || name == "Event";
      json.key(name);
      write_json(json, entry.second);
    }
  }
  if (!tells_channel) json.key("Channel").value(kChannel);
  json.end_object();
  event.raw = json.take();
  return event;
}

TestEvent read_event(const YAML::Node& node) {
  if (node.IsMap()) return read_fields(node);
  TestEvent event;
  if (!node.IsScalar() || node.Scalar().empty())
    throw Wrong{catalogue::position_of(node),
                "an event is a map of its fields, or a text: JSON, XML or classic text"};
  event.raw = node.Scalar();
  return event;
}

TextRow read_row(const YAML::Node& node) {
  if (!node.IsMap())
    throw Wrong{catalogue::position_of(node), "a row is a map of some of its fields and their values"};
  TextRow row;
  for (const auto& entry : node) {
    std::vector<std::string>& values = row[entry.first.Scalar()];
    if (entry.second.IsScalar()) values.push_back(entry.second.Scalar());
    for (const YAML::Node& value : entry.second) values.push_back(value.as<std::string>(""));
  }
  return row;
}

void read_rows(const YAML::Node& node, DetectionTest& test) {
  if (node.IsScalar()) {
    test.row_count = node.as<std::size_t>(SIZE_MAX);
    if (test.row_count == SIZE_MAX)
      throw Wrong{catalogue::position_of(node), "`rows` is a list of rows, or how many there are"};
    return;
  }
  test.rows.emplace();
  for (const YAML::Node& row : node) test.rows->push_back(read_row(row));
}

SearchTime read_window(const YAML::Node& node) {
  for (const char* key : {"earliest", "latest"})
    if (!node.IsMap() || !node[key])
      throw Wrong{catalogue::position_of(node), "`window` has `earliest` and `latest`, and may have `now`"};
  SearchTime window{read_time(node["earliest"]), read_time(node["latest"]), 0};
  window.now = node["now"] ? read_time(node["now"]) : window.latest;
  return window;
}

void look_for_slips(const MapReader& yaml) {
  for (const std::string& key : yaml.keys())
    if (std::ranges::find(kKeys, key) == kKeys.end())
      yaml.wrong(key.c_str(), fmt::format("is nothing that a test says; it has {}", fmt::join(kKeys, ", ")));
}

void fill(const MapReader& yaml, const YAML::Node& node, DetectionTest& test) {
  for (const MapReader& item : yaml.maps("attack_data"))
    test.datasets.push_back({item.required("data"), item.text_or("source", ""),
                             item.text_or("sourcetype", ""), item.text_or("host", ""),
                             item.text_or("index", "")});
  if (!test.datasets.empty() && !node["events"] && !node["rows"])
    return;  // the catalogue's, whose form grows
  look_for_slips(yaml);
  for (const YAML::Node& event : node["events"]) {
    TestEvent& added = test.events.emplace_back(read_event(event));
    if (added.source.empty()) added.source = yaml.text_or("source", "");
    if (added.sourcetype.empty()) added.sourcetype = yaml.text_or("sourcetype", "");
    if (added.host.empty()) added.host = yaml.text_or("host", "");
    if (added.index.empty()) added.index = yaml.text_or("index", "");
  }
  if (node["rows"]) read_rows(node["rows"], test);
  if (node["window"]) test.window = read_window(node["window"]);
  test.in_order = yaml.boolean("ordered").value_or(false);
  bool any = !test.datasets.empty() || node["events"];
  if (!any) yaml.wrong("events", "is missing: a test has `events`, or `attack_data` with files of them");
}

DetectionTest read_test(const YAML::Node& node, const std::string& file) {
  DetectionTest test;
  test.file = file;
  test.line = catalogue::position_of(node).line;
  test.name = node.IsMap() && node["name"] ? node["name"].as<std::string>("") : "";
  if (test.name.empty()) test.name = fmt::format("line {}", test.line);
  try {
    fill(MapReader(node, "tests"), node, test);
  } catch (const Wrong& wrong) {
    test.line = wrong.position.line;
    test.wrong = fmt::format("{}:{}:{}: {}", file, wrong.position.line, wrong.position.column, wrong.message);
  }
  return test;
}

// Those of the documents of a file that are of the detection; a document without a name is of all.
Result<void> add_tests(const std::string& detection, const std::string& file, const char* name_key,
                       std::vector<DetectionTest>& tests) {
  auto text = catalogue::read_text(file);
  if (!text) return fail(fmt::format("{}: {}", file, text.error().message));
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(*text);
  } catch (const YAML::Exception& error) {
    return fail(
        fmt::format("{}:{}:{}: not YAML: {}", file, error.mark.line + 1, error.mark.column + 1, error.msg));
  }
  for (const YAML::Node& document : documents) {
    if (!document.IsMap()) continue;
    if (document[name_key] && document[name_key].as<std::string>("") != detection) continue;
    std::string manual;
    if (document["tags"] && document["tags"].IsMap() && document["tags"]["manual_test"])
      manual = document["tags"]["manual_test"].as<std::string>("");
    for (const YAML::Node& test : document["tests"]) {
      tests.push_back(read_test(test, file));
      tests.back().manual = manual;
    }
  }
  return {};
}

}  // namespace

Result<std::vector<DetectionTest>> read_tests(const std::string& detection, const std::string& file) {
  std::vector<DetectionTest> tests;
  bool on_disk = !file.empty() && !file.starts_with(catalogue::kBuiltin);
  if (!on_disk) return tests;
  if (catalogue::is_yaml(file))
    if (auto added = add_tests(detection, file, "name", tests); !added) return std::unexpected(added.error());
  for (const char* ending : {".test.yml", ".test.yaml"}) {
    std::string beside = fs::path(file).replace_extension(ending).string();
    std::error_code error;
    if (!fs::exists(beside, error)) continue;
    if (auto added = add_tests(detection, beside, "detection", tests); !added)
      return std::unexpected(added.error());
  }
  return tests;
}

}  // namespace hecate::daemon
