// Commands about time and steps: bin (bucket), addinfo.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/span.h"
#include "pipeline/spl/values.h"

#include <cmath>

namespace hecate::spl {
namespace {

// _time is floored to the span in UTC; any other number becomes the text `from-to` of its step.
class BinCommand final : public Command {
 public:
  BinCommand(FieldRef from, FieldRef to, Time span, double step)
      : from_(from), to_(to), span_(span), step_(step) {}

  std::string canonical() const override {
    return fmt::format("bin {:?} {:?} {} {}", from_.name, to_.name, span_, step_);
  }
  void need(FieldNeed& need) const override {
    if (to_.name != from_.name) need.remove(to_.name);
    need.add({&from_, 1});
  }
  bool row_by_row() const override { return true; }
  // Without a span it is the window that decides.
  bool depends_on_search() const override { return span_ == 0 && step_ == 0; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    if (std::optional<double> number = to_number(row.get(from_)))
      row.set(to_.name, floored(*number, context));
    next(row);
  }

 private:
  Value floored(double number, EvalContext& context) const {
    if (step_ == 0) {
      Time span = span_ != 0 ? span_ : automatic_span(context.latest - context.earliest);
      auto time = static_cast<Time>(std::llround(number * kSecond));
      return static_cast<double>(floor_to(time, span)) / kSecond;
    }
    double from = std::floor(number / step_) * step_;
    return {context.arena.copy(number_to_text(from) + "-" + number_to_text(from + step_))};
  }

  FieldRef from_;
  FieldRef to_;
  Time span_;    // of _time; 0: automatic
  double step_;  // of other fields; 0: _time
};

class AddinfoCommand final : public Command {
 public:
  std::string canonical() const override { return "addinfo"; }
  void need(FieldNeed& need) const override {
    for (std::string_view name : kNames) need.remove(name);
  }
  bool row_by_row() const override { return true; }
  bool depends_on_search() const override { return true; }
  void each(Row& row, EvalContext& context, RowStep next) const override {
    row.set(kNames[0], static_cast<double>(context.earliest) / kSecond);
    row.set(kNames[1], static_cast<double>(context.latest) / kSecond);
    row.set(kNames[2], static_cast<double>(context.now) / kSecond);
    row.set(kNames[3], Value(std::string_view("hecate")));
    next(row);
  }

 private:
  static constexpr std::string_view kNames[] = {"info_min_time", "info_max_time", "info_search_time",
                                                "info_sid"};
};

}  // namespace

Parsed<void> parse_bin(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::string span;
  std::string from;
  std::string to;
  Position span_place;
  while (!cursor.at_end()) {
    Position place = cursor.position();
    if (cursor.try_option("span")) {
      Parsed<std::string> given = cursor.value();
      if (!given) return std::unexpected(given.error());
      span = std::move(*given);
      span_place = place;
    } else if (std::optional<std::string_view> option = cursor.try_option()) {
      return std::unexpected(
          Diagnostic{place, fmt::format("{}= of bin is not supported; span= is", *option)});
    } else if (from.empty()) {
      Parsed<std::string> field = cursor.field();
      if (!field) return std::unexpected(field.error());
      from = to = std::move(*field);
    } else if (cursor.try_keyword("as")) {
      Parsed<std::string> field = cursor.field();
      if (!field) return std::unexpected(field.error());
      to = std::move(*field);
    } else {
      return cursor.error(fmt::format("unexpected {} in bin", cursor.next_for_message()));
    }
  }
  if (from.empty()) return cursor.error("bin needs a field");
  bool is_time = from == "_time";
  Time length = 0;
  double step = 0;
  if (is_time && !span.empty()) {
    length = parse_span(span).value_or(0);
  } else if (!is_time) {
    step = to_number(span).value_or(0);
  }
  if (!is_time ? step <= 0 : (!span.empty() && length == 0)) {
    return std::unexpected(Diagnostic{span.empty() ? cursor.position() : span_place,
                                      fmt::format("span={} is not supported: {}", span,
                                                  is_time ? "a length as 30s, 5m, 1h" : "a number over 0")});
  }
  commands.push_back(std::make_unique<BinCommand>(names.intern(from), names.intern(to), length, step));
  return {};
}

Parsed<void> parse_addinfo(Cursor& /*cursor*/, FieldNames& /*names*/, Commands& commands) {
  commands.push_back(std::make_unique<AddinfoCommand>());
  return {};
}

}  // namespace hecate::spl
