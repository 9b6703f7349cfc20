// top and rare: stats counts, and this cuts and sorts what it counted.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <optional>

namespace hecate::spl {
namespace {

struct TopOptions {
  bool rare = false;
  std::size_t limit = 10;  // rows a group; 0: all
  bool show_count = true;
  bool show_percent = true;
  std::string count_name = "count";
  std::string percent_name = "percent";
  std::vector<FieldRef> by;
  FieldRef count;
};

class TopOperator final : public Operator {
 public:
  TopOperator(const TopOptions& options, EvalContext& context, Operator& next)
      : options_(options), context_(context), next_(next), rows_(context) {}

  // Rows come sorted by the BY fields first, so that each group's rows stand together.
  void take(Row& row, std::string_view group) override {
    std::string key;
    for (const FieldRef& field : options_.by) append_key_value(to_text(row.get(field), context_.arena), key);
    if (key != key_) emit();
    key_ = std::move(key);
    rows_.add(row, group);
    counts_.push_back(to_number(row.get(options_.count)).value_or(0));
  }
  void finish() override {
    emit();
    next_.finish();
  }

 private:
  void emit() {
    std::vector<std::size_t> order(counts_.size());
    double total = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = i;
      total += counts_[i];
    }
    std::ranges::stable_sort(order, [this](std::size_t a, std::size_t b) {
      return options_.rare ? counts_[a] < counts_[b] : counts_[a] > counts_[b];
    });
    if (options_.limit != 0 && order.size() > options_.limit) order.resize(options_.limit);
    for (std::size_t i : order) {
      HeldRows::Held& held = rows_.rows()[i];
      if (!options_.show_count) held.row.set(options_.count_name, Value());
      if (options_.show_percent) {
        held.row.set(options_.percent_name,
                     Value(context_.arena.copy(fmt::format("{:.6f}", 100 * counts_[i] / total))));
      }
      next_.take(held.row, held.group);
    }
    rows_.clear();
    counts_.clear();
  }

  const TopOptions& options_;
  EvalContext& context_;
  Operator& next_;
  HeldRows rows_;
  std::vector<double> counts_;
  std::string key_;
};

class TopCommand final : public Command {
 public:
  explicit TopCommand(TopOptions options) : options_(std::move(options)) {}

  std::string canonical() const override {
    return fmt::format("top {} {} {} {} {:?} {:?} {}", options_.rare, options_.limit, options_.show_count,
                       options_.show_percent, options_.count_name, options_.percent_name, options_.by.size());
  }
  void need(FieldNeed& need) const override {
    need.add(options_.by);
    need.add({&options_.count, 1});
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<TopOperator>(options_, context, next);
  }

 private:
  TopOptions options_;
};

// Reads one option; false when none is next.
Parsed<bool> parse_top_option(Cursor& cursor, TopOptions& options) {
  Position place = cursor.position();
  if (cursor.try_option("limit")) {
    Parsed<long> limit = parse_count(cursor, 0);
    if (!limit) return std::unexpected(limit.error());
    options.limit = static_cast<std::size_t>(*limit);
    return true;
  }
  for (auto [name, flag] :
       {std::pair("showcount", &TopOptions::show_count), {"showperc", &TopOptions::show_percent}}) {
    if (!cursor.try_option(name)) continue;
    Parsed<bool> given = cursor.boolean();
    if (!given) return std::unexpected(given.error());
    options.*flag = *given;
    return true;
  }
  for (auto [name, text] :
       {std::pair("countfield", &TopOptions::count_name), {"percentfield", &TopOptions::percent_name}}) {
    if (!cursor.try_option(name)) continue;
    Parsed<std::string> given = cursor.value();
    if (!given) return std::unexpected(given.error());
    options.*text = std::move(*given);
    return true;
  }
  if (std::optional<std::string_view> other = cursor.try_option()) {
    return std::unexpected(Diagnostic{place, fmt::format("{}= of top and rare is not supported", *other)});
  }
  return false;
}

Parsed<void> parse_top_or_rare(Cursor& cursor, bool rare, FieldNames& names, Commands& commands) {
  TopOptions options;
  options.rare = rare;
  Cursor ahead = cursor;
  std::string_view word = ahead.word();
  if (!word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos) {
    Parsed<long> limit = parse_count(cursor, 0);
    if (!limit) return std::unexpected(limit.error());
    options.limit = static_cast<std::size_t>(*limit);
  }
  std::vector<FieldRef> fields;
  std::vector<FieldRef>* list = &fields;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    Parsed<bool> option = parse_top_option(cursor, options);
    if (!option) return std::unexpected(option.error());
    if (*option) continue;
    if (list == &fields && cursor.try_keyword("by")) {
      list = &options.by;
      continue;
    }
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    list->push_back(names.intern(*field));
  }
  if (fields.empty()) return cursor.error("a field is missing");
  options.count = names.intern(options.count_name);
  std::vector<FieldRef> all = options.by;
  all.insert(all.end(), fields.begin(), fields.end());
  add_counts(all, options.count_name, names, commands);
  commands.push_back(std::make_unique<TopCommand>(std::move(options)));
  return {};
}

}  // namespace

Parsed<void> parse_top(Cursor& cursor, FieldNames& names, Commands& commands) {
  return parse_top_or_rare(cursor, false, names, commands);
}

Parsed<void> parse_rare(Cursor& cursor, FieldNames& names, Commands& commands) {
  return parse_top_or_rare(cursor, true, names, commands);
}

}  // namespace hecate::spl
