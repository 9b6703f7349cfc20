// inputlookup and outputlookup: rows out of a lookup, and into one.
#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/lookup.h"
#include "pipeline/spl/subsearch.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

struct InputArguments {
  std::string name;
  Position position;
  bool append = false;
  std::size_t start = 0;
  std::size_t max = 1'000'000'000;
  Condition where;
};

// Hands its lookup's rows on when no more come in.
class InputLookupOperator final : public Operator {
 public:
  InputLookupOperator(const InputArguments& arguments, std::shared_ptr<const LookupTable> table,
                      EvalContext& context, Operator& next)
      : arguments_(arguments), table_(std::move(table)), context_(context), next_(next) {}

  void take(Row& row, std::string_view group) override { next_.take(row, group); }
  void finish() override {
    std::size_t passed = 0;
    Row row;
    for (std::size_t i = 0; i < table_->rows() && passed < arguments_.start + arguments_.max; ++i) {
      fill(row, i);
      if (matches(arguments_.where, row, context_) && passed++ >= arguments_.start) next_.take(row, "");
    }
    next_.finish();
  }

 private:
  void fill(Row& row, std::size_t number) const {
    row.clear();
    for (std::size_t column = 0; column < table_->fields().size(); ++column) {
      std::string_view cell = table_->cell(number, column);
      if (!cell.empty()) row.set(table_->fields()[column], cell);
    }
  }

  const InputArguments& arguments_;
  std::shared_ptr<const LookupTable> table_;
  EvalContext& context_;
  Operator& next_;
};

class InputLookupCommand final : public Command {
 public:
  explicit InputLookupCommand(InputArguments arguments) : arguments_(std::move(arguments)) {}

  Parsed<void> bind(const LookupSource& lookups, FieldNames& /*names*/) override {
    Result<std::shared_ptr<const Lookup>> found = find_lookup(lookups, arguments_.name);
    if (!found) return std::unexpected(Diagnostic{arguments_.position, found.error().message});
    lookup_ = std::move(*found);
    return {};
  }
  std::string canonical() const override {
    return fmt::format("inputlookup {:?} {:016x} {} {} {} {}", arguments_.name,
                       lookup_->written() ? 0 : lookup_->table()->hash(), arguments_.append, arguments_.start,
                       arguments_.max, spl::canonical(arguments_.where));
  }
  void need(FieldNeed& need) const override {
    if (!arguments_.append) need.clear();
  }
  bool makes_rows() const override { return true; }
  bool depends_on_search() const override { return lookup_->written() != nullptr; }
  bool puts_rows_together() const override { return true; }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<InputLookupOperator>(arguments_, lookup_->table(), context, next);
  }

 private:
  InputArguments arguments_;
  std::shared_ptr<const Lookup> lookup_;
};

Parsed<bool> parse_input_option(Cursor& cursor, InputArguments& arguments) {
  auto take = [&](auto value, auto& into) -> Parsed<bool> {
    if (!value) return std::unexpected(value.error());
    into = *value;
    return true;
  };
  bool ignored = false;
  if (cursor.try_option("append")) return take(cursor.boolean(), arguments.append);
  if (cursor.try_option("strict")) return take(cursor.boolean(), ignored);
  if (cursor.try_option("start")) return take(parse_count(cursor, 0), arguments.start);
  if (cursor.try_option("max")) return take(parse_count(cursor, 0), arguments.max);
  return false;
}

struct OutputArguments {
  std::string name;
  Position position;
  bool append = false;
  bool override_if_empty = true;
  std::size_t max = 50'000;
  std::string key_field;
};

