// join: rows put together with those of a subsearch that have the same values.
#include "absl/container/flat_hash_map.h"
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/subsearch.h"
#include "pipeline/spl/values.h"

#include <algorithm>

namespace hecate::spl {
namespace {

struct JoinOptions {
  bool keep_unmatched = false;  // type=left, type=outer
  bool overwrite = true;        // a field of both is the subsearch's
  std::size_t max = 1;          // rows of the subsearch for one row; 0: all
  std::string left, right;      // what the fields of both sides are prefixed with; empty: they are not
  bool by_time = false;         // usetime: only rows that are not later (or, not earlier) than the row
  bool earlier = true;
};

// The values of `fields` as one text; none where one is missing.
bool join_key(const Row& row, const std::vector<std::string_view>& fields, std::string& key) {
  key.clear();
  std::string text;
  for (std::string_view field : fields) {
    Value value = row.get(field);
    if (value.is_null()) return false;
    text.clear();
    append_text(value, text);
    append_key_value(text, key);
  }
  return true;
}

std::vector<std::string_view> names_of(std::span<const FieldRef> fields) {
  std::vector<std::string_view> names;
  for (const FieldRef& field : fields) names.push_back(field.name);
  return names;
}

class JoinOperator final : public Operator {
 public:
  // `others`: what the fields are called in the subsearch, where they are called otherwise there.
  JoinOperator(const std::vector<FieldRef>& fields, const std::vector<FieldRef>& others,
               const JoinOptions& options, SubsearchRows& found, EvalContext& context, Operator& next)
      : options_(options),
        found_(found.held.rows()),
        fields_(names_of(fields)),
        others_(names_of(others)),
        context_(context),
        next_(next),
        rows_(context) {
    if (!fields_.empty()) index();
  }
  ~JoinOperator() override { context_.held_bytes -= bytes_; }

  // Without fields those that both sides have are compared, which is not known before all rows are here.
  void take(Row& row, std::string_view group) override {
    fields_.empty() ? static_cast<void>(rows_.add(row, group)) : match(row, group);
  }
  void finish() override {
    if (!rows_.rows().empty()) {
      find_common_fields();
      index();
      for (HeldRows::Held& held : rows_.rows()) match(held.row, held.group);
    }
    next_.finish();
  }

 private:
  void find_common_fields() {
    auto has = [](const std::vector<HeldRows::Held>& rows, std::string_view name) {
      return std::ranges::any_of(rows, [&](const auto& held) { return !held.row.get(name).is_null(); });
    };
    for (const HeldRows::Held& held : found_) {
      for (const Row::Entry& entry : held.row.entries()) {
        if (entry.name.starts_with('_') || std::ranges::find(fields_, entry.name) != fields_.end()) continue;
        if (has(rows_.rows(), entry.name)) fields_.push_back(entry.name);
      }
    }
    others_ = fields_;
  }
  // Rows of the subsearch that no row could tell apart by more than `max` are left out at once.
  void index() {
    if (fields_.empty()) return;
    std::string key;
    for (const HeldRows::Held& held : found_) {
      if (!join_key(held.row, others_, key)) continue;
      auto [place, fresh] = by_key_.try_emplace(key);
      if (fresh) bytes_ += sizeof(*place) + key.size();
      bool enough = !options_.by_time && options_.max != 0 && place->second.size() >= options_.max;
      if (enough) continue;
      place->second.push_back(&held.row);
      bytes_ += sizeof(const Row*);
    }
    context_.held_bytes += bytes_;
  }
  void match(Row& row, std::string_view group) {
    std::size_t matched = 0;
    if (!fields_.empty() && join_key(row, fields_, key_)) {
      auto found = by_key_.find(key_);
      for (std::size_t i = 0; found != by_key_.end() && i < found->second.size(); ++i) {
        const Row& other = *found->second[i];
        if (options_.by_time && !is_in_time(row, other)) continue;
        Row joined = row;
        add_fields(other, joined);
        next_.take(joined, group);
        if (++matched == options_.max) break;
      }
    }
    if (matched == 0 && options_.keep_unmatched) next_.take(row, group);
  }
  [[nodiscard]] bool is_in_time(const Row& row, const Row& other) const {
    std::optional<double> time = to_number(row.get("_time"));
    std::optional<double> others = to_number(other.get("_time"));
    if (!time || !others) return false;
    return options_.earlier ? *others <= *time : *others >= *time;
  }
  void add_fields(const Row& other, Row& joined) const {
    for (const Row::Entry& entry : other.entries()) {
      bool compared = std::ranges::find(fields_, entry.name) != fields_.end();
      bool prefixed = !options_.left.empty();  // but for those that begin with `_`
      bool keeps_own = compared || !options_.overwrite || prefixed;
      if (!keeps_own || joined.get(entry.name).is_null()) joined.set(entry.name, entry.value);
    }
  }

