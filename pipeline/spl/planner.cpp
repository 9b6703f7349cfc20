// From the text of a search to its plan: macros, commands, what each needs, and where to cut.
#include "fmt/format.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/lexer.h"
#include "pipeline/spl/planned.h"
#include "pipeline/spl/subsearch.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

constexpr std::array<std::string_view, 6> kMetadata = {"_time",  "_raw",       "host",
                                                       "source", "sourcetype", "index"};

constexpr std::array<std::string_view, 4> kFirstOnly = {"tstats", "from", "datamodel", "makeresults"};

class PlannedSearch final : public Plan {
 public:
  explicit PlannedSearch(std::shared_ptr<const Planned> planned) : planned_(std::move(planned)) {
    add_scan(make_scan(planned_));
    for (const auto& command : planned_->commands) command->subsearches(subsearches_);
    for (const Subsearch* subsearch : subsearches_) {
      for (const auto& scan : subsearch->plan().scans()) add_scan(scan);
    }
  }

  std::span<const std::shared_ptr<const Scan>> scans() const override { return scans_; }
  std::uint64_t search_id() const override {
    if (scans_.size() == 1) return scans_[0]->id();
    std::string ids;
    for (const auto& scan : scans_) ids += fmt::format("{:016x}", scan->id());
    return stable_hash(ids);
  }
  bool can_emit_first_match() const override { return !planned_->automatic_span() && planned_->rows_stay; }
  bool can_tell_of_nothing() const override {
    auto makes_rows = [](const auto& command) {
      const Aggregation* aggregation = command->aggregation();
      return command->makes_rows() || (aggregation != nullptr && aggregation->by().empty());
    };
    return std::ranges::any_of(planned_->commands, makes_rows) ||
           std::ranges::any_of(subsearches_, [](const Subsearch* subsearch) {
             return subsearch->plan().can_tell_of_nothing();
           });
  }
  PlanDescription describe() const override;
  const SourceText& source() const override { return planned_->source; }
  Explanation explain(Row& row, EvalContext& context) const override {
    auto nothing = [](const Scan&, GroupVisitor) -> Result<void> { return {}; };
    (void)run_subsearches(context, nothing);
    return explain_event(*planned_, row, context);
  }
  Result<void> run_subsearches(EvalContext& context, GroupReader read) const override {
    for (const Subsearch* subsearch : subsearches_) {
      if (Result<void> done = subsearch->run(context, read); !done) return done;
    }
    return {};
  }
  std::unique_ptr<Closing> close(EvalContext& context, ResultSink sink) const override {
    return make_closing(planned_, context, std::move(sink));
  }

 private:
  void add_scan(std::shared_ptr<const Scan> scan) {
    auto same = [&](const auto& known) { return known->id() == scan->id(); };
    if (std::ranges::none_of(scans_, same)) scans_.push_back(std::move(scan));
  }
  [[nodiscard]] std::string describe_state() const;

  std::shared_ptr<const Planned> planned_;
  std::vector<const Subsearch*> subsearches_;  // of its commands
  std::vector<std::shared_ptr<const Scan>> scans_;
};

std::string joined(const Commands& commands, std::size_t begin, std::size_t end, std::string text) {
  for (std::size_t i = begin; i < end; ++i) {
    if (commands[i]->written.empty()) continue;
    if (!text.empty()) text += " | ";
    text += commands[i]->written;
  }
  return text;
}

PlanDescription PlannedSearch::describe() const {
  const Commands& commands = planned_->commands;
  std::string closing = joined(commands, planned_->closing_begin(), commands.size(), "");
  PlanDescription description{joined(commands, 0, planned_->closing_begin(), planned_->condition_text),
                              describe_state(),
                              closing.empty() ? "nothing" : closing,
                              {}};
  for (const Subsearch* subsearch : subsearches_)
    description.subsearches.push_back(subsearch->plan().describe());
  return description;
}

std::string PlannedSearch::describe_state() const {
  std::string text;
  if (planned_->condition.kind == Condition::Kind::never) return "none, no event is looked at";
  if (planned_->aggregation != nullptr) {
    for (const Aggregation::ByField& by : planned_->aggregation->by())
      text += fmt::format(" {}", by.field.name);
    if (text.empty()) return "one group";
    std::string filters;
    for (std::size_t i : planned_->key_filter.commands)
      if (planned_->commands[i]->only_filters())
        filters += (filters.empty() ? "" : " | ") + planned_->commands[i]->written;
    return "one group for each" + text + (filters.empty() ? "" : ", of those that pass " + filters);
  }
  if (planned_->keeps_all_fields) return "single events, with all fields that the streaming part leaves";
  for (const FieldRef& field : planned_->kept_fields) text += fmt::format(" {}", field.name);
  return "single events, fields" + (text.empty() ? " none" : text);
}