// Gathers what passes, and makes a table of it when no more comes.
class OutputLookupOperator final : public Operator {
 public:
  OutputLookupOperator(const OutputArguments& arguments, const Lookup& lookup, EvalContext& context,
                       Operator& next)
      : arguments_(arguments), lookup_(lookup), context_(context), next_(next) {
    std::shared_ptr<const LookupTable> now = current();
    fields_ = now->fields();
    closed_ = !lookup.declared_fields().empty();
    if (!arguments.append && arguments.key_field.empty()) return;
    for (std::size_t row = 0; row < now->rows(); ++row) {
      std::vector<std::string> cells;
      for (std::size_t column = 0; column < fields_.size(); ++column)
        cells.emplace_back(now->cell(row, column));
      place(std::move(cells));
    }
  }
  ~OutputLookupOperator() override { context_.held_bytes -= bytes_; }

  void take(Row& row, std::string_view group) override {
    if (taken_ < arguments_.max) keep(row);
    ++taken_;
    next_.take(row, group);
  }
  void finish() override {
    bool leave = taken_ == 0 && (arguments_.append || !arguments_.override_if_empty);
    if (!leave) context_.written.emplace_back(lookup_.written(), made());
    next_.finish();
  }

 private:
  // What the search itself has written before goes before what it found.
  std::shared_ptr<const LookupTable> current() const {
    for (auto written = context_.written.rbegin(); written != context_.written.rend(); ++written)
      if (written->first == lookup_.written()) return written->second;
    return lookup_.table();
  }
  void keep(const Row& row) {
    std::vector<std::string> cells(fields_.size());
    for (const Row::Entry& entry : row.entries()) {
      if (entry.value.is_null() || is_internal(entry.name)) continue;
      auto field = std::ranges::find(fields_, entry.name);
      if (field == fields_.end() && closed_) continue;
      auto column = static_cast<std::size_t>(field - fields_.begin());
      if (column == fields_.size()) {
        fields_.emplace_back(entry.name);
        cells.emplace_back();
      }
      append_text(entry.value, cells[column]);
    }
    place(std::move(cells));
  }
  static bool is_internal(std::string_view name) {
    return name.starts_with('_') && name != "_time" && name != "_key";
  }
  // A row whose key is there already takes that one's place.
  void place(std::vector<std::string> cells) {
    std::size_t size = sizeof cells;
    for (const std::string& cell : cells) size += sizeof cell + cell.size();
    bytes_ += size;
    context_.held_bytes += size;
    auto field = std::ranges::find(fields_, arguments_.key_field);
    auto column = static_cast<std::size_t>(field - fields_.begin());
    if (arguments_.key_field.empty() || column >= cells.size() || cells[column].empty()) {
      rows_.push_back(std::move(cells));
      return;
    }
    auto [found, fresh] = by_key_.try_emplace(cells[column], rows_.size());
    if (fresh)
      rows_.push_back(std::move(cells));
    else
      rows_[found->second] = std::move(cells);
  }
  std::shared_ptr<const LookupTable> made() const {
    auto table = std::make_shared<LookupTable>(fields_);
    std::vector<std::string_view> cells;
    for (const std::vector<std::string>& row : rows_) {
      cells.assign(row.begin(), row.end());
      cells.resize(fields_.size());
      table->add(cells);
    }
    return table;
  }

  const OutputArguments& arguments_;
  const Lookup& lookup_;
  EvalContext& context_;
  Operator& next_;
  std::vector<std::string> fields_;
  bool closed_ = false;  // only the fields that its definition names
  std::vector<std::vector<std::string>> rows_;
  absl::flat_hash_map<std::string, std::size_t> by_key_;
  std::size_t taken_ = 0;
  std::size_t bytes_ = 0;
};

class OutputLookupCommand final : public Command {
 public:
  explicit OutputLookupCommand(OutputArguments arguments) : arguments_(std::move(arguments)) {}

