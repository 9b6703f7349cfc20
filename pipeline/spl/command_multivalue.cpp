// Commands for fields of several values: makemv, mvexpand, mvcombine, nomv.
#include "fmt/format.h"
#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/plan.h"
#include "pipeline/spl/regex.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <map>

namespace hecate::spl {
namespace {

class MakemvCommand final : public Command {
 public:
  MakemvCommand(FieldRef field, std::string delimiter, std::shared_ptr<const Regex> tokenizer,
                bool allow_empty)
      : field_(field),
        delimiter_(std::move(delimiter)),
        tokenizer_(std::move(tokenizer)),
        allow_empty_(allow_empty) {}

  std::string canonical() const override {
    return fmt::format("makemv {:?} {:?} {:?} {}", field_.name, delimiter_,
                       tokenizer_ ? tokenizer_->text() : "", allow_empty_);
  }
  void need(FieldNeed& need) const override { need.add({&field_, 1}); }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    std::vector<Value> parts;
    Value value = row.get(field_);
    for (const Value& item : value.each()) {
      std::string_view text = to_text(item, context.arena);
      tokenizer_ ? take_tokens(text, parts) : split(text, parts);
    }
    if (!parts.empty()) row.set(field_.name, copy_value(Value::multi(parts), context.arena));
    next(row);
  }

 private:
  void split(std::string_view text, std::vector<Value>& parts) const {
    for (;;) {
      std::size_t found = text.find(delimiter_);
      std::string_view part = text.substr(0, found);
      if (!part.empty() || allow_empty_) parts.emplace_back(part);
      if (found == std::string_view::npos) return;
      text.remove_prefix(found + delimiter_.size());
    }
  }
  // Each token is the first group of a match, or the whole match where the expression has none.
  void take_tokens(std::string_view text, std::vector<Value>& parts) const {
    std::vector<std::string_view> groups;
    for (std::size_t start = 0; start <= text.size() && tokenizer_->find(text, start, groups);) {
      std::string_view token = groups.size() > 1 && groups[1].data() != nullptr ? groups[1] : groups[0];
      if (!token.empty() || allow_empty_) parts.emplace_back(token);
      auto end = static_cast<std::size_t>(groups[0].data() + groups[0].size() - text.data());
      start = groups[0].empty() ? end + 1 : end;
    }
  }

  FieldRef field_;
  std::string delimiter_;
  std::shared_ptr<const Regex> tokenizer_;
  bool allow_empty_;
};

// A row without the field passes as it is.
class MvexpandCommand final : public Command {
 public:
  MvexpandCommand(FieldRef field, std::size_t limit) : field_(field), limit_(limit) {}

  std::string canonical() const override { return fmt::format("mvexpand {:?} {}", field_.name, limit_); }
  void need(FieldNeed& need) const override { need.add({&field_, 1}); }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& /*context*/, RowStep next) const override {
    Value value = row.get(field_);
    if (!value.is_multi()) {
      next(row);
      return;
    }
    std::size_t left = limit_ == 0 ? value.items().size() : limit_;
    for (const Value& item : value.items()) {
      if (left-- == 0) return;
      Row copy = row;
      copy.set(field_.name, item);
      next(copy);
    }
  }

 private:
  FieldRef field_;
  std::size_t limit_;
};

class NomvCommand final : public Command {
 public:
  explicit NomvCommand(FieldRef field) : field_(field) {}

  std::string canonical() const override { return fmt::format("nomv {:?}", field_.name); }
  void need(FieldNeed& need) const override { need.add({&field_, 1}); }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    Value value = row.get(field_);
    if (value.is_multi()) row.set(field_.name, Value(to_text(value, context.arena)));
    next(row);
  }

 private:
  FieldRef field_;
};

