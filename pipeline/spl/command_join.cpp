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
  JoinOperator(const std::vector<FieldRef>& fields, const JoinOptions& options, SubsearchRows& found,
               EvalContext& context, Operator& next)
      : options_(options),
        found_(found.held.rows()),
        fields_(names_of(fields)),
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
  }
  // Rows of the subsearch that no row could tell apart by more than `max` are left out at once.
  void index() {
    if (fields_.empty()) return;
    std::string key;
    for (const HeldRows::Held& held : found_) {
      if (!join_key(held.row, fields_, key)) continue;
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
      bool keeps_own = compared || !options_.overwrite;
      if (!keeps_own || joined.get(entry.name).is_null()) joined.set(entry.name, entry.value);
    }
  }

  const JoinOptions& options_;
  const std::vector<HeldRows::Held>& found_;
  std::vector<std::string_view> fields_;  // compared
  EvalContext& context_;
  Operator& next_;
  HeldRows rows_;  // while fields_ is not known
  absl::flat_hash_map<std::string, std::vector<const Row*>> by_key_;
  std::size_t bytes_ = 0;
  std::string key_;
};

class JoinCommand final : public Command {
 public:
  JoinCommand(std::vector<FieldRef> fields, JoinOptions options, FieldRef time,
              std::shared_ptr<Subsearch> subsearch)
      : fields_(std::move(fields)), options_(options), time_(time), subsearch_(std::move(subsearch)) {}

  Parsed<void> bind(const LookupSource& lookups, FieldNames& names) override {
    return subsearch_->bind(lookups, names);
  }
  // No part of a scan: what it gives depends on the window.
  std::string canonical() const override { return "join"; }
  bool depends_on_search() const override { return true; }
  void settle(const FieldNeed& after) override {
    FieldNeed needed = after;
    need(needed);
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
    return std::make_unique<JoinOperator>(fields_, options_, *subsearch_->rows(context), context, next);
  }

 private:
  std::vector<FieldRef> fields_;
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
    read = std::unexpected(Diagnostic{
        place,
        "join with left=, right= and where is not supported; name the fields: join host, process_guid"});
  } else {
    read = std::unexpected(Diagnostic{place, fmt::format("join has no option \"{}\"", *name)});
  }
  if (!read) return std::unexpected(read.error());
  return true;
}

}  // namespace

Parsed<void> parse_join(Cursor& cursor, FieldNames& names, Commands& commands) {
  JoinOptions options;
  std::vector<FieldRef> fields;
  while (!cursor.at_end() && cursor.peek() != '[') {
    if (cursor.try_char(',')) continue;
    Parsed<bool> option = parse_join_option(cursor, options);
    if (!option) return std::unexpected(option.error());
    if (*option) continue;
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    fields.push_back(names.intern(*field));
  }
  if (cursor.at_end()) return cursor.error("join needs a subsearch in brackets behind its fields");
  Parsed<Range> inside = cursor.bracketed();
  if (!inside) return std::unexpected(inside.error());
  Parsed<std::shared_ptr<Subsearch>> subsearch =
      Subsearch::parse(cursor.source(), *inside, names, Subsearch::kMostJoined);
  if (!subsearch) return std::unexpected(subsearch.error());
  commands.push_back(std::make_unique<JoinCommand>(std::move(fields), options, names.intern("_time"),
                                                   std::move(*subsearch)));
  return {};
}

}  // namespace hecate::spl