std::string one_line(std::string_view name, std::string_view arguments) {
  std::string text(name);
  bool blank = true;
  for (char c : arguments) {
    bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!is_blank && blank) text.push_back(' ');
    if (!is_blank) text.push_back(c);
    blank = is_blank;
  }
  return text;
}

std::unexpected<Diagnostic> unknown_command(const CommandText& command) {
  if (std::string_view why = why_unsupported(command.name); !why.empty()) {
    return std::unexpected(
        Diagnostic{command.position, fmt::format("the command {} cannot be run: {}", command.name, why)});
  }
  std::vector<std::string_view> known;
  for (const CommandKind& kind : command_kinds()) known.push_back(kind.name);
  std::string_view near = nearest(command.name, known);
  return std::unexpected(
      Diagnostic{command.position, fmt::format("\"{}\" is not a command that is supported{}", command.name,
                                               near.empty() ? "" : fmt::format("; did you mean {}?", near))});
}

Parsed<void> parse_command(const SourceText& source, const CommandText& text, bool first, FieldNames& names,
                           Commands& commands) {
  auto kind = std::ranges::find(command_kinds(), text.name, &CommandKind::name);
  if (kind == command_kinds().end()) return unknown_command(text);
  if (!first && std::ranges::find(kFirstOnly, text.name) != kFirstOnly.end()) {
    return std::unexpected(
        Diagnostic{text.position, fmt::format("{} makes rows: it can only be the first command", text.name)});
  }
  Cursor cursor(source, text.arguments);
  std::size_t before = commands.size();
  if (Parsed<void> parsed = kind->parse(cursor, names, commands); !parsed) return parsed;
  if (Parsed<void> end = cursor.expect_end("the arguments of " + text.name); !end) return end;
  if (commands.size() > before) commands[before]->written = one_line(text.name, cursor.text(text.arguments));
  for (std::size_t i = before; i < commands.size(); ++i)
    commands[i]->by_filter_macro = source.is_by_macro(text.position, "_filter");
  return {};
}

// The search commands at the front become one condition: more for the prefilter to go by.
void take_conditions(Planned& planned, Commands& commands) {
  std::size_t taken = 0;
  std::vector<Condition> conditions;
  for (; taken < commands.size() && commands[taken]->condition() != nullptr; ++taken) {
    conditions.push_back(*commands[taken]->condition());
    if (!planned.condition_text.empty()) planned.condition_text += " | ";
    planned.condition_text += commands[taken]->written;
  }
  commands.erase(commands.begin(), commands.begin() + static_cast<std::ptrdiff_t>(taken));
  if (taken == 0 && !commands.empty() && commands[0]->makes_rows()) {
    planned.condition.kind = Condition::Kind::never;
    planned.condition_text = "nothing";
  } else if (conditions.empty()) {
    planned.condition_text = "search *";
  } else if (conditions.size() == 1) {
    planned.condition = std::move(conditions[0]);
  } else {
    planned.condition.kind = Condition::Kind::all_of;
    planned.condition.position = conditions[0].position;
    planned.condition.children = std::move(conditions);
  }
}

// From the last command to the first; the result is what each needs before it.
std::vector<FieldNeed> work_out_needs(const Commands& commands, FieldNeed need) {
  std::vector<FieldNeed> needs(commands.size() + 1, need);
  for (std::size_t i = commands.size(); i > 0; --i) {
    commands[i - 1]->settle(need);
    commands[i - 1]->need(need);
    needs[i - 1] = need;
  }
  return needs;
}

// Commands that look at one row at a time stream, up to one that depends on when the search runs; then the
// cut is at an aggregation, or events are kept for the command that needs all of them.
void cut(Planned& planned, const FieldNeed& needed) {
  const Commands& commands = planned.commands;
  std::vector<FieldNeed> needs = work_out_needs(commands, needed);
  std::size_t at = 0;
  while (at < commands.size() && commands[at]->row_by_row() && !commands[at]->depends_on_search()) ++at;
  planned.streaming = at;
  if (at < commands.size() && commands[at]->aggregation() != nullptr && !commands[at]->depends_on_search()) {
    planned.aggregation = commands[at]->aggregation();
  } else {
    planned.keeps_all_fields = needs[at].all();
    planned.kept_fields = needs[at].references();
    for (std::string_view name : kMetadata) planned.metadata.push_back(needed.names().intern(name));
  }
  FieldNeed& read = needs.front();
  std::vector<FieldRef> fields;
  collect_fields(planned.condition, fields);
  read.add(fields);
  if (planned.keeps_all_fields) read.add(planned.metadata);
  planned.read_fields = read.references();
}