// Rows whose other fields are all the same become one, at the place of the first.
class MvcombineOperator final : public Operator {
 public:
  MvcombineOperator(FieldRef field, EvalContext& context, Operator& next)
      : field_(field), next_(next), rows_(context) {}
  void take(Row& row, std::string_view group) override {
    Row others = row;
    others.set(field_.name, Value());
    std::ranges::sort(others.entries(), {}, &Row::Entry::name);
    std::string key;
    encode_row(others, key);
    auto [place, fresh] = places_.try_emplace(std::move(key), rows_.rows().size());
    HeldRows::Held& held = fresh ? rows_.add(row, group) : rows_.rows()[place->second];
    if (fresh) {
      values_.emplace_back();
    } else {
      held.group = {};
    }
    Value value = row.get(field_);
    for (const Value& item : value.each()) values_[place->second].push_back(copy_value(item, arena_));
  }
  void finish() override {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (!values_[i].empty()) rows_.rows()[i].row.set(field_.name, Value::multi(values_[i]));
    }
    rows_.flush(next_);
  }

 private:
  FieldRef field_;
  Operator& next_;
  Arena arena_;
  HeldRows rows_;
  std::vector<std::vector<Value>> values_;
  std::map<std::string, std::size_t> places_;
};

class MvcombineCommand final : public Command {
 public:
  explicit MvcombineCommand(FieldRef field) : field_(field) {}

  std::string canonical() const override { return fmt::format("mvcombine {:?}", field_.name); }
  // All fields tell rows apart.
  void need(FieldNeed& need) const override {
    need.add_all();
    need.add({&field_, 1});
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<MvcombineOperator>(field_, context, next);
  }

 private:
  FieldRef field_;
};

Parsed<FieldRef> parse_one_field(Cursor& cursor, FieldNames& names) {
  Parsed<std::string> field = cursor.field();
  if (!field) return std::unexpected(field.error());
  return names.intern(*field);
}

}  // namespace

Parsed<void> parse_makemv(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::string delimiter = " ";
  std::shared_ptr<const Regex> tokenizer;
  bool allow_empty = false;
  for (;;) {
    if (cursor.try_option("delim")) {
      Parsed<std::string> given = cursor.value();
      if (!given) return std::unexpected(given.error());
      if (given->empty()) return cursor.error("delim is empty: nothing can be split by it");
      delimiter = std::move(*given);
    } else if (cursor.try_option("tokenizer")) {
      Position place = cursor.position();
      Parsed<std::string> pattern = cursor.value();
      if (!pattern) return std::unexpected(pattern.error());
      Result<std::shared_ptr<const Regex>> regex = Regex::compile(*pattern);
      if (!regex) return std::unexpected(Diagnostic{place, regex.error().message});
      tokenizer = std::move(*regex);
    } else if (cursor.try_option("allowempty")) {
      Parsed<bool> given = cursor.boolean();
      if (!given) return std::unexpected(given.error());
      allow_empty = *given;
    } else {
      break;
    }
  }
  Parsed<FieldRef> field = parse_one_field(cursor, names);
  if (!field) return std::unexpected(field.error());
  commands.push_back(
      std::make_unique<MakemvCommand>(*field, std::move(delimiter), std::move(tokenizer), allow_empty));
  return {};
}

Parsed<void> parse_mvexpand(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<FieldRef> field = parse_one_field(cursor, names);
  if (!field) return std::unexpected(field.error());
  std::size_t limit = 0;
  if (cursor.try_option("limit")) {
    Parsed<long> given = parse_count(cursor, 0);
    if (!given) return std::unexpected(given.error());
    limit = static_cast<std::size_t>(*given);
  }
  commands.push_back(std::make_unique<MvexpandCommand>(*field, limit));
  return {};
}

Parsed<void> parse_mvcombine(Cursor& cursor, FieldNames& names, Commands& commands) {
  // The delimiter only shows where several values are printed as one text, which results never are.
  if (cursor.try_option("delim")) {
    if (Parsed<std::string> given = cursor.value(); !given) return std::unexpected(given.error());
  }
  Parsed<FieldRef> field = parse_one_field(cursor, names);
  if (!field) return std::unexpected(field.error());
  commands.push_back(std::make_unique<MvcombineCommand>(*field));
  return {};
}

Parsed<void> parse_nomv(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<FieldRef> field = parse_one_field(cursor, names);
  if (!field) return std::unexpected(field.error());
  commands.push_back(std::make_unique<NomvCommand>(*field));
  return {};
}

}  // namespace hecate::spl
