// lookup: fields of the rows of a lookup that match a row's own.
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/lookup.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

// Values of one row that are looked up: the combinations of its fields' values.
constexpr std::size_t kMostValues = 10'000;
// In place of a row's number: the default.
constexpr std::uint32_t kDefault = 0xFFFFFFFF;

// A field of the lookup, and the one of the search that it goes with.
struct FieldPair {
  std::string lookup_field;
  FieldRef field;
  Position position;
};

enum class Output {
  all,          // no clause: every field that is not matched
  overwrite,    // OUTPUT
  only_absent,  // OUTPUTNEW
};

struct LookupArguments {
  std::string name;
  Position position;
  std::vector<FieldPair> inputs;
  std::vector<FieldPair> outputs;
  Output output = Output::all;
};

class LookupCommand final : public Command {
 public:
  explicit LookupCommand(LookupArguments arguments) : arguments_(std::move(arguments)) {
    for (const FieldPair& input : arguments_.inputs) input_names_.push_back(input.lookup_field);
  }

  Parsed<void> bind(const LookupSource& lookups, FieldNames& names) override;
  std::string canonical() const override;
  // What a row without a match, or with nothing to look up, has stays: so what is needed behind is needed
  // before.
  void need(FieldNeed& need) const override {
    for (const FieldPair& input : arguments_.inputs) need.add({&input.field, 1});
  }
  bool row_by_row() const override { return true; }
  bool may_set(std::string_view name) const override {
    return std::ranges::any_of(arguments_.outputs,
                               [&](const FieldPair& output) { return output.field.name == name; });
  }
  bool depends_on_search() const override { return lookup_->written() != nullptr; }
  bool keeps_rows(const Names& /*stable*/, const Names& /*growing*/) const override {
    return lookup_->written() == nullptr;
  }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    look_up(row, context, index_ != nullptr ? index_ : lookup_->index(input_names_));
    next(row);
  }

 private:
  struct Found {
    std::vector<std::uint32_t> rows;
    std::vector<std::uint32_t> of_one;
    std::vector<std::string_view> texts;
  };

  Parsed<void> check_field(const FieldPair& pair, const LookupTable& table) const;
  void look_up(Row& row, EvalContext& context, const std::shared_ptr<const LookupIndex>& index) const;
  void find(std::size_t input, std::span<const Value> values, const LookupIndex* index, EvalContext& context,
            Found& found) const;
  [[nodiscard]] Value value_of(const Found& found, const FieldPair& output, const LookupTable& table,
                               EvalContext& context) const;

  LookupArguments arguments_;
  std::vector<std::string> input_names_;
  std::shared_ptr<const Lookup> lookup_;
  std::shared_ptr<const LookupTable> table_;  // of one that stays: what the outputs' values lie in
  std::shared_ptr<const LookupIndex> index_;  // null for a table that is written
};

Parsed<void> LookupCommand::check_field(const FieldPair& pair, const LookupTable& table) const {
  if (table.column(pair.lookup_field)) return {};
  std::vector<std::string_view> known(table.fields().begin(), table.fields().end());
  std::string_view near = nearest(pair.lookup_field, known);
  return std::unexpected(
      Diagnostic{pair.position,
                 fmt::format("the lookup {} has no field \"{}\"{}; its fields are {}", arguments_.name,
                             pair.lookup_field, near.empty() ? "" : fmt::format(": did you mean {}?", near),
                             fmt::join(known, ", "))});
}

Parsed<void> LookupCommand::bind(const LookupSource& lookups, FieldNames& names) {
  Result<std::shared_ptr<const Lookup>> found = find_lookup(lookups, arguments_.name);
  if (!found) return std::unexpected(Diagnostic{arguments_.position, found.error().message});
  lookup_ = std::move(*found);
  std::shared_ptr<const LookupTable> table = lookup_->table();
  if (arguments_.output == Output::all) {
    for (const std::string& field : table->fields()) {
      if (std::ranges::find(input_names_, field) == input_names_.end())
        arguments_.outputs.push_back({field, names.intern(field), arguments_.position});
    }
  }
  if (lookup_->written() != nullptr) return {};
  for (const std::vector<FieldPair>* pairs : {&arguments_.inputs, &arguments_.outputs}) {
    for (const FieldPair& pair : *pairs)
      if (Parsed<void> known = check_field(pair, *table); !known) return known;
  }
  index_ = lookup_->index(input_names_);
  return {};
}

std::string LookupCommand::canonical() const {
  std::string text = fmt::format("lookup {:016x} {} ", lookup_->written() ? 0 : lookup_->table()->hash(),
                                 lookup_->rules().canonical());
  for (const FieldPair& input : arguments_.inputs)
    text += fmt::format(" {:?}={:?}", input.lookup_field, input.field.name);
  text += arguments_.output == Output::only_absent ? " new" : " all";
  for (const FieldPair& output : arguments_.outputs)
    text += fmt::format(" {:?}={:?}", output.lookup_field, output.field.name);
  return text;
}

