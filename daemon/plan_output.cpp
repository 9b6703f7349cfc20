#include "daemon/plan_output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {

std::optional<match::Literals> literals_of(const catalogue::LoadedDetection& loaded,
                                           const catalogue::Catalogue& catalogue) {
  return match::required_literals(loaded.plan->scan()->condition(), *catalogue.rules);
}

void print_plan(const catalogue::LoadedDetection& loaded, const catalogue::Catalogue& catalogue,
                std::string_view indent) {
  spl::PlanDescription plan = loaded.plan->describe();
  auto literals = literals_of(loaded, catalogue);
  fmt::print(
      "{0}streaming: {1}\n{0}state: {2}\n{0}closing: {3}\n{0}literals: {4}\n", indent, plan.streaming,
      plan.state, plan.closing,
      literals ? fmt::format("{}", fmt::join(*literals, " | ")) : "none, so the search looks at every event");
}

void write_plan(outputs::JsonWriter& json, const catalogue::LoadedDetection& loaded,
                const catalogue::Catalogue& catalogue) {
  spl::PlanDescription plan = loaded.plan->describe();
  json.begin_object();
  json.key("scan").value(fmt::format("{:016x}", loaded.plan->scan()->id()));
  json.key("streaming").value(plan.streaming).key("state").value(plan.state);
  json.key("closing").value(plan.closing);
  json.key("keeps_events").value(loaded.plan->scan()->keeps_events());
  json.key("first_match").value(loaded.plan->can_emit_first_match());
  json.key("literals");
  if (auto literals = literals_of(loaded, catalogue)) {
    json.begin_array();
    for (const std::string& literal : *literals) json.value(literal);
    json.end_array();
  } else {
    json.raw("null");
  }
  json.end_object();
}

}  // namespace hecate::daemon
