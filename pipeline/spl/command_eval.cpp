// Commands that make fields out of values: eval, fillnull.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/expression.h"
#include "pipeline/spl/functions_lookup.h"

#include <algorithm>

namespace hecate::spl {
namespace {

class EvalCommand final : public Command {
 public:
  EvalCommand(FieldRef target, Expression expression) : target_(target), expression_(std::move(expression)) {}

  std::string canonical() const override {
    return fmt::format("eval {:?} = {}", target_.name, spl::canonical(expression_));
  }
  void need(FieldNeed& need) const override {
    need.remove(target_.name);
    std::vector<FieldRef> fields;
    collect_fields(expression_, fields);
    need.add(fields);
  }
  bool row_by_row() const override { return true; }
  bool may_set(std::string_view name) const override { return name == target_.name; }
  // Onto a BY field or a count: what follows takes it for stable or growing, and a row is known by its BY
  // values.
  bool keeps_rows(const Names& stable, const Names& growing) const override {
    if (std::ranges::find(growing, target_.name) != growing.end()) return false;
    if (std::ranges::find(stable, target_.name) == stable.end()) return true;
    std::vector<FieldRef> fields;
    collect_fields(expression_, fields);
    return !depends_on_search() && std::ranges::all_of(fields, [&](const FieldRef& field) {
      return std::ranges::find(stable, field.name) != stable.end();
    });
  }
  bool depends_on_search() const override { return depends_on_search_time(expression_); }
  Parsed<void> bind(const LookupSource& lookups, FieldNames& /*names*/) override {
    return bind_lookups(expression_, lookups);
  }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    Value value = evaluate(expression_, row, context);
    if (value.kind() == Value::Kind::boolean) value = Value();
    row.set(target_.name, value);
    next(row);
  }

 private:
  FieldRef target_;
  Expression expression_;
};

bool is_condition(const Expression& expression) {
  using Kind = Expression::Kind;
  switch (expression.kind) {
    case Kind::equal:
    case Kind::not_equal:
    case Kind::less:
    case Kind::less_equal:
    case Kind::greater:
    case Kind::greater_equal:
    case Kind::in:
    case Kind::like:
    case Kind::logical_and:
    case Kind::logical_or:
    case Kind::logical_xor:
    case Kind::logical_not:
      return true;
    default:
      return false;
  }
}

// With a list it fills the fields of the list. Without one: those that the rest of the search names, and,
// where the rest shows all fields, those too that some row has; then it must see all rows first.
class FillnullCommand final : public Command {
 public:
  FillnullCommand(std::string value, std::vector<FieldRef> fields)
      : value_(std::move(value)), fields_(std::move(fields)), bare_(fields_.empty()) {}

  std::string canonical() const override {
    std::string text = fmt::format("fillnull {:?}", value_);
    for (const FieldRef& field : fields_) text += fmt::format(" {:?}", field.name);
    return text;
  }
  void settle(const FieldNeed& after) override {
    if (!bare_) return;
    fields_ = after.references();
    sees_all_ = after.all();
  }
  void need(FieldNeed& need) const override { need.add(fields_); }
  bool row_by_row() const override { return !sees_all_; }
  bool may_set(std::string_view name) const override {
    return std::ranges::find(fields_, name, &FieldRef::name) != fields_.end();
  }
  void each(Row& row, EvalContext& /*context*/, RowStep next) const override {
    fill(row);
    next(row);
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override;

  void fill(Row& row) const {
    for (const FieldRef& field : fields_) {
      if (row.get(field).is_null()) row.set(field.name, text());
    }
  }
  Value text() const { return {std::string_view(value_)}; }

 private:
  std::string value_;
  std::vector<FieldRef> fields_;
  bool bare_;
  bool sees_all_ = false;
};

class FillnullOperator final : public Operator {
 public:
  FillnullOperator(const FillnullCommand& command, EvalContext& context, Operator& next)
      : command_(command), next_(next), rows_(context) {}
  void take(Row& row, std::string_view group) override {
    HeldRows::Held& held = rows_.add(row, group);
    for (const Row::Entry& entry : held.row.entries()) {
      if (seen_.insert(entry.name).second) names_.push_back(entry.name);
    }
  }
  void finish() override {
    for (HeldRows::Held& held : rows_.rows()) {
      command_.fill(held.row);
      for (std::string_view name : names_) {
        if (held.row.get(name).is_null()) held.row.set(name, command_.text());
      }
    }
    rows_.flush(next_);
  }

 private:
  const FillnullCommand& command_;
  Operator& next_;
  HeldRows rows_;
  std::vector<std::string_view> names_;  // in the order in which they were first seen
  absl::flat_hash_set<std::string_view> seen_;
};

std::unique_ptr<Operator> FillnullCommand::start(EvalContext& context, Operator& next) const {
  if (!sees_all_) return Command::start(context, next);
  return std::make_unique<FillnullOperator>(*this, context, next);
}

}  // namespace

Parsed<void> parse_eval(Cursor& cursor, FieldNames& names, Commands& commands) {
  do {
    Position place = cursor.position();
    Parsed<std::string> target = cursor.field();
    if (!target) return std::unexpected(target.error());
    if (target->contains('{')) {
      return std::unexpected(
          Diagnostic{place, "a field whose name is made from values ({…}) is not supported"});
    }
    if (!cursor.try_char('=')) return cursor.error(fmt::format("= is missing behind the field {}", *target));
    Range range = cursor.until(',');
    Parsed<Expression> expression = parse_expression(cursor.source(), range.begin, range.end, names);
    if (!expression) return std::unexpected(expression.error());
    if (is_condition(*expression)) {
      return std::unexpected(Diagnostic{
          place,
          fmt::format("{} would be true or false, which no field can be: use if(…, \"true\", \"false\")",
                      *target)});
    }
    commands.push_back(std::make_unique<EvalCommand>(names.intern(*target), std::move(*expression)));
  } while (cursor.try_char(','));
  return {};
}

Parsed<void> parse_fillnull(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::string value = "0";
  if (cursor.try_option("value")) {
    Parsed<std::string> given = cursor.value();
    if (!given) return std::unexpected(given.error());
    value = std::move(*given);
  }
  std::vector<FieldRef> fields;
  if (!cursor.at_end()) {
    Position place = cursor.position();
    Parsed<std::vector<std::string>> list = parse_field_list(cursor);
    if (!list) return std::unexpected(list.error());
    for (const std::string& field : *list) {
      if (field.contains('*')) {
        return std::unexpected(
            Diagnostic{place, "a wildcard in the list of fillnull is not supported: name each field"});
      }
      fields.push_back(names.intern(field));
    }
  }
  commands.push_back(std::make_unique<FillnullCommand>(std::move(value), std::move(fields)));
  return {};
}

}  // namespace hecate::spl