// Whether a row of the closing part, once it is there, stays whatever events follow.
bool rows_stay(const Planned& planned) {
  Command::Names stable;
  Command::Names growing;
  if (planned.aggregation != nullptr) {
    if (!planned.commands[planned.streaming]->keeps_rows(stable, growing)) return false;
    for (const Aggregation::ByField& by : planned.aggregation->by()) stable.emplace_back(by.field.name);
    growing = planned.aggregation->growing_results();
  }
  for (std::size_t i = planned.closing_begin(); i < planned.commands.size(); ++i) {
    const Command& command = *planned.commands[i];
    if (!command.row_by_row()) return false;
    if (planned.aggregation != nullptr && !command.keeps_rows(stable, growing)) return false;
    command.follow_keys(stable);
    command.follow_keys(growing);
  }
  return true;
}

}  // namespace

Parsed<Commands> parse_commands(const SourceText& source, Range range, FieldNames& names,
                                FirstCommand first_command) {
  Parsed<std::vector<CommandText>> texts = split_pipeline(source, range, first_command);
  if (!texts) return std::unexpected(texts.error());
  Commands commands;
  bool first = true;
  for (const CommandText& text : *texts) {
    if (Parsed<void> parsed = parse_command(source, text, first, names, commands); !parsed) {
      return std::unexpected(parsed.error());
    }
    first = false;
  }
  return commands;
}

Parsed<void> bind_commands(const Commands& commands, const LookupSource& lookups, FieldNames& names) {
  for (const auto& command : commands) {
    if (Parsed<void> bound = command->bind(lookups, names); !bound) return bound;
  }
  return {};
}

std::vector<std::string> follow_keys(const Commands& commands) {
  std::vector<std::string> keys;
  for (const auto& command : commands) command->follow_keys(keys);
  std::vector<std::string> once;
  for (std::string& key : keys) {
    if (std::ranges::find(once, key) == once.end()) once.push_back(std::move(key));
  }
  return once;
}

// What stats functions gave, by the names it has in the end.
std::vector<std::string> follow_aggregates(const Commands& commands) {
  std::vector<std::string> names;
  for (const auto& command : commands) {
    if (command->aggregation() == nullptr) {
      command->add_results(names);
      if (!command->gives_open_results()) command->follow_keys(names);
      continue;
    }
    std::vector<std::string_view> results;
    command->aggregation()->collect_results(results);
    names.assign(results.begin(), results.end());
    names.emplace_back(kBoundedField);
  }
  return names;
}

std::shared_ptr<const Plan> make_plan(Commands commands, const FieldNeed& needed, SourceText source) {
  auto planned = std::make_shared<Planned>();
  planned->keys = follow_keys(commands);
  planned->aggregates = follow_aggregates(commands);
  planned->open_results =
      std::ranges::any_of(commands, [](const auto& command) { return command->gives_open_results(); });
  planned->source = std::move(source);
  take_conditions(*planned, commands);
  planned->commands = std::move(commands);
  cut(*planned, needed);
  planned->rows_stay = rows_stay(*planned);
  planned->key_filter = find_key_filter(*planned, needed.names());
  return std::make_shared<PlannedSearch>(std::move(planned));
}

Parsed<std::shared_ptr<const Plan>> compile(std::string_view search, const MacroLookup& macros,
                                            FieldNames& names, const LookupSource& lookups) {
  Parsed<SourceText> source = expand_macros(search, macros);
  if (!source) return std::unexpected(source.error());
  Parsed<Commands> commands = parse_commands(*source, {0, source->text().size()}, names);
  if (!commands) return std::unexpected(source->with_macros(std::move(commands).error()));
  if (Parsed<void> bound = bind_commands(*commands, lookups, names); !bound)
    return std::unexpected(source->with_macros(std::move(bound).error()));
  return make_plan(std::move(*commands), FieldNeed(names), std::move(*source));
}

}  // namespace hecate::spl
