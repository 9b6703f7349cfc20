#pragma once

#include "pipeline/spl/plan.h"
#include "tests/spl/fake_event.h"

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hecate::testing {

// A result row as texts, and what it is known by.
struct FoundRow {
  std::map<std::string, std::vector<std::string>> fields;
  std::vector<std::string> columns;  // in order
  std::vector<std::pair<std::string, std::string>> keys;
  std::string group;
};

struct Window {
  Time earliest = 0;
  Time latest = kHour;
  Time now = kHour;
};

// How the states of single events come together.
enum class Merging {
  at_once,            // every event adds to the same states
  stored_in_reverse,  // each event by itself, its states encoded, and merged encoded, the last one first
};

using Groups = std::map<std::string, spl::GroupState>;
using GroupsOfScans = std::map<std::uint64_t, Groups>;

// Runs the streaming part over the events; that of its subsearches in the second.
[[nodiscard]] Groups gather(const spl::Scan& scan, std::deque<FakeEvent>& events, Merging merging);
[[nodiscard]] GroupsOfScans gather(const spl::Plan& plan, std::deque<FakeEvent>& events, Merging merging);
// Runs the closing part over the groups. What outputlookup wrote is put in its place.
struct Found {
  std::vector<FoundRow> rows;
  std::string incomplete;
};
[[nodiscard]] Found close(const spl::Plan& plan, const GroupsOfScans& groups, const Window& window = {});
[[nodiscard]] std::vector<FoundRow> close(const spl::Plan& plan, const Groups& groups);

// A macro lookup over name (with its arguments, as `m(a, b)`) → definition. The result owns its macros.
[[nodiscard]] spl::MacroLookup macro_lookup(const std::map<std::string, std::string>& macros);

}  // namespace hecate::testing
