#pragma once

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "pipeline/base/arena.h"
#include "pipeline/spl/lexer.h"
#include "pipeline/spl/lookup.h"
#include "pipeline/spl/name_pattern.h"
#include "pipeline/spl/row.h"
#include "pipeline/spl/source.h"

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

class Aggregation;
struct Clause;
class GroupState;
class Subsearch;
struct Condition;

// Which fields the commands behind a place still read, worked out from the last command to the first.
class FieldNeed {
 public:
  explicit FieldNeed(FieldNames& names) : names_(&names) {}

  // Every field that a row has may be read or shown; what is named counts beside that.
  [[nodiscard]] bool all() const { return all_; }
  [[nodiscard]] bool has(std::string_view name) const { return fields_.contains(name); }
  [[nodiscard]] const std::set<std::string_view>& fields() const { return fields_; }
  [[nodiscard]] std::vector<FieldRef> references() const;

  void add(std::string_view name) { fields_.insert(names_->intern(name).name); }
  void add(std::span<const FieldRef> fields);
  void remove(std::string_view name) { fields_.erase(name); }
  void add_all() { all_ = true; }
  // Nothing else is read.
  void clear();

  [[nodiscard]] FieldNames& names() const { return *names_; }

 private:
  FieldNames* names_;
  bool all_ = true;
  std::set<std::string_view> fields_;
};

// One command of a closing part at work. Rows are pushed through: `take` each, `finish` once. Nothing of a
// row outlives `take`: what an operator keeps it copies (HeldRows). `group` is ResultRow's: the one group
// that the row came from, else empty. One thread.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual void take(Row& row, std::string_view group) = 0;
  virtual void finish() = 0;
};

// One that is handed whole groups: their key and what their functions gathered.
class GroupOperator : public Operator {
 public:
  virtual void take_group(std::string_view key, const GroupState& state) = 0;
};

// Rows that an operator keeps, with all that they point to.
class HeldRows {
 public:
  // What it keeps counts in context.held_bytes, as long as it is there.
  explicit HeldRows(EvalContext& context) : context_(context) {}
  ~HeldRows() { context_.held_bytes -= bytes_; }
  HeldRows(const HeldRows&) = delete;
  HeldRows& operator=(const HeldRows&) = delete;
  struct Held {
    Row row;
    std::string_view group;
  };
  Held& add(const Row& row, std::string_view group);
  // Sets the fields of `cells` in a row that is kept; null ones are passed over.
  void extend(Held& held, const Row& cells);
  [[nodiscard]] std::vector<Held>& rows() { return rows_; }
  [[nodiscard]] const std::vector<Held>& rows() const { return rows_; }
  void clear() { rows_.clear(); }
  // Hands all rows on, in order, and finishes.
  void flush(Operator& next);

 private:
  std::string_view name(std::string_view name);

  EvalContext& context_;
  std::size_t bytes_ = 0;
  Arena arena_;
  absl::flat_hash_set<std::string_view> names_;
  std::vector<Held> rows_;
};

// A command of a search, made ready. Immutable and thread-safe once its search is planned.
class Command {
 public:
  using RowStep = absl::FunctionRef<void(Row&)>;

  virtual ~Command() = default;

  // One text for all commands of the same meaning: part of a scan's fingerprint.
  [[nodiscard]] virtual std::string canonical() const = 0;
  // From what is needed behind the command to what is needed before it.
  virtual void need(FieldNeed& need) const = 0;
  // Finds the lookups that it names; once, before all else. The error has the place of the name.
  [[nodiscard]] virtual Parsed<void> bind(const LookupSource& /*lookups*/, FieldNames& /*names*/) {
    return {};
  }
  // Told once, before all others, what is needed behind the command (see fillnull).
  virtual void settle(const FieldNeed& /*after*/) {}

  // True when the command looks at one row at a time: it may run on events as they arrive, by `each`.
  [[nodiscard]] virtual bool row_by_row() const { return false; }
  // False when a row that passes may no longer pass once more events came: it looks at fields that change by
  // then. `stable` never change, `growing` are numbers that only grow.
  using Names = std::vector<std::string>;
  [[nodiscard]] virtual bool keeps_rows(const Names& /*stable*/, const Names& /*growing*/) const {
    return true;
  }
  // False when the command leaves the field of that name as it is, whatever the row.
  [[nodiscard]] virtual bool may_set(std::string_view /*name*/) const { return true; }
  // It lets some rows through as they are, and no others: search, where, regex.
  [[nodiscard]] virtual bool only_filters() const { return false; }
  // True when what it does depends on the moment the search runs or on its window.
  [[nodiscard]] virtual bool depends_on_search() const { return false; }
  // Hands the row on, changed or not, once, several times or not at all.
  virtual void each(Row& row, EvalContext& context, RowStep next) const;
  // The command at work in a closing part; by `each` unless it says otherwise.
  [[nodiscard]] virtual std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const;

