// addtotals and addcoltotals: sums along rows and down columns.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/exact_sum.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <optional>

namespace hecate::spl {
namespace {

struct Totals {
  bool rows = true;      // a sum in each row, in `field`
  bool columns = false;  // a row of sums behind the others
  std::string field = "Total";
  std::string label = "Total";
  std::string label_field;
  std::vector<NamePattern> patterns;  // what is summed; none: every field with numbers
};

// Internal fields are summed only where they are named.
bool is_summed(const Totals& totals, std::string_view name) {
  if (totals.patterns.empty()) return !name.starts_with('_');
  return std::ranges::any_of(totals.patterns,
                             [&](const NamePattern& pattern) { return pattern.matches(name); });
}

class TotalsOperator final : public Operator {
 public:
  TotalsOperator(const Totals& totals, EvalContext& context, Operator& next)
      : totals_(totals), context_(context), next_(next) {}

  void take(Row& row, std::string_view group) override {
    for (const Row::Entry& entry : row.entries()) add(entry);
    next_.take(row, group);
  }
  // A label goes into a field that has no sum.
  void finish() override {
    Row row;
    for (Column& column : columns_)
      if (column.any) row.set(column.name, column.sum.total());
    if (!totals_.label_field.empty() && row.get(std::string_view(totals_.label_field)).is_null())
      row.set(totals_.label_field, Value(std::string_view(totals_.label)));
    if (!row.entries().empty()) next_.take(row, "");
    next_.finish();
  }

 private:
  struct Column {
    std::string name;
    ExactSum sum;
    bool any = false;
  };

  void add(const Row::Entry& entry) {
    if (entry.value.is_null() || !(is_summed(totals_, entry.name) || entry.name == totals_.field)) return;
    auto column = std::ranges::find(columns_, entry.name, &Column::name);
    if (column == columns_.end()) {
      columns_.push_back({std::string(entry.name), {}});
      column = columns_.end() - 1;
      context_.held_bytes += sizeof(Column) + entry.name.size();
    }
    for (const Value& item : entry.value.each()) {
      std::optional<double> number = to_number(item);
      if (number) column->sum.add(*number);
      column->any = column->any || number;
    }
  }

  const Totals& totals_;
  EvalContext& context_;
  Operator& next_;
  std::vector<Column> columns_;
};

class RowTotalCommand final : public Command {
 public:
  explicit RowTotalCommand(Totals totals) : totals_(std::move(totals)) {}

  std::string canonical() const override {
    std::string text = fmt::format("addtotals {:?}", totals_.field);
    for (const NamePattern& pattern : totals_.patterns) text += fmt::format(" {:?}", pattern.text());
    return text;
  }
  void need(FieldNeed& need) const override {
    need.remove(totals_.field);
    bool any = totals_.patterns.empty();
    for (const NamePattern& pattern : totals_.patterns) {
      any = any || pattern.has_wildcard();
      if (!pattern.has_wildcard()) need.add(pattern.text());
    }
    if (any) need.add_all();
  }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    row.flatten(context.arena);
    ExactSum sum;
    bool any = false;
    for (const Row::Entry& entry : row.entries()) {
      if (!is_summed(totals_, entry.name)) continue;
      for (const Value& item : entry.value.each()) {
        std::optional<double> number = to_number(item);
        if (number) sum.add(*number);
        any = any || number;
      }
    }
    row.set(totals_.field, any ? Value(sum.total()) : Value(0.0));
    next(row);
  }

 private:
  Totals totals_;
};

class ColumnTotalsCommand final : public Command {
 public:
  explicit ColumnTotalsCommand(Totals totals) : totals_(std::move(totals)) {}

  std::string canonical() const override { return "addcoltotals"; }
  void need(FieldNeed& need) const override {
    for (const NamePattern& pattern : totals_.patterns) {
      if (pattern.has_wildcard()) need.add_all();
      if (!pattern.has_wildcard()) need.add(pattern.text());
    }
    if (totals_.patterns.empty()) need.add_all();
  }
  bool puts_rows_together() const override { return true; }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<TotalsOperator>(totals_, context, next);
  }

 private:
  Totals totals_;
};

Parsed<bool> parse_option(Cursor& cursor, Totals& totals) {
  for (auto [name, flag] : {std::pair("row", &Totals::rows), {"col", &Totals::columns}}) {
    if (!cursor.try_option(name)) continue;
    Parsed<bool> given = cursor.boolean();
    if (!given) return std::unexpected(given.error());
    totals.*flag = *given;
    return true;
  }
  for (auto [name, text] : {std::pair("fieldname", &Totals::field),
                            {"labelfield", &Totals::label_field},
                            {"label", &Totals::label}}) {
    if (!cursor.try_option(name)) continue;
    Parsed<std::string> given = cursor.field();
    if (!given) return std::unexpected(given.error());
    totals.*text = std::move(*given);
    return true;
  }
  return false;
}

Parsed<void> parse_totals(Cursor& cursor, Totals totals, Commands& commands) {
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    Parsed<bool> option = parse_option(cursor, totals);
    if (!option) return std::unexpected(option.error());
    if (*option) continue;
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    totals.patterns.emplace_back(std::move(*field));
  }
  if (totals.rows) commands.push_back(std::make_unique<RowTotalCommand>(totals));
  if (totals.columns) commands.push_back(std::make_unique<ColumnTotalsCommand>(totals));
  return {};
}

}  // namespace

Parsed<void> parse_addtotals(Cursor& cursor, FieldNames& /*names*/, Commands& commands) {
  return parse_totals(cursor, {}, commands);
}

Parsed<void> parse_addcoltotals(Cursor& cursor, FieldNames& /*names*/, Commands& commands) {
  Totals totals;
  totals.rows = false;
  totals.columns = true;
  return parse_totals(cursor, std::move(totals), commands);
}

}  // namespace hecate::spl
