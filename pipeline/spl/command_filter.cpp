// Commands that keep or drop rows: search, where, regex.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/explain.h"
#include "pipeline/spl/expression.h"
#include "pipeline/spl/functions_lookup.h"
#include "pipeline/spl/regex.h"
#include "pipeline/spl/subsearch.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

bool has(const Command::Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// A lower bound of something that grows: `count > 5`.
bool is_lower_bound(const Condition& condition, const Command::Names& growing) {
  bool greater =
      condition.kind == Condition::Kind::greater || condition.kind == Condition::Kind::greater_equal;
  return greater && has(growing, condition.field.name);
}
bool is_lower_bound(const Expression& expression, const Command::Names& growing) {
  bool greater =
      expression.kind == Expression::Kind::greater || expression.kind == Expression::Kind::greater_equal;
  return greater && expression.children[0].kind == Expression::Kind::field &&
         expression.children[1].kind == Expression::Kind::literal &&
         has(growing, expression.children[0].field.name);
}
bool is_conjunction(const Condition& condition) {
  return condition.kind == Condition::Kind::all_of;
}
bool is_conjunction(const Expression& expression) {
  return expression.kind == Expression::Kind::logical_and;
}

// Whether what holds for a row still holds when more events have come.
template <typename Tree>
bool stays_true(const Tree& tree, const Command::Names& stable, const Command::Names& growing) {
  if (is_lower_bound(tree, growing)) return true;
  if (is_conjunction(tree)) {
    return std::ranges::all_of(tree.children,
                               [&](const Tree& child) { return stays_true(child, stable, growing); });
  }
  std::vector<FieldRef> fields;
  collect_fields(tree, fields);
  return std::ranges::all_of(fields, [&](const FieldRef& field) { return has(stable, field.name); });
}

// Puts in what the subsearches have to say that depend on no event.
void put_in_constants(Condition& condition, FieldNames& names) {
  for (Condition& child : condition.children) put_in_constants(child, names);
  if (condition.kind != Condition::Kind::subsearch) return;
  if (std::optional<Condition> constant = condition.subsearch->constant_condition(names)) {
    constant->position = condition.position;
    condition = std::move(*constant);
  }
}

class SearchCommand final : public Command {
 public:
  explicit SearchCommand(Condition condition) : condition_(std::move(condition)) {}

  Parsed<void> bind(const LookupSource& lookups, FieldNames& names) override {
    collect_subsearches(condition_, subsearches_);
    for (const auto& subsearch : subsearches_) {
      if (Parsed<void> bound = subsearch->bind(lookups, names); !bound) return bound;
      subsearch->settle(FieldNeed(names));
    }
    put_in_constants(condition_, names);
    subsearches_.clear();
    collect_subsearches(condition_, subsearches_);
    return {};
  }
  std::string canonical() const override { return "search " + spl::canonical(condition_); }
  void need(FieldNeed& need) const override {
    std::vector<FieldRef> fields;
    collect_fields(condition_, fields);
    need.add(fields);
    for (const auto& subsearch : subsearches_) need_fields(*subsearch, need);
  }
  bool row_by_row() const override { return true; }
  bool may_set(std::string_view) const override { return false; }
  bool only_filters() const override { return true; }
  bool keeps_rows(const Names& stable, const Names& growing) const override {
    return subsearches_.empty() && stays_true(condition_, stable, growing);
  }
  bool depends_on_search() const override { return !subsearches_.empty(); }
  void subsearches(std::vector<const Subsearch*>& found) const override {
    for (const auto& subsearch : subsearches_) found.push_back(subsearch.get());
  }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    if (matches(condition_, row, context)) next(row);
  }
  const Condition* condition() const override { return subsearches_.empty() ? &condition_ : nullptr; }
  std::optional<Clause> explain(const Row& row, EvalContext& context,
                                const SourceText& source) const override {
    return spl::explain(condition_, row, context, source);
  }

 private:
  static void need_fields(const Subsearch& subsearch, FieldNeed& need) {
    const std::optional<std::vector<std::string>>& fields = subsearch.fields();
    if (!fields || has(*fields, "search") || has(*fields, "query")) {
      need.add_all();
    } else {
      for (const std::string& field : *fields) need.add(field);
    }
  }

  Condition condition_;
  std::vector<std::shared_ptr<Subsearch>> subsearches_;
};

class WhereCommand final : public Command {
 public:
  explicit WhereCommand(Expression expression) : expression_(std::move(expression)) {}

