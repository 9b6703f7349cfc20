#pragma once

#include "daemon/splunk_export.h"
#include "pipeline/base/error.h"
#include "pipeline/base/time.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecate::daemon {

// What one side tells: of Splunk a notable, of hecate the newest revision of a finding.
struct Told {
  std::string search;             // its name without `ESCU - ` and ` - Rule`
  Time earliest = 0, latest = 0;  // the window
  Time when = 0;           // Splunk: when the search ran; hecate: when this was told first. 0: not known
  bool withdrawn = false;  // hecate took it back
  ExportedRow fields = {};
  std::vector<std::string> objects = {};  // hecate: the fields of its risk objects
};

// The notable of an exported row. An error names the field that it lacks: search_name (or source),
// info_min_time, info_max_time.
[[nodiscard]] Result<Told> told_by_splunk(const ExportedRow& row);
// hecate's findings of their JSON, a line each, any revisions in any order (`hecate state export`), or as the
// array of /api/findings.
[[nodiscard]] Result<std::vector<Told>> told_by_hecate(std::string_view json);

struct Difference {
  std::string field;
  std::vector<std::string> splunk, hecate;
};
struct Pair {
  const Told* splunk;
  const Told* hecate;
  std::vector<Difference> differences;  // of fields that both have
};
struct Alone {
  const Told* told;
  std::string reason;  // late, withdrawn, other_window, no_run, incomplete, missing_event, splunk_silent
  std::string why;     // in words
};
struct WindowComparison {
  std::string search;
  Time earliest = 0, latest = 0;
  std::vector<Pair> both;
  std::vector<Alone> only_splunk, only_hecate;
};

struct CompareQuestion {
  std::vector<std::string> ignored;  // fields that do not count
  // The time that the export covers: of hecate's findings those count whose window lies in it. 0: as far as
  // the windows of its rows reach.
  Time earliest = 0, latest = 0;
  // What else may explain that hecate told nothing of this: reason and words; empty: nothing.
  std::function<std::pair<std::string, std::string>(const Told&)> explain;
};
struct Comparison {
  std::vector<WindowComparison> windows;  // by search, then by time
  std::size_t outside = 0;                // findings of hecate's that the export does not cover

  [[nodiscard]] bool same() const;  // nothing alone, no field differs
};
// Windows of the same search and times are compared; within one, rows that are alike belong together, the
// likest first: what names a host and the fields of the risk objects must be equal, and at least half of all
// fields that both have. `splunk` and `hecate` must outlive the result.
[[nodiscard]] Comparison compare_findings(const std::vector<Told>& splunk, const std::vector<Told>& hecate,
                                          const CompareQuestion& question);

// Some fields that tell what it is about: `Computer=ws1, Image=C:\a.exe`.
[[nodiscard]] std::string to_text(const Told& told);

}  // namespace hecate::daemon
