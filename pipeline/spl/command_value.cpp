// Commands that make one field of others: strcat, rangemap; and fieldformat, which only changes what Splunk
// shows.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/expression.h"
#include "pipeline/spl/functions_lookup.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <optional>

namespace hecate::spl {
namespace {

class StrcatCommand final : public Command {
 public:
  struct Part {
    FieldRef field;
    std::optional<std::string> text;  // instead of a field
  };
  StrcatCommand(std::vector<Part> parts, FieldRef target, bool all_required)
      : parts_(std::move(parts)), target_(target), all_required_(all_required) {}

  std::string canonical() const override {
    std::string text = fmt::format("strcat {} {:?}", all_required_, target_.name);
    for (const Part& part : parts_)
      text += part.text ? fmt::format(" {:?}", *part.text) : fmt::format(" field {:?}", part.field.name);
    return text;
  }
  // Where a field is missing and all are required, the target stays as it was.
  void need(FieldNeed& need) const override {
    if (!all_required_) need.remove(target_.name);
    for (const Part& part : parts_)
      if (!part.text) need.add({&part.field, 1});
  }
  bool row_by_row() const override { return true; }
  bool keeps_rows(const Names& stable, const Names& growing) const override {
    return std::ranges::find(stable, target_.name) == stable.end() &&
           std::ranges::find(growing, target_.name) == growing.end();
  }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    std::string joined;
    bool complete = true;
    for (const Part& part : parts_) {
      Value value = part.text ? Value(std::string_view(*part.text)) : row.get(part.field);
      complete = complete && !value.is_null();
      append_text(value, joined);
    }
    if (complete || !all_required_) row.set(target_.name, Value(context.arena.copy(joined)));
    next(row);
  }

 private:
  std::vector<Part> parts_;
  FieldRef target_;
  bool all_required_;
};

class RangemapCommand final : public Command {
 public:
  struct Range {
    std::string name;
    double from;
    double to;
  };
  RangemapCommand(FieldRef field, std::vector<Range> ranges, std::string otherwise, FieldRef target)
      : field_(field), ranges_(std::move(ranges)), otherwise_(std::move(otherwise)), target_(target) {}

  std::string canonical() const override {
    std::string text = fmt::format("rangemap {:?} {:?}", field_.name, otherwise_);
    for (const Range& range : ranges_) text += fmt::format(" {:?} {} {}", range.name, range.from, range.to);
    return text;
  }
  void need(FieldNeed& need) const override {
    need.remove(target_.name);
    need.add({&field_, 1});
  }
  bool row_by_row() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    std::optional<double> number = to_number(row.get(field_));
    std::vector<Value> names;
    for (const Range& range : ranges_) {
      if (number && *number >= range.from && *number <= range.to)
        names.emplace_back(std::string_view(range.name));
    }
    if (names.empty()) names.emplace_back(std::string_view(otherwise_));
    row.set(target_.name, copy_value(Value::multi(names), context.arena));
    next(row);
  }

 private:
  FieldRef field_;
  std::vector<Range> ranges_;
  std::string otherwise_;
  FieldRef target_;
};

// `0-30`, `-5--1`: the dash between is the first one behind a digit.
std::optional<std::pair<double, double>> parse_range(std::string_view text) {
  std::size_t dash = text.find('-', 1);
  if (dash == std::string_view::npos) return std::nullopt;
  std::optional<double> from = to_number(text.substr(0, dash));
  std::optional<double> to = to_number(text.substr(dash + 1));
  if (!from || !to) return std::nullopt;
  return std::pair(*from, *to);
}

}  // namespace

Parsed<void> parse_strcat(Cursor& cursor, FieldNames& names, Commands& commands) {
  bool all_required = false;
  if (cursor.try_option("allrequired")) {
    Parsed<bool> given = cursor.boolean();
    if (!given) return std::unexpected(given.error());
    all_required = *given;
  }
  std::vector<StrcatCommand::Part> parts;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    if (cursor.peek() == '"') {
      Parsed<std::string> text = cursor.quoted();
      if (!text) return std::unexpected(text.error());
      parts.push_back({{}, std::move(*text)});
    } else {
      Parsed<std::string> field = cursor.field();
      if (!field) return std::unexpected(field.error());
      parts.push_back({names.intern(*field), std::nullopt});
    }
  }
  if (parts.size() < 2 || parts.back().text)
    return cursor.error("strcat takes fields and texts, and then the field that they are put in");
  FieldRef target = parts.back().field;
  parts.pop_back();
  commands.push_back(std::make_unique<StrcatCommand>(std::move(parts), target, all_required));
  return {};
}

Parsed<void> parse_rangemap(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::string field;
  std::string otherwise = "None";
  std::vector<RangemapCommand::Range> ranges;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    Position place = cursor.position();
    std::optional<std::string_view> option = cursor.try_option();
    if (!option) return cursor.error(fmt::format("unexpected {} in rangemap", cursor.next_for_message()));
    Parsed<std::string> value = cursor.field();
    if (!value) return std::unexpected(value.error());
    if (*option == "field") {
      field = std::move(*value);
    } else if (*option == "default") {
      otherwise = std::move(*value);
    } else if (auto range = parse_range(*value)) {
      ranges.push_back({std::string(*option), range->first, range->second});
    } else {
      return std::unexpected(Diagnostic{place, fmt::format("{} is no range of numbers, as 0-30", *value)});
    }
  }
  if (field.empty()) return cursor.error("rangemap needs field=");
  commands.push_back(std::make_unique<RangemapCommand>(names.intern(field), std::move(ranges),
                                                       std::move(otherwise), names.intern("range")));
  return {};
}

// Read and checked; rows keep their values, as they do in what Splunk exports.
Parsed<void> parse_fieldformat(Cursor& cursor, FieldNames& names, Commands& /*commands*/) {
  Parsed<std::string> target = cursor.field();
  if (!target) return std::unexpected(target.error());
  if (!cursor.try_char('=')) return cursor.error(fmt::format("= is missing behind the field {}", *target));
  Range range = cursor.until(',');
  Parsed<Expression> expression =
      without_lookup(parse_expression(cursor.source(), range.begin, range.end, names));
  if (!expression) return std::unexpected(expression.error());
  return {};
}

}  // namespace hecate::spl
