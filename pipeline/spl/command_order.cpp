// Commands that see rows in their order: sort, dedup, head, tail, reverse.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

namespace hecate::spl {
namespace {

struct SortField {
  enum class As { automatic, number, text };
  FieldRef field;
  bool descending = false;
  As as = As::automatic;
};

struct SortKey {
  bool missing = true;
  std::optional<double> number;
  std::string text;
};

SortKey sort_key(const SortField& by, const Row& row) {
  SortKey key;
  Value value = row.get(by.field);
  if (value.is_null()) return key;
  if (by.as != SortField::As::text) key.number = to_number(value);
  if (by.as == SortField::As::number && !key.number) return key;
  key.missing = false;
  append_text(value, key.text);
  return key;
}

// Numbers by size and before texts, texts by their bytes.
int compare(const SortKey& a, const SortKey& b) {
  if (a.number && b.number) return *a.number < *b.number ? -1 : *a.number > *b.number ? 1 : 0;
  if (a.number.has_value() != b.number.has_value()) return a.number ? -1 : 1;
  return a.text.compare(b.text);
}

class SortOperator final : public Operator {
 public:
  SortOperator(const std::vector<SortField>& fields, std::size_t limit, EvalContext& context, Operator& next)
      : fields_(fields), limit_(limit), next_(next), rows_(context) {}

  void take(Row& row, std::string_view group) override {
    rows_.add(row, group);
    std::vector<SortKey>& keys = keys_.emplace_back();
    for (const SortField& field : fields_) keys.push_back(sort_key(field, row));
  }
  void finish() override {
    std::vector<std::size_t> order(keys_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order,
                             [this](std::size_t a, std::size_t b) { return before(keys_[a], keys_[b]); });
    if (limit_ != 0 && order.size() > limit_) order.resize(limit_);
    for (std::size_t i : order) next_.take(rows_.rows()[i].row, rows_.rows()[i].group);
    next_.finish();
  }

 private:
  // Rows without the field come last, whichever way it is sorted.
  bool before(const std::vector<SortKey>& a, const std::vector<SortKey>& b) const {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (a[i].missing != b[i].missing) return b[i].missing;
      if (a[i].missing) continue;
      int order = compare(a[i], b[i]);
      if (order != 0) return fields_[i].descending ? order > 0 : order < 0;
    }
    return false;
  }

  const std::vector<SortField>& fields_;
  std::size_t limit_;
  Operator& next_;
  HeldRows rows_;
  std::vector<std::vector<SortKey>> keys_;
};

class SortCommand final : public Command {
 public:
  SortCommand(std::vector<SortField> fields, std::size_t limit) : fields_(std::move(fields)), limit_(limit) {}

  std::string canonical() const override {
    std::string text = fmt::format("sort {}", limit_);
    for (const SortField& field : fields_) {
      text += fmt::format(" {}{}{:?}", field.descending ? "-" : "+", static_cast<int>(field.as),
                          field.field.name);
    }
    return text;
  }
  void need(FieldNeed& need) const override {
    for (const SortField& field : fields_) need.add({&field.field, 1});
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<SortOperator>(fields_, limit_, context, next);
  }

 private:
  std::vector<SortField> fields_;
  std::size_t limit_;
};

struct DedupOptions {
  std::size_t most = 1;
  bool keep_empty = false;   // rows without the fields pass
  bool keep_events = false;  // repeated rows pass without the fields
  bool consecutive = false;  // only rows behind one another count as repeated
};

class DedupOperator final : public Operator {
 public:
  DedupOperator(const std::vector<FieldRef>& fields, const DedupOptions& options, EvalContext& context,
                Operator& next)
      : fields_(fields), options_(options), context_(context), next_(next) {}

  void take(Row& row, std::string_view group) override {
    std::optional<std::string> key = key_of(row);
    if (!key) {
      if (options_.keep_empty) next_.take(row, group);
      return;
    }
    if (options_.consecutive && *key != before_) seen_.clear();
    if (options_.consecutive) before_ = *key;
    std::size_t bytes = key->size() + sizeof(std::string);
    auto [seen, fresh] = seen_.try_emplace(std::move(*key));
    if (fresh) context_.held_bytes += bytes;
    if (++seen->second <= options_.most) {
      next_.take(row, group);
    } else if (options_.keep_events) {
      for (const FieldRef& field : fields_) row.set(field.name, Value());
      next_.take(row, group);
    }
  }
  void finish() override { next_.finish(); }

