// Commands that choose and rename fields: rename, fields, table, and replace, which names them likewise.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

bool any_wildcard(const std::vector<NamePattern>& patterns) {
  return std::ranges::any_of(patterns, [](const NamePattern& pattern) { return pattern.has_wildcard(); });
}

bool any_matches(const std::vector<NamePattern>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const NamePattern& pattern) { return pattern.matches(name); });
}

std::string list_of(const std::vector<NamePattern>& patterns) {
  std::string text;
  for (const NamePattern& pattern : patterns) text += fmt::format(" {:?}", pattern.text());
  return text;
}

Parsed<std::vector<NamePattern>> parse_patterns(Cursor& cursor, FieldNames& names) {
  Parsed<std::vector<std::string>> list = parse_field_list(cursor);
  if (!list) return std::unexpected(list.error());
  std::vector<NamePattern> patterns;
  for (std::string& name : *list) {
    if (!name.contains('*')) names.intern(name);
    patterns.emplace_back(std::move(name));
  }
  return patterns;
}

// One `a AS b`. Of several the first is done first.
class RenameCommand final : public Command {
 public:
  RenameCommand(NamePattern from, NamePattern to, FieldRef field)
      : from_(std::move(from)), to_(std::move(to)), field_(field) {}

  std::string canonical() const override { return fmt::format("rename {:?} {:?}", from_.text(), to_.text()); }
  void need(FieldNeed& need) const override {
    if (!from_.has_wildcard()) {
      need.remove(to_.text());
      need.add(from_.text());
      return;
    }
    std::vector<std::string> sources;
    for (std::string_view name : need.fields()) {
      std::vector<std::string_view> parts;
      if (to_.match(name, parts)) sources.push_back(from_.fill(parts));
    }
    for (const std::string& source : sources) need.add(source);
  }
  bool row_by_row() const override { return true; }
  bool may_set(std::string_view name) const override {
    std::vector<std::string_view> parts;
    return from_.match(name, parts) || to_.match(name, parts);
  }
  // A BY field may only be replaced by another one.
  bool keeps_rows(const Names& stable, const Names& /*growing*/) const override {
    auto is_stable = [&](const std::string& name) { return std::ranges::find(stable, name) != stable.end(); };
    return from_.has_wildcard() || !is_stable(to_.text()) || is_stable(from_.text());
  }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    if (from_.has_wildcard()) {
      rename_all(row, context);
    } else if (from_.text() != to_.text()) {
      rename_one(row, row.get(field_));
    }
    next(row);
  }
  void follow_keys(std::vector<std::string>& keys) const override {
    for (std::string& key : keys) {
      std::vector<std::string_view> parts;
      if (takes(key, parts)) key = to_.fill(parts);
    }
  }

 private:
  // A wildcard at the front does not stand for names that begin with `_`.
  bool takes(std::string_view name, std::vector<std::string_view>& parts) const {
    bool hidden = name.starts_with('_') && !from_.text().starts_with('_');
    return !hidden && from_.match(name, parts);
  }
  // The field keeps its place among the columns. Where it is missing, the other is gone all the same: there
  // is nothing that could stand in it.
  void rename_one(Row& row, Value value) const {
    std::erase_if(row.entries(), [&](const Row::Entry& entry) { return entry.name == to_.text(); });
    auto entry = std::ranges::find(row.entries(), from_.text(), &Row::Entry::name);
    if (entry != row.entries().end()) {
      *entry = {to_.text(), value};
    } else {
      row.set(to_.text(), value);
    }
    if (row.base() != nullptr) row.set(from_.text(), Value());
  }
  void rename_all(Row& row, EvalContext& context) const {
    row.flatten(context.arena);
    std::vector<Row::Entry>& entries = row.entries();
    std::vector<std::string_view> replaced;
    std::vector<std::string_view> parts;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].value.is_null() || !takes(entries[i].name, parts)) continue;
      std::string_view renamed = context.arena.copy(to_.fill(parts));
      for (std::size_t other = 0; other < entries.size(); ++other) {
        if (other != i && entries[other].name == renamed) entries[other].value = Value();
      }
      entries[i].name = renamed;
    }
    std::erase_if(entries, [](const Row::Entry& entry) { return entry.value.is_null(); });
  }

  NamePattern from_;
  NamePattern to_;
  FieldRef field_;
};

// `table a b*`, and `fields a b*`, which keeps the fields whose names begin with `_` as well: those of an
// event are _time and _raw, which the parser adds to the list, others were made by commands.
class KeepCommand final : public Command {
 public:
  KeepCommand(std::vector<NamePattern> patterns, std::vector<FieldRef> fields, bool in_order)
      : patterns_(std::move(patterns)),
        fields_(std::move(fields)),
        in_order_(in_order),
        wildcard_(any_wildcard(patterns_)) {}