  const JoinOptions& options_;
  const std::vector<HeldRows::Held>& found_;
  std::vector<std::string_view> fields_;  // compared
  std::vector<std::string_view> others_;  // with these of the subsearch
  EvalContext& context_;
  Operator& next_;
  HeldRows rows_;  // while fields_ is not known
  absl::flat_hash_map<std::string, std::vector<const Row*>> by_key_;
  std::size_t bytes_ = 0;
  std::string key_;
};

class JoinCommand final : public Command {
 public:
  JoinCommand(std::vector<FieldRef> fields, std::vector<FieldRef> others, JoinOptions options, FieldRef time,
              std::shared_ptr<Subsearch> subsearch)
      : fields_(std::move(fields)),
        others_(std::move(others)),
        options_(std::move(options)),
        time_(time),
        subsearch_(std::move(subsearch)) {}

  Parsed<void> bind(const LookupSource& lookups, FieldNames& names) override {
    return subsearch_->bind(lookups, names);
  }
  // No part of a scan: what it gives depends on the window.
  std::string canonical() const override { return "join"; }
  bool depends_on_search() const override { return true; }
  void settle(const FieldNeed& after) override {
    FieldNeed needed = after;
    need(needed);
    needed.add(others_);
    subsearch_->settle(needed);
  }
  void need(FieldNeed& need) const override {
    if (fields_.empty()) need.add_all();
    need.add(fields_);
    if (options_.by_time) need.add({&time_, 1});
  }
  bool keeps_rows(const Names& /*stable*/, const Names& /*growing*/) const override { return false; }
  void follow_keys(std::vector<std::string>& keys) const override {
    if (options_.max != 1) keys.insert(keys.end(), subsearch_->keys().begin(), subsearch_->keys().end());
  }
  void add_results(std::vector<std::string>& names) const override {
    names.insert(names.end(), subsearch_->aggregates().begin(), subsearch_->aggregates().end());
  }
  void subsearches(std::vector<const Subsearch*>& found) const override { found.push_back(subsearch_.get()); }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<JoinOperator>(fields_, others_, options_, *subsearch_->rows(context), context,
                                          next);
  }

