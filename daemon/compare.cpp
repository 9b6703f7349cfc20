#include "daemon/commands.h"
#include "daemon/comparison.h"
#include "outputs/json_writer.h"
#include "outputs/stored.h"
#include "pipeline/store/inspection.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

// `hecate compare`: shadow mode. What Splunk's own scheduled searches told beside what hecate told.
namespace hecate::daemon {
namespace {

using outputs::JsonWriter;

Result<std::string> read_text(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return fail(fmt::format("{}: no such file", file));
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.good() && !in.eof()) return fail(fmt::format("{}: cannot be read", file));
  return text;
}

Result<std::vector<Told>> read_notables(const std::vector<std::string>& files) {
  std::vector<Told> told;
  for (const std::string& file : files) {
    auto text = read_text(file);
    if (!text) return std::unexpected(text.error());
    auto rows = read_splunk_export(*text);
    if (!rows) return fail(fmt::format("{}: {}", file, rows.error().message));
    for (const ExportedRow& row : *rows) {
      // hecate's own notables lie in the same index.
      if (row.contains("finding_id")) continue;
      auto notable = told_by_splunk(row);
      if (!notable) return fail(fmt::format("{}: {}", file, notable.error().message));
      told.push_back(std::move(*notable));
    }
  }
  return told;
}

// What a state folder knows of why hecate told nothing.
class StateReasons {
 public:
  static Result<std::shared_ptr<StateReasons>> open(const std::string& path) {
    if (!std::filesystem::is_regular_file(path + "/hecate.db"))
      return fail(fmt::format(
          "there is no hecate.db in {}; name the folder of state.path with --path, or a file with --findings",
          path));
    auto database = store::Database::open(path + "/hecate.db", store::Database::Mode::read_only);
    if (!database) return std::unexpected(database.error());
    return std::make_shared<StateReasons>(std::move(*database));
  }
  explicit StateReasons(std::unique_ptr<store::Database> database) : database_(std::move(database)) {}

  [[nodiscard]] Result<std::string> findings() {
    std::string lines;
    outputs::FindingQuery all;
    all.every_revision = true;
    all.oldest_first = true;
    auto read = outputs::read_findings(*database_, all,
                                       [&](std::string_view json) { lines.append(json).append("\n"); });
    if (!read) return std::unexpected(read.error());
    return lines;
  }

  [[nodiscard]] std::pair<std::string, std::string> explain(const Told& told) {
    auto known = number("schedule", "SELECT count(*) FROM schedule WHERE detection = ?", told);
    if (known == 0) return {"no_run", "hecate has no detection of that name loaded"};
    if (number("schedule", "SELECT first FROM schedule WHERE detection = ?", told) > told.earliest)
      return {"no_run", "the window began before hecate first watched for this detection"};
    if (number(
            "run",
            "SELECT count(*) FROM run WHERE detection = ? AND earliest = ? AND latest = ? AND incomplete = 1",
            told, true) > 0)
      return {"incomplete",
              "hecate's run of this window lacked events; its log and hecate_window_incomplete_total say so"};
    return explain_source(told);
  }

 private:
  std::pair<std::string, std::string> explain_source(const Told& told) {
    std::string host;
    for (const char* name : {"orig_host", "Computer", "dest", "dvc"})
      if (host.empty()) host = first_value(told.fields, name);
    auto there = store::has_table(*database_, "source");
    if (host.empty() || !there || !*there) return {};
    auto statement = database_->prepare("SELECT max(last_seen) FROM source WHERE host = ? COLLATE NOCASE");
    if (!statement) return {};
    (*statement)->bind_text(1, host);
    Time last_seen = (*statement)->number().value_or(0);
    if (last_seen == 0)
      return {"missing_event",
              fmt::format("hecate has had no event of host {}: its shipper does not send here", host)};
    if (last_seen < told.latest)
      return {"missing_event",
              fmt::format("hecate has had nothing of host {} since {}", host, format_iso(last_seen))};
    auto aside = store::has_table(*database_, "aside");
    if (!aside || !*aside) return {};
    auto late = database_->prepare(
        "SELECT count(*) FROM aside WHERE host = ? COLLATE NOCASE AND time >= ? AND time < ?");
    if (!late) return {};
    (*late)->bind_text(1, host).bind(2, told.earliest).bind(3, told.latest);
    if ((*late)->number().value_or(0) > 0)
      return {"late",
              fmt::format("events of host {} in this window came too late and were kept aside: `hecate state "
                          "late` shows them",
                          host)};
    return {"missing_event",
            fmt::format(
                "hecate has events of host {}, but none that satisfied the search: the event was not sent "
                "here, or a macro, lookup or filter differs",
                host)};
  }

  std::int64_t number(std::string_view table, std::string_view sql, const Told& told, bool window = false) {
    auto there = store::has_table(*database_, table);
    if (!there || !*there) return 0;
    auto statement = database_->prepare(sql);
    if (!statement) return 0;
    (*statement)->bind_text(1, told.search);
    if (window) (*statement)->bind(2, told.earliest).bind(3, told.latest);
    return (*statement)->number().value_or(0);
  }