  std::string canonical() const override { return (in_order_ ? "table" : "fields") + list_of(patterns_); }
  void need(FieldNeed& need) const override {
    if (wildcard_) {
      need.add_all();
    } else {
      need.clear();
    }
    need.add(fields_);
  }
  std::optional<std::vector<std::string>> only_fields() const override {
    if (wildcard_) return std::nullopt;
    std::vector<std::string> names;
    for (const FieldRef& field : fields_) names.emplace_back(field.name);
    return names;
  }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    Row kept;
    if (wildcard_) {
      row.flatten(context.arena);
      keep_matching(row, kept);
    } else {
      for (const FieldRef& field : fields_) keep(field.name, row.get(field), kept);
    }
    if (!in_order_) keep_internal(row, kept);
    next(kept);
  }

 private:
  static void keep(std::string_view name, const Value& value, Row& kept) {
    if (!value.is_null()) kept.set(name, value);
  }
  void keep_matching(const Row& row, Row& kept) const {
    for (const NamePattern& pattern : patterns_) {
      for (const Row::Entry& entry : row.entries()) {
        // Fields that begin with `_` are only kept where they are meant.
        bool hidden = entry.name.starts_with('_') && !pattern.text().starts_with('_');
        if (!hidden && pattern.matches(entry.name)) keep(entry.name, entry.value, kept);
      }
    }
  }
  void keep_internal(const Row& row, Row& kept) const {
    for (const Row::Entry& entry : row.entries()) {
      if (entry.name.starts_with('_')) keep(entry.name, entry.value, kept);
    }
  }

  std::vector<NamePattern> patterns_;
  std::vector<FieldRef> fields_;
  bool in_order_;
  bool wildcard_;
};

class RemoveCommand final : public Command {
 public:
  explicit RemoveCommand(std::vector<NamePattern> patterns)
      : patterns_(std::move(patterns)), wildcard_(any_wildcard(patterns_)) {}

  std::string canonical() const override { return "fields -" + list_of(patterns_); }
  void need(FieldNeed& need) const override {
    std::vector<std::string> removed;
    for (std::string_view name : need.fields()) {
      if (any_matches(patterns_, name)) removed.emplace_back(name);
    }
    for (const std::string& name : removed) need.remove(name);
  }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    if (wildcard_) row.flatten(context.arena);
    if (row.base() != nullptr) {
      for (const NamePattern& pattern : patterns_) row.set(pattern.text(), Value());
    } else {
      std::erase_if(row.entries(),
                    [&](const Row::Entry& entry) { return any_matches(patterns_, entry.name); });
    }
    next(row);
  }

 private:
  std::vector<NamePattern> patterns_;
  bool wildcard_;
};

// Whole values: `a*` with `b*` puts what the wildcard stood for in the place of the other's.
class ReplaceCommand final : public Command {
 public:
  struct Pair {
    NamePattern from;
    NamePattern to;
  };
  ReplaceCommand(std::vector<Pair> pairs, std::vector<NamePattern> patterns, std::vector<FieldRef> fields)
      : pairs_(std::move(pairs)), patterns_(std::move(patterns)), fields_(std::move(fields)) {}

  std::string canonical() const override {
    std::string text = "replace";
    for (const Pair& pair : pairs_) text += fmt::format(" {:?} {:?}", pair.from.text(), pair.to.text());
    return text + " in" + list_of(patterns_);
  }
  void need(FieldNeed& need) const override { need.add(fields_); }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    if (patterns_.empty() || any_wildcard(patterns_)) {
      row.flatten(context.arena);
      for (Row::Entry& entry : row.entries()) {
        bool named = patterns_.empty() ? !entry.name.starts_with('_') : any_matches(patterns_, entry.name);
        if (named && !entry.value.is_null()) entry.value = replaced(entry.value, context);
      }
    } else {
      for (const FieldRef& field : fields_) {
        Value value = row.get(field);
        if (!value.is_null()) row.set(field.name, replaced(value, context));
      }
    }
    next(row);
  }

 private:
  Value replaced(const Value& value, EvalContext& context) const {
    std::span<const Value> items = value.each();
    Value* results = context.arena.array<Value>(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      results[i] = items[i];
      std::vector<std::string_view> parts;
      for (const Pair& pair : pairs_) {
        if (!pair.from.match(to_text(results[i], context.arena), parts)) continue;
        results[i] = Value(context.arena.copy(pair.to.fill(parts)));
      }
    }
    return Value::multi({results, items.size()});
  }

  std::vector<Pair> pairs_;
  std::vector<NamePattern> patterns_;
  std::vector<FieldRef> fields_;
};