  std::string canonical() const override { return "where " + spl::canonical(expression_); }
  void need(FieldNeed& need) const override {
    std::vector<FieldRef> fields;
    collect_fields(expression_, fields);
    need.add(fields);
  }
  Parsed<void> bind(const LookupSource& lookups, FieldNames& /*names*/) override {
    return bind_lookups(expression_, lookups);
  }
  bool row_by_row() const override { return true; }
  bool may_set(std::string_view) const override { return false; }
  bool only_filters() const override { return true; }
  bool keeps_rows(const Names& stable, const Names& growing) const override {
    return stays_true(expression_, stable, growing);
  }
  bool depends_on_search() const override { return depends_on_search_time(expression_); }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    if (evaluate(expression_, row, context).is_true()) next(row);
  }
  std::optional<Clause> explain(const Row& row, EvalContext& context,
                                const SourceText& source) const override {
    return spl::explain(expression_, row, context, source);
  }

 private:
  Expression expression_;
};

class RegexCommand final : public Command {
 public:
  RegexCommand(FieldRef field, std::shared_ptr<const Regex> regex, bool negated)
      : field_(field), regex_(std::move(regex)), negated_(negated) {}

  std::string canonical() const override {
    return fmt::format("regex {:?} {} {:?}", field_.name, negated_ ? "!=" : "=", regex_->text());
  }
  void need(FieldNeed& need) const override { need.add({&field_, 1}); }
  bool row_by_row() const override { return true; }
  bool may_set(std::string_view) const override { return false; }
  bool only_filters() const override { return true; }
  bool keeps_rows(const Names& stable, const Names&) const override {
    return std::ranges::find(stable, field_.name) != stable.end();
  }
  // A row without the field has nothing that could match: it stays only where matches are to go.
  void each(Row& row, EvalContext& context, RowStep next) const override {
    bool found = false;
    Value value = row.get(field_);
    for (const Value& item : value.each()) {
      found = found || regex_->matches(to_text(item, context.arena));
    }
    if (found != negated_) next(row);
  }
  std::optional<Clause> explain(const Row& row, EvalContext& /*context*/,
                                const SourceText& /*source*/) const override {
    Clause clause;
    clause.text = fmt::format("regex {}{}", field_.name, negated_ ? "!=" : "=");
    append_quoted('"', regex_->text(), clause.text);
    bool found = false;
    Value value = row.get(field_);
    FieldTexts& texts = clause.fields.emplace_back(FieldTexts{std::string(field_.name), {}});
    for (const Value& item : value.each()) {
      append_text(item, texts.values.emplace_back());
      found = found || regex_->matches(texts.values.back());
    }
    clause.outcome = found != negated_ ? Clause::Outcome::yes : Clause::Outcome::no;
    return clause;
  }

 private:
  FieldRef field_;
  std::shared_ptr<const Regex> regex_;
  bool negated_;
};

}  // namespace

void add_search(Condition condition, Commands& commands) {
  if (condition.kind == Condition::Kind::all_of) {
    auto first = std::stable_partition(condition.children.begin(), condition.children.end(),
                                       [](const Condition& child) { return !has_subsearch(child); });
    std::vector<Condition> by_subsearch(std::make_move_iterator(first),
                                        std::make_move_iterator(condition.children.end()));
    condition.children.erase(first, condition.children.end());
    if (!condition.children.empty())
      commands.push_back(std::make_unique<SearchCommand>(std::move(condition)));
    for (Condition& each : by_subsearch) commands.push_back(std::make_unique<SearchCommand>(std::move(each)));
  } else if (condition.kind != Condition::Kind::always) {
    commands.push_back(std::make_unique<SearchCommand>(std::move(condition)));
  }
}

Parsed<void> parse_search(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<Condition> condition =
      parse_condition(cursor.source(), cursor.range().begin, cursor.range().end, names);
  if (!condition) return std::unexpected(condition.error());
  cursor.move_to(cursor.end());
  add_search(std::move(*condition), commands);
  return {};
}

Parsed<void> parse_where(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<Expression> expression =
      parse_expression(cursor.source(), cursor.range().begin, cursor.range().end, names);
  if (!expression) return std::unexpected(expression.error());
  cursor.move_to(cursor.end());
  commands.push_back(std::make_unique<WhereCommand>(std::move(*expression)));
  return {};
}

Parsed<void> parse_regex(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::string field = "_raw";
  bool negated = false;
  if (cursor.peek() != '"') {
    // `!` is a character of words: `a!="…"` reads as the word `a!`.
    Parsed<std::string> name = cursor.field();
    if (!name) return std::unexpected(name.error());
    if (name->ends_with('!')) {
      name->pop_back();
      negated = true;
    } else {
      negated = cursor.try_char('!');
    }
    if (!cursor.try_char('='))
      return cursor.error("regex needs field=\"expression\" or field!=\"expression\"");
    field = std::move(*name);
  }
  Position place = cursor.position();
  Parsed<std::string> pattern = cursor.value();
  if (!pattern) return std::unexpected(pattern.error());
  Result<std::shared_ptr<const Regex>> regex = Regex::compile(*pattern);
  if (!regex) return std::unexpected(Diagnostic{place, regex.error().message});
  commands.push_back(std::make_unique<RegexCommand>(names.intern(field), std::move(*regex), negated));
  return {};
}

}  // namespace hecate::spl