 private:
  std::vector<FieldRef> fields_, others_;
  JoinOptions options_;
  FieldRef time_;
  std::shared_ptr<Subsearch> subsearch_;
};

Parsed<void> parse_type(Cursor& cursor, JoinOptions& options) {
  Position place = cursor.position();
  Parsed<std::string> type = cursor.value();
  if (!type) return std::unexpected(type.error());
  options.keep_unmatched = *type == "left" || *type == "outer";
  if (options.keep_unmatched || *type == "inner") return {};
  return std::unexpected(
      Diagnostic{place, fmt::format("join has no type \"{}\": inner, left and outer (the same)", *type)});
}

template <typename T, typename Read>
Parsed<void> take_option(Read read, T& into) {
  if (!read) return std::unexpected(read.error());
  into = static_cast<T>(*read);
  return {};
}

// What stands at the cursor: an option, which is read, or not.
Parsed<bool> parse_join_option(Cursor& cursor, JoinOptions& options) {
  Position place = cursor.position();
  std::optional<std::string_view> name = cursor.try_option();
  if (!name) return false;
  Parsed<void> read;
  if (*name == "type") {
    read = parse_type(cursor, options);
  } else if (*name == "max") {
    read = take_option(parse_count(cursor, 0), options.max);
  } else if (*name == "overwrite") {
    read = take_option(cursor.boolean(), options.overwrite);
  } else if (*name == "usetime") {
    read = take_option(cursor.boolean(), options.by_time);
  } else if (*name == "earlier") {
    read = take_option(cursor.boolean(), options.earlier);
  } else if (*name == "left" || *name == "right") {
    Parsed<std::string> alias = cursor.value();
    if (!alias) return std::unexpected(alias.error());
    (*name == "left" ? options.left : options.right) = std::move(*alias);
  } else {
    read = std::unexpected(Diagnostic{place, fmt::format("join has no option \"{}\"", *name)});
  }
  if (!read) return std::unexpected(read.error());
  return true;
}

// `L.a = R.b`, either side first, of these fields' names.
Parsed<void> parse_pair(Cursor& cursor, const JoinOptions& options, FieldNames& names,
                        std::vector<FieldRef>& fields, std::vector<FieldRef>& others) {
  Position place = cursor.position();
  Parsed<std::string> first = cursor.field();
  if (!first) return std::unexpected(first.error());
  if (!cursor.try_char('=')) return cursor.error(fmt::format("= is missing behind {}", *first));
  cursor.try_char('=');
  Parsed<std::string> second = cursor.field();
  if (!second) return std::unexpected(second.error());
  if (first->starts_with(options.right + ".")) std::swap(*first, *second);
  if (!first->starts_with(options.left + ".") || !second->starts_with(options.right + "."))
    return std::unexpected(Diagnostic{
        place, fmt::format("the where clause of join compares a field of each side: {0}.a = {1}.b, with the "
                           "names that left= and right= give",
                           options.left, options.right)});
  fields.push_back(names.intern(*first));
  others.push_back(names.intern(*second));
  return {};
}

// Behind `where`, up to the subsearch.
Parsed<void> parse_join_where(Cursor& cursor, const JoinOptions& options, FieldNames& names,
                              std::vector<FieldRef>& fields, std::vector<FieldRef>& others) {
  if (options.left.empty() || options.right.empty() || !fields.empty())
    return cursor.error(
        "join … where is for both sides named: join left=L right=R where L.a = R.b [search …]");
  do {
    if (Parsed<void> pair = parse_pair(cursor, options, names, fields, others); !pair) return pair;
  } while (cursor.try_keyword("and"));
  if (cursor.at_end() || cursor.peek() == '[') return {};
  return cursor.error(
      "the where clause of join has comparisons of fields with AND between, and then the subsearch");
}

}  // namespace

Parsed<void> parse_join(Cursor& cursor, FieldNames& names, Commands& commands) {
  JoinOptions options;
  std::vector<FieldRef> fields, others;
  while (!cursor.at_end() && cursor.peek() != '[') {
    if (cursor.try_char(',')) continue;
    if (cursor.try_keyword("where")) {
      if (Parsed<void> where = parse_join_where(cursor, options, names, fields, others); !where) return where;
      continue;
    }
    Parsed<bool> option = parse_join_option(cursor, options);
    if (!option) return std::unexpected(option.error());
    if (*option) continue;
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    fields.push_back(names.intern(*field));
  }
  if (cursor.at_end()) return cursor.error("join needs a subsearch in brackets behind its fields");
  bool aliases = !options.left.empty() || !options.right.empty();
  if (aliases && others.empty())
    return cursor.error(
        "left= and right= need a where clause: join left=L right=R where L.a = R.b [search …]");
  Parsed<Range> inside = cursor.bracketed();
  if (!inside) return std::unexpected(inside.error());
  Parsed<std::shared_ptr<Subsearch>> subsearch =
      Subsearch::parse(cursor.source(), *inside, names, Subsearch::kMostJoined);
  if (!subsearch) return std::unexpected(subsearch.error());
  if (aliases) {
    add_prefix(options.left, commands);
    (*subsearch)->prefix_fields(options.right);
  } else {
    others = fields;
  }
  commands.push_back(std::make_unique<JoinCommand>(std::move(fields), std::move(others), std::move(options),
                                                   names.intern("_time"), std::move(*subsearch)));
  return {};
}

}  // namespace hecate::spl
