#include "daemon/spl_reference.h"

#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/functions.h"

#include <map>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

constexpr std::string_view kIntroduction =
    R"(<!-- Made by `hecate spl-reference`; a test compares. Change the tables in pipeline/spl and this text in
     daemon/spl_reference.cpp. -->
# SPL
What hecate runs of Splunk's Search Processing Language, and where it differs. A search that uses anything else is
refused when it is loaded, with line, column and reason; a detection never runs half.

A search is split as Splunk splits it between indexers and search head. Its **streaming part** runs on each event as
it arrives, up to and with the first aggregation; its **closing part** runs over the groups of a window when the
window is due. A search that needs single events before it aggregates (sort, dedup, eventstats …), or never does,
keeps the events of its window instead. `hecate check` says which.

## Differences from Splunk
- Time is UTC throughout. `convert ctime` and `strftime` without a time zone give UTC.
- `fillnull` without fields fills the fields that the rest of the search names, so that `fillnull | stats … by …`
  keeps every event whatever else the window holds.
- Order: events newest first, those of the same time by arrival, the later first; rows of stats by their BY values as
  text, field by field.
- `list` keeps 100 values, `values` 10,000 or 1 MiB of them; a row with more says so: `hecate_bounded` names them.
  `dc` is exact up to 10,000 values, then within about 1 %; percentiles, `exactperc` and `upperperc` too, are exact up
  to 4,096 different values, then within about 0.1 %. The median of an even count is the upper of the middle two;
  `stdev` of one value is 0. A wildcard (`values(*)`) stands for 10,000 fields at most, in the order of their names.
- `timechart` without `span` and `bin _time` without one: steps of a minute at least. timechart fills steps without
  events up to 50,000 of them; columns are ranked by the first function; on a window without events it has no rows. A
  window of more than a year (`hecate search`: all time) is as long as its events say.
- `transaction` goes through events from the newest to the oldest, as Splunk does. `closed_txn` is 1 where the events
  that `startswith` and `endswith` ask for are there. Memory is bounded by the detection's budget, not by
  `maxopentxn`. Rows come newest first.
- `spath` and the JSON functions read JSON, not XML; a number is written as its value (1.50 as 1.5).
- `json_array` and `json_object` take a text in a field for JSON where it is an array or object.
- `from datamodel:` and `datamodel … flat` give the fields that the rest of the search names without their prefix;
  where it shows all fields, those are the event's own.
- A subsearch looks at the window of its search. More rows than Splunk takes (50,000 for join and append, 10,000 for a
  condition) make the run incomplete, where Splunk leaves them out silently. Of two rows of a subsearch that match,
  join takes the first in the order above; several values of a field are compared as one text. Behind a subsearch in
  the first clause single events are kept, with all of their fields unless its last command (`table`, `fields`,
  `stats`, `return`) says which it has.
- `join` with `left=L right=R where L.a = R.b`: fields of the rows are called `L.…` and `R.…` throughout, but for those that
  begin with `_`, which are the search's own; the right side is a subsearch.
- `sort` puts rows without the field last in both directions. `fields a` also keeps `_time` and `_raw`.
- Comparisons without case know Latin, Greek and Cyrillic letters beyond ASCII.
- Time modifiers inside a search (`earliest=`, `latest=`) are refused: the window is the detection's schedule.
- A `<detection>_filter` macro that nobody defines is `search *`.
)";

std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

// A line for each reason, in the order of the first command that has it.
std::string refused_commands() {
  std::map<std::string_view, std::string> names;
  std::vector<std::string_view> reasons;
  for (const spl::UnsupportedCommand& command : spl::unsupported_commands()) {
    auto [place, fresh] = names.try_emplace(command.reason);
    if (fresh) reasons.push_back(command.reason);
    place->second += fmt::format("{}`{}`", fresh ? "" : ", ", command.name);
  }
  std::string out = "\n## Commands of Splunk's that are refused\n| commands | reason |\n|---|---|\n";
  for (std::string_view reason : reasons) out += fmt::format("| {} | {} |\n", names[reason], cell(reason));
  return out;
}

std::string commands() {
  std::string out = "\n## Commands\n| command | runs on each event | what it does |\n|---|---|---|\n";
  for (const spl::CommandKind& kind : spl::command_kinds())
    out += fmt::format("| `{}` | {} | {} |\n", kind.name, kind.streaming ? "yes" : "", cell(kind.help));
  return out;
}

std::string aggregates() {
  std::string out =
      "\n## Functions of stats, eventstats, streamstats, tstats, chart and timechart\n| function | what it "
      "gives "
      "|\n|---|---|\n";
  for (const spl::AggregateFunction& function : spl::aggregate_functions())
    out += fmt::format("| `{}{}` | {} |\n", function.name, function.numbered ? "N" : "", cell(function.help));
  return out;
}

std::string functions() {
  std::string out = "\n## Functions of eval and where\n";
  std::string_view group;
  for (const spl::Function* function : spl::all_functions()) {
    if (function->group != group) {
      group = function->group;
      out += fmt::format("\n### {}\n| function | what it gives |\n|---|---|\n", group);
    }
    out +=
        fmt::format("| `{}({})` | {} |\n", function->name, cell(function->arguments), cell(function->help));
  }
  return out;
}

constexpr std::string_view kCatalogue = R"(
## Detections of the public catalogue that are refused
Of the Endpoint detections of ESCU's release of October 2024 that read Sysmon or the Endpoint data model (570 files), all
but these load; 20 more load and are off, since they are deprecated, experimental or a Baseline.

| detection | reason |
|---|---|
| Detect Remote Access Software Usage File | the lookup `asset_lookup_by_str` is the site's own: give its definition and table, or `empty: true` ([lookups.md](lookups.md)), and it loads |
| Potentially malicious code on commandline | `apply` needs a model that Splunk's machine learning toolkit has stored |
| Unusually Long Command Line - MLTK | likewise |
)";

}  // namespace

std::string spl_reference() {
  return std::string(kIntroduction) + std::string(kCatalogue) + commands() + refused_commands() + aggregates() + functions();
}

}  // namespace hecate::daemon