std::vector<FieldRef> plain_fields(const std::vector<NamePattern>& patterns, FieldNames& names) {
  std::vector<FieldRef> fields;
  for (const NamePattern& pattern : patterns) {
    if (!pattern.has_wildcard()) fields.push_back(names.intern(pattern.text()));
  }
  return fields;
}

std::size_t stars(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '*'));
}

}  // namespace

void add_prefix(const std::string& prefix, Commands& commands) {
  commands.push_back(
      std::make_unique<RenameCommand>(NamePattern("*"), NamePattern(prefix + ".*"), FieldRef{}));
}

Parsed<void> parse_rename(Cursor& cursor, FieldNames& names, Commands& commands) {
  if (cursor.at_end()) return cursor.error("rename needs: field AS name");
  do {
    if (cursor.at_end() || cursor.peek() == ',') continue;
    Position place = cursor.position();
    Parsed<std::string> from = cursor.field();
    if (!from) return std::unexpected(from.error());
    if (cursor.peek() == '(') {
      // The name of a result, bare: count(x).
      std::size_t begin = cursor.offset();
      Parsed<Range> range = cursor.parenthesized();
      if (!range) return std::unexpected(range.error());
      *from += cursor.text({begin, range->end + 1});
    }
    if (!cursor.try_keyword("as")) return cursor.error(fmt::format("AS is missing behind {}", *from));
    Parsed<std::string> to = cursor.field();
    if (!to) return std::unexpected(to.error());
    if (stars(*from) != stars(*to)) {
      return std::unexpected(Diagnostic{
          place, fmt::format("rename {} AS {}: both names need the same number of wildcards", *from, *to)});
    }
    FieldRef field = from->contains('*') ? FieldRef{} : names.intern(*from);
    commands.push_back(std::make_unique<RenameCommand>(NamePattern(*from), NamePattern(*to), field));
  } while (cursor.try_char(',') || !cursor.at_end());
  return {};
}

Parsed<void> parse_fields(Cursor& cursor, FieldNames& names, Commands& commands) {
  bool remove = cursor.try_char('-');
  if (!remove) cursor.try_char('+');
  Parsed<std::vector<NamePattern>> patterns = parse_patterns(cursor, names);
  if (!patterns) return std::unexpected(patterns.error());
  if (remove) {
    commands.push_back(std::make_unique<RemoveCommand>(std::move(*patterns)));
    return {};
  }
  for (std::string_view internal : {"_time", "_raw"}) {
    if (!any_matches(*patterns, internal)) patterns->emplace_back(std::string(internal));
  }
  std::vector<FieldRef> fields = plain_fields(*patterns, names);
  commands.push_back(std::make_unique<KeepCommand>(std::move(*patterns), std::move(fields), false));
  return {};
}

Parsed<void> parse_table(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<std::vector<NamePattern>> patterns = parse_patterns(cursor, names);
  if (!patterns) return std::unexpected(patterns.error());
  std::vector<FieldRef> fields = plain_fields(*patterns, names);
  commands.push_back(std::make_unique<KeepCommand>(std::move(*patterns), std::move(fields), true));
  return {};
}

Parsed<void> parse_replace(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::vector<ReplaceCommand::Pair> pairs;
  do {
    Position place = cursor.position();
    Parsed<std::string> from = cursor.value();
    if (!from) return std::unexpected(from.error());
    if (!cursor.try_keyword("with")) return cursor.error(fmt::format("WITH is missing behind {}", *from));
    Parsed<std::string> to = cursor.value();
    if (!to) return std::unexpected(to.error());
    if (stars(*to) > stars(*from)) {
      return std::unexpected(Diagnostic{place, "the replacement has more wildcards than what is replaced"});
    }
    pairs.push_back({NamePattern(std::move(*from)), NamePattern(std::move(*to))});
  } while (cursor.try_char(',') || (!cursor.at_end() && !cursor.looking_at_keyword("in")));
  std::vector<NamePattern> patterns;
  if (cursor.try_keyword("in")) {
    Parsed<std::vector<NamePattern>> list = parse_patterns(cursor, names);
    if (!list) return std::unexpected(list.error());
    patterns = std::move(*list);
  }
  std::vector<FieldRef> fields = plain_fields(patterns, names);
  commands.push_back(
      std::make_unique<ReplaceCommand>(std::move(pairs), std::move(patterns), std::move(fields)));
  return {};
}

}  // namespace hecate::spl