  // Renames the fields by which rows are told apart, or replaces them by its own.
  virtual void follow_keys(std::vector<std::string>& /*keys*/) const {}
  // Adds the names of fields that stats functions set beside those of the row (eventstats, streamstats).
  virtual void add_results(std::vector<std::string>& /*names*/) const {}
  // It gives results whose names show only with the rows (values(*), chart): all fields of the search but the
  // BY fields count as results then.
  [[nodiscard]] virtual bool gives_open_results() const { return false; }
  // What stats and its kin gather; null for all other commands.
  [[nodiscard]] virtual const Aggregation* aggregation() const { return nullptr; }
  // For an aggregation that takes groups as they were gathered and not a row for each (chart): the command at
  // work on them.
  [[nodiscard]] virtual std::unique_ptr<GroupOperator> start_groups(EvalContext& context,
                                                                    Operator& next) const;
  // Its rows are made of several that came in.
  [[nodiscard]] virtual bool puts_rows_together() const { return aggregation() != nullptr; }

  // It has rows of its own to give, whatever comes in.
  [[nodiscard]] virtual bool makes_rows() const { return false; }

  // The searches in brackets that must have run before it starts, as far as they are its own.
  virtual void subsearches(std::vector<const Subsearch*>& /*found*/) const {}
  // The fields that its rows may have, where it says which those are.
  [[nodiscard]] virtual std::optional<std::vector<std::string>> only_fields() const { return std::nullopt; }

  // What the search command asks of a row; null for all other commands, and where it depends on a subsearch.
  [[nodiscard]] virtual const Condition* condition() const { return nullptr; }

  // What search and where ask of a row, with what it came to; nothing for all other commands.
  [[nodiscard]] virtual std::optional<Clause> explain(const Row& row, EvalContext& context,
                                                      const SourceText& source) const;

  // As it was written, for `check`.
  std::string written;
  // It came in by a filter macro (`…_filter`), the place for a site's exceptions: these may change while the
  // state of the search stays.
  bool by_filter_macro = false;
};

using Commands = std::vector<std::unique_ptr<Command>>;

// A command as its users know it. `parse` reads all of the arguments and adds what they amount to: often one
// command, sometimes none (`search *`) or two (top counts, then sorts).
struct CommandKind {
  std::string_view name;
  bool streaming;  // as a rule: see Command::row_by_row
  Parsed<void> (*parse)(Cursor& cursor, FieldNames& names, Commands& commands);
  std::string_view help;
};

// All commands that are supported, by name; the parser and the generated documentation are made of it.
[[nodiscard]] std::span<const CommandKind> command_kinds();
// Commands that Splunk documents and that are refused.
struct UnsupportedCommand {
  std::string_view name;
  std::string_view reason;
};
[[nodiscard]] std::span<const UnsupportedCommand> unsupported_commands();
// Why a command that Splunk has is not supported; empty for names that are not known either.
[[nodiscard]] std::string_view why_unsupported(std::string_view name);

// The parsers, in the files named after their groups.
Parsed<void> parse_search(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_where(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_eval(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_regex(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_rex(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_fillnull(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_rename(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_fields(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_table(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_replace(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_convert(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_bin(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_addinfo(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_makemv(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_mvexpand(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_mvcombine(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_nomv(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_lookup(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_join(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_append(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_appendcols(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_appendpipe(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_multisearch(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_format(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_return(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_inputlookup(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_outputlookup(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_stats(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_eventstats(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_streamstats(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_tstats(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_top(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_rare(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_sort(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_dedup(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_head(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_tail(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_reverse(Cursor& cursor, FieldNames& names, Commands& commands);

Parsed<void> parse_accum(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_addcoltotals(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_addtotals(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_autoregress(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_chart(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_datamodel(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_delta(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_fieldformat(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_filldown(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_from(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_makeresults(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_rangemap(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_spath(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_strcat(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_timechart(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_transaction(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_uniq(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_untable(Cursor& cursor, FieldNames& names, Commands& commands);
Parsed<void> parse_xyseries(Cursor& cursor, FieldNames& names, Commands& commands);

// What says that an event belongs to a set of a data model (Endpoint.Processes): the event layer has a field
// named after it, with 1.
[[nodiscard]] Condition member_of(const std::string& model, Position place, FieldNames& names);
// Adds a search command, unless it would let every row pass. What it asks by subsearches becomes one of its
// own, so that the rest can stream.
void add_search(Condition condition, Commands& commands);
// Adds a rename of all fields: `x` becomes `prefix.x`.
void add_prefix(const std::string& prefix, Commands& commands);
// Adds a stats command that counts rows by `by`; what top and rare begin with.
void add_counts(std::span<const FieldRef> by, std::string_view count_name, FieldNames& names,
                Commands& commands);

// What the format command says where there are no rows: a condition that nothing satisfies.
inline constexpr std::string_view kNoRows = "NOT ()";

// What `lookups` finds; an error where there are none at all.
[[nodiscard]] Result<std::shared_ptr<const Lookup>> find_lookup(const LookupSource& lookups,
                                                                std::string_view name);

// Reads field names, blanks or commas between, up to the end or a keyword; wildcards are left in.
[[nodiscard]] Parsed<std::vector<std::string>> parse_field_list(Cursor& cursor,
                                                                std::string_view end_word = {});
// A number as an option or argument has it, at least `least`.
[[nodiscard]] Parsed<long> parse_count(Cursor& cursor, long least);

}  // namespace hecate::spl