  std::unique_ptr<store::Database> database_;
};

std::string window_line(const WindowComparison& window) {
  auto differing =
      std::ranges::count_if(window.both, [](const Pair& pair) { return !pair.differences.empty(); });
  return fmt::format("{} to {}: {} both{}, {} only Splunk, {} only hecate", format_iso(window.earliest),
                     format_iso(window.latest), window.both.size(),
                     differing > 0 ? fmt::format(" ({} with other values)", differing) : "",
                     window.only_splunk.size(), window.only_hecate.size());
}

void print(const Comparison& comparison) {
  std::string search;
  std::size_t both = 0, differing = 0, only_splunk = 0, only_hecate = 0;
  for (const WindowComparison& window : comparison.windows) {
    if (window.search != search) fmt::print("{}\n", search = window.search);
    fmt::print("  {}\n", window_line(window));
    both += window.both.size();
    only_splunk += window.only_splunk.size();
    only_hecate += window.only_hecate.size();
    for (const Pair& pair : window.both) {
      if (pair.differences.empty()) continue;
      ++differing;
      fmt::print("    differs: {}\n", to_text(*pair.hecate));
      for (const Difference& each : pair.differences)
        fmt::print("      {}: Splunk {}, hecate {}\n", each.field, fmt::join(each.splunk, "|"),
                   fmt::join(each.hecate, "|"));
    }
    for (const Alone& each : window.only_splunk)
      fmt::print("    only Splunk, {}: {}\n      {}\n", each.reason, to_text(*each.told), each.why);
    for (const Alone& each : window.only_hecate)
      fmt::print("    only hecate, {}: {}\n      {}\n", each.reason, to_text(*each.told), each.why);
  }
  fmt::print("{} windows: {} both ({} with other values), {} only Splunk, {} only hecate\n",
             comparison.windows.size(), both, differing, only_splunk, only_hecate);
  if (comparison.outside > 0)
    fmt::print(
        "{} findings of hecate's lie outside the time of the export and are not compared (--earliest, "
        "--latest)\n",
        comparison.outside);
}

void write_fields(JsonWriter& json, const Told& told) {
  json.key("fields").begin_object();
  for (const auto& [name, values] : told.fields)
    if (!name.starts_with('_')) json.key(name).value(std::span(values));
  json.end_object();
}

void write_alone(JsonWriter& json, std::string_view key, const std::vector<Alone>& all) {
  json.key(key).begin_array();
  for (const Alone& each : all) {
    json.begin_object().key("reason").value(each.reason).key("why").value(each.why);
    write_fields(json, *each.told);
    json.end_object();
  }
  json.end_array();
}

void print_json(const Comparison& comparison) {
  JsonWriter json;
  json.begin_object().key("same").value(comparison.same()).key("outside").value(comparison.outside);
  json.key("windows").begin_array();
  for (const WindowComparison& window : comparison.windows) {
    json.begin_object().key("detection").value(window.search);
    json.key("earliest").value(format_iso(window.earliest)).key("latest").value(format_iso(window.latest));
    json.key("both").value(window.both.size()).key("differing").begin_array();
    for (const Pair& pair : window.both) {
      if (pair.differences.empty()) continue;
      json.begin_object();
      write_fields(json, *pair.hecate);
      json.key("differences").begin_array();
      for (const Difference& each : pair.differences)
        json.begin_object()
            .key("field")
            .value(each.field)
            .key("splunk")
            .value(std::span(each.splunk))
            .key("hecate")
            .value(std::span(each.hecate))
            .end_object();
      json.end_array().end_object();
    }
    json.end_array();
    write_alone(json, "only_splunk", window.only_splunk);
    write_alone(json, "only_hecate", window.only_hecate);
    json.end_object();
  }
  fmt::print("{}\n", json.end_array().end_object().text());
}

Result<Time> read_bound(const std::string& text, const char* option) {
  if (text.empty()) return 0;
  if (auto time = read_exported_time(text)) return *time;
  return fail(fmt::format("{}: seconds since 1970 or a time such as 2026-04-27T13:00:00Z", option));
}

Result<Comparison> compare(const CompareOptions& options, std::vector<Told>& splunk,
                           std::vector<Told>& hecate) {
  CompareQuestion question{.ignored = options.ignore, .earliest = 0, .latest = 0, .explain = {}};
  for (auto [text, option, time] : {std::tuple(&options.earliest, "--earliest", &question.earliest),
                                    std::tuple(&options.latest, "--latest", &question.latest)}) {
    auto read = read_bound(*text, option);
    if (!read) return std::unexpected(read.error());
    *time = *read;
  }
  auto notables = read_notables(options.exports);
  if (!notables) return std::unexpected(notables.error());
  Result<std::string> findings = std::string();
  if (options.findings.empty()) {
    auto state = StateReasons::open(options.path);
    if (!state) return std::unexpected(state.error());
    findings = (*state)->findings();
    question.explain = [state = *state](const Told& told) { return state->explain(told); };
  } else {
    findings = read_text(options.findings);
  }
  if (!findings) return std::unexpected(findings.error());
  auto told = told_by_hecate(*findings);
  if (!told)
    return fail(fmt::format("{}: {}", options.findings.empty() ? options.path : options.findings,
                            told.error().message));
  splunk = std::move(*notables);
  hecate = std::move(*told);
  if (splunk.empty() && (question.earliest == 0 || question.latest == 0))
    return fail(
        "the export holds no notable; if Splunk told nothing, say of which time with --earliest and "
        "--latest");
  auto wanted = [&](const Told& each) {
    return options.detections.empty() ||
           std::ranges::find(options.detections, each.search) != options.detections.end();
  };
  std::erase_if(splunk, std::not_fn(wanted));
  std::erase_if(hecate, std::not_fn(wanted));
  return compare_findings(splunk, hecate, question);
}

}  // namespace

int compare(const CompareOptions& options) {
  std::vector<Told> splunk, hecate;
  auto comparison = compare(options, splunk, hecate);
  if (!comparison) {
    fmt::print(stderr, "hecate: {}\n", comparison.error().message);
    return 2;
  }
  options.json ? print_json(*comparison) : print(*comparison);
  return comparison->same() ? 0 : 1;
}

}  // namespace hecate::daemon
