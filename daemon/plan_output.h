#pragma once

#include "outputs/json_writer.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/match/prefilter.h"

#include <string>
#include <string_view>
#include <vector>

namespace hecate::daemon {

// How a detection will run, as check and explain tell it: its streaming part, the state that it keeps, its
// closing part, and the literals of the prefilter.

// An event must hold one of each list; no lists: every event is looked at.
[[nodiscard]] std::vector<match::Literals> literals_of(const catalogue::LoadedDetection& loaded,
                                                       const catalogue::Catalogue& catalogue);
// A line for each part, `streaming: …`; those of subsearches behind.
[[nodiscard]] std::vector<std::string> plan_lines(const spl::PlanDescription& plan);
// The lines on standard output, behind `indent`, with the literals.
void print_plan(const catalogue::LoadedDetection& loaded, const catalogue::Catalogue& catalogue,
                std::string_view indent);
// The same as an object; `literals` is a list of lists.
void write_plan(outputs::JsonWriter& json, const catalogue::LoadedDetection& loaded,
                const catalogue::Catalogue& catalogue);

}  // namespace hecate::daemon
