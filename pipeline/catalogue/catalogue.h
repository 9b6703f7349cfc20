#pragma once

#include "pipeline/base/error.h"
#include "pipeline/catalogue/detection.h"
#include "pipeline/catalogue/scalar_places.h"
#include "pipeline/fields/event_fields.h"
#include "pipeline/schedule/schedule.h"
#include "pipeline/spl/plan.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::catalogue {

// What a site changes about a detection without editing its file; unset: as the file and its deployment say.
struct Override {
  std::optional<bool> disabled;
  std::optional<std::string> cron, earliest, latest, index;
  std::optional<Emit> emit;
  std::optional<Revise> revise;
  std::optional<Throttle> throttle;
  std::optional<bool> risk, notable;
  std::optional<std::string> rule_title, rule_description;
};

// As a path among Sources::detections: what ships with hecate (detections/), built into the binary.
inline constexpr std::string_view kBuiltin = "builtin:";

// Where the content is. The macros and deployments that ship are the base. Later folders go before earlier
// ones: a site's macro replaces the one that ships.
struct Sources {
  std::vector<std::string> detections;  // files or folders, searched for *.yml and *.yaml
  std::vector<std::string> macros;      // files or folders of ESCU's macro YAML; a `macros/` folder inside or
                                        // beside a detections folder is found by itself, before these
  std::vector<std::string> lookups;  // files or folders of ESCU's lookup YAML and CSV; a `lookups/` folder is
                                     // found as for macros
  std::vector<std::string> deployments;  // as for macros: a `deployments/` folder beside is found by itself
  Override defaults;                     // for all
  std::map<std::string, Override> overrides;  // by detection name
  bool include_disabled = false;              // search and check look at those too
  bool keep_places = false;                   // LoadedDetection::places, for explain
};

// Why a detection is not running.
struct Refused {
  std::string name;  // empty when the file did not even tell
  std::string file;
  int line = 1, column = 1;
  std::string reason;
};

struct LoadedDetection {
  Detection detection;
  schedule::Schedule schedule;
  std::shared_ptr<const spl::Plan> plan;
  std::string off;  // why it does not run, where Sources::include_disabled let it in; else empty
  // From a place in the search to that in its file; none without Sources::keep_places, or a file.
  std::shared_ptr<const ScalarPlaces> places{};
};

// Everything that runs at one time: compiled detections, the field names they use, the field rules. Immutable
// once loaded, shared by all threads; a reload makes a new one.
struct Catalogue {
  spl::FieldNames names;
  std::shared_ptr<const fields::FieldRules> rules;
  std::vector<LoadedDetection> detections;  // by name
  // Tables of the local state that its searches read or write, each once; whoever runs them fills them.
  std::vector<std::shared_ptr<spl::WrittenTable>> local_tables;
  std::vector<std::string> disabled;  // names of detections that are known but off (see LoadResult::ignored)
};

// What events are evaluated against at one time.
struct Feed {
  std::shared_ptr<const Catalogue> current;
  // Scans of detections of older catalogues whose searches were changed and that still have windows to
  // finish. They are none of `current`, and each is here once.
  struct Part {
    std::size_t detection;  // its index there
    std::size_t scan;       // its index in the plan
  };
  struct Finishing {
    std::shared_ptr<const Catalogue> catalogue;
    std::vector<Part> parts;
  };
  std::vector<Finishing> finishing;
};

struct LoadResult {
  std::shared_ptr<const Catalogue> catalogue;  // what did load; never null
  std::vector<Refused> refused;
  // Known and off, each with the reason: disabled, deprecated, experimental, or a Baseline. Not an error.
  std::vector<Refused> ignored;
  std::vector<Refused> warnings;  // what loads and is likely not what was meant
};

// Reads, merges and compiles. A file or detection that does not load is in `refused`; the caller decides what
// that means (start and reload refuse all of it, `check` prints it). Two detections of one name: the later
// file is refused.
[[nodiscard]] LoadResult load(const Sources& sources);

// One search given as text, without a file; named `name`. It takes no action and its schedule is the
// catalogue's default; places in `refused` are those in the text.
[[nodiscard]] LoadResult load_search(const std::string& name, const std::string& spl, const Sources& macros);

// The detections of one YAML file, with the deployments that ship put in, whether enabled or not; the first
// error is told as file:line:column and reason. For tests and tools.
[[nodiscard]] Result<std::vector<Detection>> parse_detections(const std::string& yaml,
                                                              const std::string& file);

}  // namespace hecate::catalogue
