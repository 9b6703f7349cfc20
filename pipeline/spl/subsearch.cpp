#include "pipeline/spl/subsearch.h"

#include "fmt/format.h"
#include "pipeline/spl/planned.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

bool is_whole_condition(std::string_view field) {
  return field == "search" || field == "query";
}

Condition of_kind(Condition::Kind kind, std::vector<Condition> children) {
  if (children.size() == 1) return std::move(children[0]);
  Condition condition;
  condition.kind = children.empty() ? Condition::Kind::never : kind;
  condition.children = std::move(children);
  return condition;
}

Condition is_value(std::string_view field, const Value& value, FieldNames& names) {
  Condition condition;
  condition.kind = Condition::Kind::equal;
  condition.field = names.intern(field);
  std::string text;
  append_text(value, text);
  condition.pattern = Pattern(text);
  return condition;
}

Parsed<Condition> condition_of_text(std::string_view text, FieldNames& names) {
  if (text == kNoRows) return of_kind(Condition::Kind::any_of, {});
  SourceText source;
  source.append(text, {}, false);
  return parse_condition(source, 0, text.size(), names);
}

Parsed<Condition> condition_of_row(const Row& row, FieldNames& names) {
  std::vector<Condition> fields;
  for (const Row::Entry& entry : row.entries()) {
    if (entry.name.starts_with('_')) continue;
    std::vector<Condition> values;
    for (const Value& value : entry.value.each()) {
      if (!is_whole_condition(entry.name)) {
        values.push_back(is_value(entry.name, value, names));
        continue;
      }
      std::string text;
      append_text(value, text);
      Parsed<Condition> read = condition_of_text(text, names);
      if (!read) return read;
      values.push_back(std::move(*read));
    }
    fields.push_back(of_kind(Condition::Kind::any_of, std::move(values)));
  }
  return of_kind(Condition::Kind::all_of, std::move(fields));
}

// Many values of one field are told apart faster, and are more for the prefilter to go by, as one list.
bool is_list_of_values(const std::vector<Condition>& rows) {
  return rows.size() > 1 && std::ranges::all_of(rows, [&](const Condition& row) {
           return row.kind == Condition::Kind::equal && row.field.id == rows[0].field.id;
         });
}

}  // namespace

Parsed<Condition> condition_of(std::span<const HeldRows::Held> rows, FieldNames& names) {
  std::vector<Condition> conditions;
  for (const HeldRows::Held& held : rows) {
    Parsed<Condition> row = condition_of_row(held.row, names);
    if (!row) return row;
    if (row->kind != Condition::Kind::never) conditions.push_back(std::move(*row));
  }
  if (!is_list_of_values(conditions)) return of_kind(Condition::Kind::any_of, std::move(conditions));
  Condition list;
  list.kind = Condition::Kind::in;
  list.field = conditions[0].field;
  for (Condition& each : conditions) list.patterns.push_back(std::move(each.pattern));
  return list;
}

bool has_subsearch(const Condition& condition) {
  return condition.kind == Condition::Kind::subsearch ||
         std::ranges::any_of(condition.children, has_subsearch);
}

void collect_subsearches(const Condition& condition, std::vector<std::shared_ptr<Subsearch>>& found) {
  if (condition.kind == Condition::Kind::subsearch) found.push_back(condition.subsearch);
  for (const Condition& child : condition.children) collect_subsearches(child, found);
}

Parsed<std::shared_ptr<Subsearch>> Subsearch::parse(const SourceText& source, Range range, FieldNames& names,
                                                    std::size_t most) {
  Parsed<Commands> commands = parse_commands(source, range, names);
  if (!commands) return std::unexpected(commands.error());
  auto subsearch = std::make_shared<Subsearch>();
  subsearch->commands_ = std::move(*commands);
  subsearch->most_ = most;
  return subsearch;
}

Parsed<void> Subsearch::bind(const LookupSource& lookups, FieldNames& names) {
  if (Parsed<void> bound = bind_commands(commands_, lookups, names); !bound) return bound;
  keys_ = follow_keys(commands_);
  aggregates_ = follow_aggregates(commands_);
  for (const auto& command : commands_) depends_on_search_ |= command->depends_on_search();
  if (!commands_.empty()) fields_ = commands_.back()->only_fields();
  return {};
}

void Subsearch::settle(const FieldNeed& needed) {
  plan_ = make_plan(std::move(commands_), needed);
}

std::optional<Condition> Subsearch::constant_condition(FieldNames& names) const {
  bool reads_events = std::ranges::any_of(
      plan_->scans(), [](const auto& scan) { return scan->condition().kind != Condition::Kind::never; });
  if (reads_events || depends_on_search_) return std::nullopt;
  Arena arena;
  EvalContext context{arena};
  auto nothing = [](const Scan&, GroupVisitor) -> Result<void> { return {}; };
  if (!run(context, nothing) || !context.incomplete.empty()) return std::nullopt;
  Parsed<Condition> condition = condition_of(rows(context)->held.rows(), names);
  return condition ? std::optional(std::move(*condition)) : std::nullopt;
}

Result<void> Subsearch::run(EvalContext& context, GroupReader read) const {
  auto found = std::make_shared<SubsearchRows>(context);
  Arena arena;
  EvalContext own{.arena = arena, .now = context.now, .earliest = context.earliest, .latest = context.latest};
  own.held_most = context.held_most - std::min(context.held_most, context.held_bytes);
  bool cut = false;
  Result<void> done = spl::run(*plan_, own, read, [&](const ResultRow& result) {
    cut = found->held.rows().size() == most_;
    if (!cut) found->held.add(result.row, {});
  });
  if (!done) return done;
  std::ranges::move(own.written, std::back_inserter(context.written));
  if (!own.incomplete.empty()) context.incomplete = std::move(own.incomplete);
  if (cut) context.incomplete = fmt::format("a subsearch found more than the {} rows it may have", most_);
  if (condition_) {
    Parsed<Condition> condition = condition_of(found->held.rows(), found->names);
    if (condition) found->condition = std::move(*condition);
    if (!condition)
      context.incomplete = "a subsearch gave what is no condition: " + condition.error().message;
  }
  context.subsearches.emplace_back(this, std::move(found));
  return {};
}

SubsearchRows* Subsearch::rows(const EvalContext& context) const {
  auto found = std::ranges::find(context.subsearches, this, [](const auto& each) { return each.first; });
  return found == context.subsearches.end() ? nullptr : found->second.get();
}

}  // namespace hecate::spl