 private:
  std::optional<std::string> key_of(const Row& row) const {
    std::string key;
    std::string text;
    for (const FieldRef& field : fields_) {
      Value value = row.get(field);
      if (value.is_null()) return std::nullopt;
      text.clear();
      append_text(value, text);
      append_key_value(text, key);
    }
    return key;
  }

  const std::vector<FieldRef>& fields_;
  const DedupOptions& options_;
  EvalContext& context_;
  Operator& next_;
  std::map<std::string, std::size_t> seen_;
  std::string before_;
};

class DedupCommand final : public Command {
 public:
  DedupCommand(std::vector<FieldRef> fields, DedupOptions options)
      : fields_(std::move(fields)), options_(options) {}

  std::string canonical() const override {
    std::string text = fmt::format("dedup {} {} {} {}", options_.most, options_.keep_empty,
                                   options_.keep_events, options_.consecutive);
    for (const FieldRef& field : fields_) text += fmt::format(" {:?}", field.name);
    return text;
  }
  void need(FieldNeed& need) const override { need.add(fields_); }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<DedupOperator>(fields_, options_, context, next);
  }

 private:
  std::vector<FieldRef> fields_;
  DedupOptions options_;
};

class HeadOperator final : public Operator {
 public:
  HeadOperator(std::size_t most, Operator& next) : left_(most), next_(next) {}
  void take(Row& row, std::string_view group) override {
    if (left_ == 0) return;
    --left_;
    next_.take(row, group);
  }
  void finish() override { next_.finish(); }

 private:
  std::size_t left_;
  Operator& next_;
};

// tail and reverse: the last rows (all of them for reverse), the last one first.
class TailOperator final : public Operator {
 public:
  TailOperator(std::optional<std::size_t> most, EvalContext& context, Operator& next)
      : most_(most), context_(context), next_(next) {}
  void take(Row& row, std::string_view group) override {
    HeldRows& held = rows_.emplace_back(context_);
    held.add(row, group);
    if (most_ && rows_.size() > *most_) rows_.pop_front();
  }
  void finish() override {
    for (auto held = rows_.rbegin(); held != rows_.rend(); ++held) {
      next_.take(held->rows()[0].row, held->rows()[0].group);
    }
    next_.finish();
  }

 private:
  std::optional<std::size_t> most_;
  EvalContext& context_;
  Operator& next_;
  std::deque<HeldRows> rows_;  // each in memory of its own, so that those passed over give theirs back
};

class CutCommand final : public Command {
 public:
  enum class Part { head, tail, reverse };
  CutCommand(Part part, std::size_t most) : part_(part), most_(most) {}

  std::string canonical() const override { return fmt::format("cut {} {}", static_cast<int>(part_), most_); }
  void need(FieldNeed& /*need*/) const override {}
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    if (part_ == Part::head) return std::make_unique<HeadOperator>(most_, next);
    return std::make_unique<TailOperator>(part_ == Part::tail ? std::optional(most_) : std::nullopt, context,
                                          next);
  }

 private:
  Part part_;
  std::size_t most_;
};

// `field`, auto(field), num(field) or str(field).
Parsed<SortField> parse_sort_field(Cursor& cursor, bool descending, FieldNames& names) {
  SortField by;
  by.descending = descending;
  Position place = cursor.position();
  Parsed<std::string> name = cursor.field();
  if (!name) return std::unexpected(name.error());
  if (cursor.looking_at("(")) {
    if (*name == "num") {
      by.as = SortField::As::number;
    } else if (*name == "str") {
      by.as = SortField::As::text;
    } else if (*name != "auto") {
      return std::unexpected(
          Diagnostic{place, fmt::format("sort by {}(…) is not supported; auto, num, str are", *name)});
    }
    Parsed<Range> range = cursor.parenthesized();
    if (!range) return std::unexpected(range.error());
    Cursor inside(cursor.source(), *range);
    name = inside.field();
    if (!name) return std::unexpected(name.error());
  }
  by.field = names.intern(*name);
  return by;
}

// A sign goes with the field behind it. What follows the fields (`desc`, `d`) turns them all around.
Parsed<std::vector<SortField>> parse_sort_fields(Cursor& cursor, FieldNames& names) {
  std::vector<SortField> fields;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    Cursor ahead = cursor;
    bool turned = (ahead.try_keyword("desc") || ahead.try_keyword("d")) && ahead.at_end() && !fields.empty();
    if (turned) {
      cursor = ahead;
      for (SortField& field : fields) field.descending = !field.descending;
      break;
    }
    bool descending = cursor.try_char('-');
    if (!descending) cursor.try_char('+');
    Parsed<SortField> field = parse_sort_field(cursor, descending, names);
    if (!field) return std::unexpected(field.error());
    fields.push_back(*field);
  }
  if (fields.empty()) return cursor.error("sort needs a field");
  return fields;
}