  Parsed<void> bind(const LookupSource& lookups, FieldNames& /*names*/) override {
    Result<std::shared_ptr<const Lookup>> found = find_lookup(lookups, arguments_.name);
    if (!found) return std::unexpected(Diagnostic{arguments_.position, found.error().message});
    lookup_ = std::move(*found);
    if (lookup_->written() != nullptr) return {};
    return std::unexpected(Diagnostic{
        arguments_.position,
        fmt::format("the lookup {} is read from a file, and files are not written; a definition of this name "
                    "with `local: true` makes it a table of the local state",
                    arguments_.name)});
  }
  std::string canonical() const override {
    return fmt::format("outputlookup {:?} {} {} {} {:?}", arguments_.name, arguments_.append,
                       arguments_.override_if_empty, arguments_.max, arguments_.key_field);
  }
  void need(FieldNeed& need) const override { need.add_all(); }
  bool depends_on_search() const override { return true; }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<OutputLookupOperator>(arguments_, *lookup_, context, next);
  }

 private:
  OutputArguments arguments_;
  std::shared_ptr<const Lookup> lookup_;
};

// What only says where and how Splunk keeps the table is read and means nothing here.
Parsed<bool> parse_output_option(Cursor& cursor, OutputArguments& arguments) {
  auto take = [&](auto value, auto& into) -> Parsed<bool> {
    if (!value) return std::unexpected(value.error());
    into = std::move(*value);
    return true;
  };
  bool flag = false;
  std::string text;
  if (cursor.try_option("append")) return take(cursor.boolean(), arguments.append);
  if (cursor.try_option("override_if_empty")) return take(cursor.boolean(), arguments.override_if_empty);
  if (cursor.try_option("max")) return take(parse_count(cursor, 1), arguments.max);
  if (cursor.try_option("key_field")) return take(cursor.field(), arguments.key_field);
  for (std::string_view option : {"create_empty", "createinapp", "allow_updates"})
    if (cursor.try_option(option)) return take(cursor.boolean(), flag);
  for (std::string_view option : {"create_context", "output_format"})
    if (cursor.try_option(option)) return take(cursor.value(), text);
  return false;
}

// The lookup's name, with options before and behind it.
template <typename Arguments>
Parsed<void> parse_name(Cursor& cursor, Arguments& arguments, Parsed<bool> (*option)(Cursor&, Arguments&)) {
  while (!cursor.at_end()) {
    Parsed<bool> taken = option(cursor, arguments);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) continue;
    if (!arguments.name.empty()) break;
    arguments.position = cursor.position();
    Parsed<std::string> name = cursor.field();
    if (!name) return std::unexpected(name.error());
    arguments.name = std::move(*name);
  }
  if (arguments.name.empty()) return cursor.error("the name of the lookup is missing");
  return {};
}

}  // namespace

Parsed<void> parse_outputlookup(Cursor& cursor, FieldNames& /*names*/, Commands& commands) {
  OutputArguments arguments;
  if (Parsed<void> named = parse_name(cursor, arguments, parse_output_option); !named) return named;
  commands.push_back(std::make_unique<OutputLookupCommand>(std::move(arguments)));
  return {};
}

Parsed<void> parse_inputlookup(Cursor& cursor, FieldNames& names, Commands& commands) {
  InputArguments arguments;
  if (Parsed<void> named = parse_name(cursor, arguments, parse_input_option); !named) return named;
  if (cursor.try_keyword("where")) {
    Parsed<Condition> where =
        parse_condition(cursor.source(), cursor.range().begin, cursor.range().end, names);
    if (!where) return std::unexpected(where.error());
    if (has_subsearch(*where))
      return std::unexpected(Diagnostic{where->position, "a subsearch is not supported here"});
    arguments.where = std::move(*where);
    cursor.move_to(cursor.end());
  }
  if (!commands.empty() && !arguments.append) {
    return std::unexpected(
        Diagnostic{arguments.position, "inputlookup makes rows: it is the first command, or has append=t"});
  }
  commands.push_back(std::make_unique<InputLookupCommand>(std::move(arguments)));
  return {};
}

}  // namespace hecate::spl
