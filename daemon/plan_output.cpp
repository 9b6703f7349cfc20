#include "daemon/plan_output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

void write_description(outputs::JsonWriter& json, const spl::PlanDescription& plan) {
  json.key("streaming").value(plan.streaming).key("state").value(plan.state);
  json.key("closing").value(plan.closing).key("subsearches").begin_array();
  for (const spl::PlanDescription& subsearch : plan.subsearches) {
    json.begin_object();
    write_description(json, subsearch);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::vector<match::Literals> literals_of(const catalogue::LoadedDetection& loaded,
                                         const catalogue::Catalogue& catalogue) {
  return match::required_literals(loaded.plan->scan().condition(), *catalogue.rules);
}

std::vector<std::string> plan_lines(const spl::PlanDescription& plan) {
  std::vector<std::string> lines{"streaming: " + plan.streaming, "state: " + plan.state,
                                 "closing: " + plan.closing};
  for (const spl::PlanDescription& subsearch : plan.subsearches)
    for (const std::string& line : plan_lines(subsearch)) lines.push_back("subsearch, " + line);
  return lines;
}

void print_plan(const catalogue::LoadedDetection& loaded, const catalogue::Catalogue& catalogue,
                std::string_view indent) {
  for (const std::string& line : plan_lines(loaded.plan->describe())) fmt::print("{}{}\n", indent, line);
  std::vector<std::string> lists;
  for (const match::Literals& list : literals_of(loaded, catalogue))
    lists.push_back(fmt::format("{}", fmt::join(list, " | ")));
  fmt::print("{}literals: {}\n", indent,
             lists.empty() ? "none, so the search looks at every event"
                           : fmt::format("{}", fmt::join(lists, ", and ")));
}

void write_plan(outputs::JsonWriter& json, const catalogue::LoadedDetection& loaded,
                const catalogue::Catalogue& catalogue) {
  json.begin_object();
  json.key("scans").begin_array();
  bool keeps_events = false;
  for (const auto& scan : loaded.plan->scans()) {
    json.value(fmt::format("{:016x}", scan->id()));
    keeps_events |= scan->keeps_events();
  }
  json.end_array();
  write_description(json, loaded.plan->describe());
  json.key("keeps_events").value(keeps_events);
  json.key("first_match").value(loaded.plan->can_emit_first_match());
  json.key("literals").begin_array();
  for (const match::Literals& list : literals_of(loaded, catalogue)) json.value(std::span(list));
  json.end_array();
  json.end_object();
}

}  // namespace hecate::daemon
