// format and return: rows as one condition, for the search around a subsearch.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

// What stands around and between rows, fields and values.
struct FormatTexts {
  // Row prefix, column prefix, column separator, column end, row separator, row end.
  std::array<std::string, 6> texts{"(", "(", "AND", ")", "OR", ")"};
  std::string between_values = "OR";
  std::string when_empty{kNoRows};
  std::size_t max_rows = 0;  // 0: all
};

void append_equal(std::string_view field, const Value& value, std::string& out) {
  out += field;
  out += '=';
  std::string text;
  append_text(value, text);
  append_quoted('"', text, out);
}

void append_field(const Row::Entry& entry, const FormatTexts& format, std::string& out) {
  if (!entry.value.is_multi()) {
    append_equal(entry.name, entry.value, out);
    return;
  }
  out += "( ";
  bool first = true;
  for (const Value& value : entry.value.each()) {
    if (!std::exchange(first, false)) out += fmt::format(" {} ", format.between_values);
    append_equal(entry.name, value, out);
  }
  out += " )";
}

// One row that holds the condition in its field `search`.
class FormatOperator final : public Operator {
 public:
  FormatOperator(const FormatTexts& format, EvalContext& context, Operator& next)
      : format_(format), context_(context), next_(next) {}

  void take(Row& row, std::string_view /*group*/) override {
    if (format_.max_rows != 0 && rows_ >= format_.max_rows) return;
    std::string fields;
    for (const Row::Entry& entry : row.entries()) {
      if (entry.value.is_null() || entry.name.starts_with('_')) continue;
      if (!fields.empty()) fields += fmt::format(" {} ", format_.texts[2]);
      append_field(entry, format_, fields);
    }
    if (fields.empty()) return;
    if (rows_++ > 0) text_ += fmt::format(" {} ", format_.texts[4]);
    text_ += fmt::format("{} {} {}", format_.texts[1], fields, format_.texts[3]);
  }
  void finish() override {
    text_ =
        rows_ == 0 ? format_.when_empty : fmt::format("{} {} {}", format_.texts[0], text_, format_.texts[5]);
    Row row;
    row.set("search", context_.arena.copy(text_));
    next_.take(row, {});
    next_.finish();
  }

 private:
  const FormatTexts& format_;
  EvalContext& context_;
  Operator& next_;
  std::size_t rows_ = 0;
  std::string text_;
};

class FormatCommand final : public Command {
 public:
  explicit FormatCommand(FormatTexts format) : format_(std::move(format)) {}
  std::string canonical() const override {
    return fmt::format("format {:?} {:?} {:?} {}", fmt::join(format_.texts, "\n"), format_.between_values,
                       format_.when_empty, format_.max_rows);
  }
  void need(FieldNeed& need) const override { need.add_all(); }
  bool puts_rows_together() const override { return true; }
  bool makes_rows() const override { return false; }
  std::optional<std::vector<std::string>> only_fields() const override { return {{"search"}}; }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<FormatOperator>(format_, context, next);
  }

 private:
  FormatTexts format_;
};

// One field of return: `field`, `alias=field`, or `$field`, whose value stands alone.
struct Returned {
  std::string name;
  FieldRef field;
};

class ReturnOperator final : public Operator {
 public:
  ReturnOperator(const std::vector<Returned>& fields, std::size_t most, EvalContext& context, Operator& next)
      : fields_(fields), most_(most), context_(context), next_(next) {}

  void take(Row& row, std::string_view group) override {
    if (taken_++ >= most_) return;
    Row returned;
    for (const Returned& each : fields_) {
      Value value = row.get(each.field);
      if (value.is_null()) continue;
      bool alone = each.name.empty();
      if (alone) value = context_.arena.copy(in_quotes(value));
      returned.set(alone ? std::string_view("search") : std::string_view(each.name), value);
    }
    next_.take(returned, group);
  }
  void finish() override { next_.finish(); }

 private:
  static std::string in_quotes(const Value& value) {
    std::string text;
    std::string quoted;
    append_text(value, text);
    append_quoted('"', text, quoted);
    return quoted;
  }

  const std::vector<Returned>& fields_;
  std::size_t most_;
  EvalContext& context_;
  Operator& next_;
  std::size_t taken_ = 0;
};

class ReturnCommand final : public Command {
 public:
  ReturnCommand(std::vector<Returned> fields, std::size_t most) : fields_(std::move(fields)), most_(most) {}
  std::string canonical() const override {
    std::string text = fmt::format("return {}", most_);
    for (const Returned& each : fields_) text += fmt::format(" {:?}={:?}", each.name, each.field.name);
    return text;
  }
  void need(FieldNeed& need) const override {
    need.clear();
    for (const Returned& each : fields_) need.add({&each.field, 1});
  }
  std::optional<std::vector<std::string>> only_fields() const override {
    std::vector<std::string> names;
    for (const Returned& each : fields_) names.push_back(each.name.empty() ? "search" : each.name);
    return names;
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<ReturnOperator>(fields_, most_, context, next);
  }

 private:
  std::vector<Returned> fields_;
  std::size_t most_;
};

}  // namespace

Parsed<void> parse_format(Cursor& cursor, FieldNames& /*names*/, Commands& commands) {
  FormatTexts format;
  std::size_t texts = 0;
  while (!cursor.at_end()) {
    if (cursor.try_option("mvsep")) {
      Parsed<std::string> value = cursor.value();
      if (!value) return std::unexpected(value.error());
      format.between_values = std::move(*value);
    } else if (cursor.try_option("emptystr")) {
      Parsed<std::string> value = cursor.value();
      if (!value) return std::unexpected(value.error());
      format.when_empty = std::move(*value);
    } else if (cursor.try_option("maxresults")) {
      Parsed<long> most = parse_count(cursor, 0);
      if (!most) return std::unexpected(most.error());
      format.max_rows = static_cast<std::size_t>(*most);
    } else {
      Parsed<std::string> text = cursor.quoted();
      if (!text) return std::unexpected(text.error());
      if (texts == format.texts.size()) return cursor.error("format takes six texts at most");
      format.texts[texts++] = std::move(*text);
    }
  }
  if (texts != 0 && texts != format.texts.size())
    return cursor.error(
        "format takes none or all six of its texts: row prefix, column prefix, column "
        "separator, column end, row separator, row end");
  commands.push_back(std::make_unique<FormatCommand>(std::move(format)));
  return {};
}

Parsed<void> parse_return(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::size_t most = 1;
  Cursor ahead = cursor;
  if (std::optional<double> number = to_number(ahead.word()); number && *number >= 0) {
    most = static_cast<std::size_t>(*number);
    cursor = ahead;
  }
  std::vector<Returned> fields;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    if (cursor.try_char('$')) {
      Parsed<std::string> field = cursor.field();
      if (!field) return std::unexpected(field.error());
      fields.push_back({"", names.intern(*field)});
      continue;
    }
    std::optional<std::string_view> alias = cursor.try_option();
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    FieldRef reference = names.intern(*field);
    fields.push_back({std::string(alias ? *alias : reference.name), reference});
  }
  if (fields.empty()) return cursor.error("return needs the names of fields");
  commands.push_back(std::make_unique<ReturnCommand>(std::move(fields), most));
  return {};
}

}  // namespace hecate::spl