// A row without one of the fields has nothing to look up: it stays as it is.
void LookupCommand::look_up(Row& row, EvalContext& context,
                            const std::shared_ptr<const LookupIndex>& index) const {
  thread_local std::vector<Value> values;
  thread_local Found found;
  values.clear();
  for (const FieldPair& input : arguments_.inputs) {
    values.push_back(row.get(input.field));
    if (values.back().is_null()) return;
  }
  bool only_absent = arguments_.output == Output::only_absent;
  auto is_kept = [&](const FieldPair& output) { return only_absent && !row.get(output.field).is_null(); };
  if (std::ranges::all_of(arguments_.outputs, is_kept)) return;
  found.rows.clear();
  found.texts.assign(values.size(), {});
  find(0, values, index.get(), context, found);
  for (const FieldPair& output : arguments_.outputs) {
    if (is_kept(output)) continue;
    row.set(output.field.name, index == nullptr ? value_of(found, output, *lookup_->table(), context)
                                                : value_of(found, output, index->table(), context));
  }
}

// The values of the fields from `input` on, each with each.
void LookupCommand::find(std::size_t input, std::span<const Value> values, const LookupIndex* index,
                         EvalContext& context, Found& found) const {
  const LookupRules& rules = lookup_->rules();
  if (input < values.size()) {
    for (const Value& value : values[input].each()) {
      found.texts[input] = to_text(value, context.arena);
      find(input + 1, values, index, context, found);
    }
    return;
  }
  if (found.rows.size() >= kMostValues) {
    ++context.rows_cut;
    return;
  }
  found.of_one.clear();
  if (index != nullptr) index->find(found.texts, rules.max_matches, found.of_one);
  found.of_one.resize(std::max(found.of_one.size(), rules.min_matches), kDefault);
  found.rows.insert(found.rows.end(), found.of_one.begin(), found.of_one.end());
}

// One row gives its cell as it lies in the table; several make a list.
Value LookupCommand::value_of(const Found& found, const FieldPair& output, const LookupTable& table,
                              EvalContext& context) const {
  std::optional<std::size_t> column = table.column(output.lookup_field);
  auto text_of = [&](std::uint32_t row) -> std::string_view {
    if (row == kDefault) return lookup_->rules().default_match;
    return column ? table.cell(row, *column) : std::string_view();
  };
  if (found.rows.empty()) return {};
  if (found.rows.size() == 1) {
    std::string_view text = text_of(found.rows[0]);
    if (text.empty()) return {};
    return lookup_->written() == nullptr ? text : context.arena.copy(text);
  }
  Value* items = context.arena.array<Value>(found.rows.size());
  std::size_t count = 0;
  for (std::uint32_t row : found.rows) {
    std::string_view text = text_of(row);
    if (!text.empty()) items[count++] = lookup_->written() == nullptr ? text : context.arena.copy(text);
  }
  return Value::multi({items, count});
}

// `field AS f, …` up to the end or to OUTPUT or OUTPUTNEW.
Parsed<std::vector<FieldPair>> parse_pairs(Cursor& cursor, FieldNames& names) {
  std::vector<FieldPair> pairs;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    if (cursor.looking_at_keyword("output") || cursor.looking_at_keyword("outputnew")) break;
    Position position = cursor.position();
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    std::string own = *field;
    if (cursor.try_keyword("as")) {
      Parsed<std::string> as = cursor.field();
      if (!as) return std::unexpected(as.error());
      own = std::move(*as);
    }
    pairs.push_back({std::move(*field), names.intern(own), position});
  }
  if (pairs.empty()) return cursor.error("a field of the lookup is missing");
  return pairs;
}

}  // namespace

Result<std::shared_ptr<const Lookup>> find_lookup(const LookupSource& lookups, std::string_view name) {
  if (!lookups) return fail(fmt::format("there is no lookup \"{}\": no lookups are known here", name));
  return lookups(name);
}

Parsed<void> parse_lookup(Cursor& cursor, FieldNames& names, Commands& commands) {
  // How and where Splunk keeps the table.
  while (cursor.try_option("local") || cursor.try_option("update")) {
    if (Parsed<std::string> ignored = cursor.value(); !ignored) return std::unexpected(ignored.error());
  }
  LookupArguments arguments;
  arguments.position = cursor.position();
  Parsed<std::string> name = cursor.field();
  if (!name) return cursor.error("the name of the lookup is missing");
  arguments.name = std::move(*name);
  Parsed<std::vector<FieldPair>> inputs = parse_pairs(cursor, names);
  if (!inputs) return std::unexpected(inputs.error());
  arguments.inputs = std::move(*inputs);
  if (cursor.try_keyword("output"))
    arguments.output = Output::overwrite;
  else if (cursor.try_keyword("outputnew"))
    arguments.output = Output::only_absent;
  if (arguments.output != Output::all) {
    Parsed<std::vector<FieldPair>> outputs = parse_pairs(cursor, names);
    if (!outputs) return std::unexpected(outputs.error());
    arguments.outputs = std::move(*outputs);
  }
  commands.push_back(std::make_unique<LookupCommand>(std::move(arguments)));
  return {};
}

}  // namespace hecate::spl
