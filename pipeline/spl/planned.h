#pragma once

#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/explain.h"
#include "pipeline/spl/plan.h"

#include <memory>
#include <string>
#include <vector>

namespace hecate::spl {

// A search cut in two: what planner.cpp makes, scan.cpp runs on events and closing.cpp on groups. Immutable
// once it is made.
struct Planned {
  SourceText source;           // with the macros put in
  Condition condition;         // the first clause, with the search commands that follow it
  std::string condition_text;  // as it was written
  Commands commands;           // the rest
  std::size_t streaming = 0;   // commands[0, streaming) run on events
  // Then either groups are gathered: commands[streaming] is the aggregation, the closing part begins behind
  // it …
  const Aggregation* aggregation = nullptr;
  // … or single events are kept, with all their fields or these; the closing part begins at
  // commands[streaming].
  bool keeps_all_fields = false;
  std::vector<FieldRef> kept_fields;
  std::vector<FieldRef> metadata;       // kept with all fields, even where the event does not list them
  std::vector<FieldRef> read_fields;    // by the streaming part
  std::vector<std::string> keys;        // ResultRow::keys: the names that the fields have in the end
  std::vector<std::string> aggregates;  // ResultRow::aggregates, likewise
  bool open_results = false;            // … of which not all can be named: all fields but the keys

  // Commands of the closing part that tell from the BY fields alone that a group will give no row: such a
  // group is not kept. Run on a row of these BY fields, by their numbers.
  struct KeyFilter {
    std::vector<std::size_t> commands;
    std::vector<std::size_t> by;
  };
  KeyFilter key_filter;

  bool rows_stay = false;  // events that follow never take a row away (first_match)

  [[nodiscard]] std::size_t closing_begin() const {
    return aggregation == nullptr ? streaming : streaming + 1;
  }
  // The window decides how long the steps of _time are, so groups are put together at the end.
  [[nodiscard]] bool automatic_span() const;
};

// The steps of planner.cpp, for a search and for one in brackets.
[[nodiscard]] Parsed<Commands> parse_commands(const SourceText& source, Range range, FieldNames& names,
                                              FirstCommand first = FirstCommand::may_be_search);
[[nodiscard]] Parsed<void> bind_commands(const Commands& commands, const LookupSource& lookups,
                                         FieldNames& names);
// `needed`: of the rows. `source` is for `explain`, which subsearches do without.
[[nodiscard]] std::shared_ptr<const Plan> make_plan(Commands commands, const FieldNeed& needed,
                                                    SourceText source = {});
// ResultRow::keys and aggregates of a search of these commands.
[[nodiscard]] std::vector<std::string> follow_keys(const Commands& commands);
[[nodiscard]] std::vector<std::string> follow_aggregates(const Commands& commands);
// What `key_filter` of a plan is, the rest of which is complete.
[[nodiscard]] Planned::KeyFilter find_key_filter(const Planned& planned, FieldNames& names);

[[nodiscard]] std::shared_ptr<const Scan> make_scan(std::shared_ptr<const Planned> planned);
[[nodiscard]] std::unique_ptr<Closing> make_closing(std::shared_ptr<const Planned> planned,
                                                    EvalContext& context, ResultSink sink);

[[nodiscard]] Explanation explain_event(const Planned& planned, Row& row, EvalContext& context);

}  // namespace hecate::spl