// A number by itself at the front: `sort 0 x`, `head 5`.
std::optional<std::size_t> leading_count(Cursor& cursor) {
  Cursor ahead = cursor;
  std::string_view word = ahead.word();
  if (word.empty() || word.find_first_not_of("0123456789") != std::string_view::npos || ahead.peek() == '=') {
    return std::nullopt;
  }
  std::optional<double> number = to_number(word);
  if (!number) return std::nullopt;
  cursor = ahead;
  return static_cast<std::size_t>(*number);
}

Parsed<std::size_t> parse_limit(Cursor& cursor, std::size_t usual) {
  if (std::optional<std::size_t> count = leading_count(cursor)) return *count;
  if (!cursor.try_option("limit")) return usual;
  Parsed<long> given = parse_count(cursor, 0);
  if (!given) return std::unexpected(given.error());
  return static_cast<std::size_t>(*given);
}

// Reads one option of dedup; false when none is next.
Parsed<bool> parse_dedup_option(Cursor& cursor, DedupOptions& options) {
  bool* flag = nullptr;
  if (cursor.try_option("keepempty")) flag = &options.keep_empty;
  if (flag == nullptr && cursor.try_option("keepevents")) flag = &options.keep_events;
  if (flag == nullptr && cursor.try_option("consecutive")) flag = &options.consecutive;
  if (flag == nullptr) return false;
  Parsed<bool> given = cursor.boolean();
  if (!given) return std::unexpected(given.error());
  *flag = *given;
  return true;
}

}  // namespace

Parsed<void> parse_sort(Cursor& cursor, FieldNames& names, Commands& commands) {
  constexpr std::size_t kUsual = 10'000;
  Parsed<std::size_t> limit = parse_limit(cursor, kUsual);
  if (!limit) return std::unexpected(limit.error());
  Parsed<std::vector<SortField>> fields = parse_sort_fields(cursor, names);
  if (!fields) return std::unexpected(fields.error());
  commands.push_back(std::make_unique<SortCommand>(std::move(*fields), *limit));
  return {};
}

Parsed<void> parse_dedup(Cursor& cursor, FieldNames& names, Commands& commands) {
  DedupOptions options;
  Position place = cursor.position();
  options.most = leading_count(cursor).value_or(1);
  if (options.most == 0) return std::unexpected(Diagnostic{place, "dedup 0 would keep no row"});
  std::vector<FieldRef> fields;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    if (cursor.try_keyword("sortby")) {
      Parsed<std::vector<SortField>> order = parse_sort_fields(cursor, names);
      if (!order) return std::unexpected(order.error());
      commands.push_back(std::make_unique<SortCommand>(std::move(*order), 0));
      break;
    }
    Parsed<bool> option = parse_dedup_option(cursor, options);
    if (!option) return std::unexpected(option.error());
    if (*option) continue;
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    fields.push_back(names.intern(*field));
  }
  if (fields.empty()) return cursor.error("dedup needs a field");
  commands.push_back(std::make_unique<DedupCommand>(std::move(fields), options));
  return {};
}

Parsed<void> parse_head(Cursor& cursor, FieldNames& /*names*/, Commands& commands) {
  if (cursor.looking_at("(") || cursor.looking_at_keyword("null") || cursor.looking_at_keyword("keeplast")) {
    return cursor.error("head with a condition is not supported");
  }
  Parsed<std::size_t> most = parse_limit(cursor, 10);
  if (!most) return std::unexpected(most.error());
  commands.push_back(std::make_unique<CutCommand>(CutCommand::Part::head, *most));
  return {};
}

Parsed<void> parse_tail(Cursor& cursor, FieldNames& /*names*/, Commands& commands) {
  Parsed<std::size_t> most = parse_limit(cursor, 10);
  if (!most) return std::unexpected(most.error());
  commands.push_back(std::make_unique<CutCommand>(CutCommand::Part::tail, *most));
  return {};
}

Parsed<void> parse_reverse(Cursor& /*cursor*/, FieldNames& /*names*/, Commands& commands) {
  commands.push_back(std::make_unique<CutCommand>(CutCommand::Part::reverse, 0));
  return {};
}

}  // namespace hecate::spl
