#pragma once

#include "pipeline/spl/plan.h"
#include "pipeline/store/delta.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace hecate::daemon {

// A result row with its values as texts, keys sorted.
using TextRow = std::map<std::string, std::vector<std::string>>;

// The window that a closing part is run for, and when it runs.
struct SearchTime {
  Time earliest = 0, latest = 0, now = 0;
};

// Runs a search over what its scans have gathered in one window, and hands out the rows. Returns why it is
// incomplete; empty: it is not.
std::string run_window(const spl::Plan& plan, const store::DeltaSet& deltas, const SearchTime& time,
                       const std::function<void(const TextRow&)>& row);

}  // namespace hecate::daemon
