#pragma once

#include "pipeline/spl/plan.h"
#include "pipeline/store/delta.h"

#include <string>
#include <vector>

namespace hecate::testing {

// The rows that a search has over what its scans gathered in one window, each as one text: `name=|value|value
// `, by name.
[[nodiscard]] std::vector<std::string> result_texts(const spl::Plan& plan, const store::DeltaSet& deltas,
                                                    Time earliest, Time latest,
                                                    std::string_view left_out = {});

}  // namespace hecate::testing
