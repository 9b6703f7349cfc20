// untable: a row for each cell; xyseries: the other way around.
#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

// `untable x name value`: each other field of a row becomes a row with its name and value.
class UntableCommand final : public Command {
 public:
  UntableCommand(FieldRef x, FieldRef name, FieldRef value) : x_(x), name_(name), value_(value) {}

  std::string canonical() const override {
    return fmt::format("untable {:?} {:?} {:?}", x_.name, name_.name, value_.name);
  }
  void need(FieldNeed& need) const override {
    need.add_all();
    need.add({&x_, 1});
  }
  bool row_by_row() const override { return true; }
  bool gives_open_results() const override { return true; }
  bool keeps_rows(const Names& /*stable*/, const Names& /*growing*/) const override { return false; }
  void follow_keys(std::vector<std::string>& keys) const override {
    keys.assign({std::string(x_.name), std::string(name_.name)});
  }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    Value x = row.get(x_);
    row.flatten(context.arena);
    if (x.is_null()) return;
    for (const Row::Entry& entry : row.entries()) {
      if (entry.name == x_.name || entry.name.starts_with('_') || entry.value.is_null()) continue;
      Row cell;
      cell.set(x_.name, x);
      cell.set(name_.name, Value(entry.name));
      cell.set(value_.name, entry.value);
      next(cell);
    }
  }

 private:
  FieldRef x_;
  FieldRef name_;
  FieldRef value_;
};

struct Series {
  FieldRef x;
  FieldRef name;
  std::vector<FieldRef> values;
  std::string separator = ": ";
  std::string format;  // $AGG$ and $VAL$ filled in
};

std::string column_name(const Series& series, std::string_view name, const FieldRef& value) {
  if (series.values.size() == 1 && series.format.empty()) return std::string(name);
  if (series.format.empty()) return fmt::format("{}{}{}", value.name, series.separator, name);
  std::string column = series.format;
  for (auto [mark, text] :
       {std::pair<std::string_view, std::string_view>("$AGG$", value.name), {"$VAL$", name}}) {
    for (std::size_t at = column.find(mark); at != std::string::npos;
         at = column.find(mark, at + text.size()))
      column.replace(at, mark.size(), text);
  }
  return column;
}

// Rows in the order in which their x first came.
class XyseriesOperator final : public Operator {
 public:
  XyseriesOperator(const Series& series, EvalContext& context, Operator& next)
      : series_(series), context_(context), next_(next), rows_(context) {}

  void take(Row& row, std::string_view group) override {
    Value x = row.get(series_.x);
    Value name = row.get(series_.name);
    if (x.is_null() || name.is_null()) return;
    std::string key(to_text(x, context_.arena));
    auto [place, fresh] = places_.try_emplace(std::move(key), rows_.rows().size());
    if (fresh) {
      Row first;
      first.set(series_.x.name, x);
      rows_.add(first, group);
    }
    HeldRows::Held& held = rows_.rows()[place->second];
    if (held.group != group) held.group = {};
    std::string_view column = to_text(name, context_.arena);
    Row cells;
    std::vector<std::string> names;
    for (const FieldRef& field : series_.values) names.push_back(column_name(series_, column, field));
    for (std::size_t i = 0; i < names.size(); ++i) cells.set(names[i], row.get(series_.values[i]));
    rows_.extend(held, cells);
  }
  void finish() override { rows_.flush(next_); }

 private:
  const Series& series_;
  EvalContext& context_;
  Operator& next_;
  HeldRows rows_;
  absl::flat_hash_map<std::string, std::size_t> places_;
};

class XyseriesCommand final : public Command {
 public:
  explicit XyseriesCommand(Series series) : series_(std::move(series)) {}

  std::string canonical() const override { return fmt::format("xyseries {:?}", series_.x.name); }
  void need(FieldNeed& need) const override {
    need.clear();
    need.add({&series_.x, 1});
    need.add({&series_.name, 1});
    need.add(series_.values);
  }
  bool gives_open_results() const override { return true; }
  bool puts_rows_together() const override { return true; }
  void follow_keys(std::vector<std::string>& keys) const override {
    keys.assign({std::string(series_.x.name)});
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<XyseriesOperator>(series_, context, next);
  }

 private:
  Series series_;
};

Parsed<std::vector<FieldRef>> parse_fields_of(Cursor& cursor, FieldNames& names) {
  Parsed<std::vector<std::string>> list = parse_field_list(cursor);
  if (!list) return std::unexpected(list.error());
  std::vector<FieldRef> fields;
  for (const std::string& name : *list) fields.push_back(names.intern(name));
  return fields;
}

}  // namespace

Parsed<void> parse_untable(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<std::vector<FieldRef>> fields = parse_fields_of(cursor, names);
  if (!fields) return std::unexpected(fields.error());
  if (fields->size() != 3)
    return cursor.error(
        "untable takes three fields: the one that stays, that of the names, that of the values");
  commands.push_back(std::make_unique<UntableCommand>((*fields)[0], (*fields)[1], (*fields)[2]));
  return {};
}

Parsed<void> parse_xyseries(Cursor& cursor, FieldNames& names, Commands& commands) {
  Series series;
  for (;;) {
    if (cursor.try_option("grouped")) {
      // Rows need not stand together here.
      if (Parsed<bool> given = cursor.boolean(); !given) return std::unexpected(given.error());
      continue;
    }
    std::string* into = cursor.try_option("sep")      ? &series.separator
                        : cursor.try_option("format") ? &series.format
                                                      : nullptr;
    if (into == nullptr) break;
    Parsed<std::string> given = cursor.value();
    if (!given) return std::unexpected(given.error());
    *into = std::move(*given);
  }
  Parsed<std::vector<FieldRef>> fields = parse_fields_of(cursor, names);
  if (!fields) return std::unexpected(fields.error());
  if (fields->size() < 3)
    return cursor.error(
        "xyseries takes three fields: the one that stays, that of the names, that of the values");
  series.x = (*fields)[0];
  series.name = (*fields)[1];
  series.values.assign(fields->begin() + 2, fields->end());
  commands.push_back(std::make_unique<XyseriesCommand>(std::move(series)));
  return {};
}

}  // namespace hecate::spl
