// Reading lists of stats functions and BY fields.
#include "fmt/format.h"
#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/functions_lookup.h"
#include "pipeline/spl/span.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

using Kind = AggregateFunction::Result;

std::string_view pick_name(AggregateFunction::Pick which) {
  constexpr std::array<std::string_view, 5> kNames = {"", "first", "last", "earliest", "latest"};
  return kNames[static_cast<std::size_t>(which)];
}

}  // namespace

Parsed<void> Aggregation::parse_functions(Cursor& cursor, FieldNames& names, AllowedFunctions allowed) {
  time_ = names.intern("_time");
  for (std::string_view name : {"host", "source", "sourcetype", "index"})
    metadata_.push_back(names.intern(name));
  auto ends = [&] {
    Cursor ahead = cursor;
    return cursor.at_end() || cursor.looking_at_keyword("by") || cursor.looking_at_keyword("over") ||
           cursor.looking_at_keyword("from") || cursor.looking_at_keyword("where") || ahead.try_option();
  };
  while (!ends()) {
    if (cursor.try_char(',')) continue;
    if (Parsed<void> parsed = parse_function(cursor, names, allowed); !parsed) return parsed;
  }
  if (outputs_.empty()) return cursor.error("a function is missing: count, dc(field), values(field) …");
  return {};
}

Parsed<void> Aggregation::parse_function(Cursor& cursor, FieldNames& names, AllowedFunctions allowed) {
  Position place = cursor.position();
  std::size_t begin = cursor.offset();
  std::string_view word = cursor.word();
  Output output{};
  output.function = find_aggregate_function(word, output.percent);
  if (output.function == nullptr) {
    std::string_view near = nearest_aggregate_function(word);
    return std::unexpected(
        Diagnostic{place, fmt::format("\"{}\" is not a stats function that is supported{}", word,
                                      near.empty() ? "" : fmt::format("; did you mean {}?", near))});
  }
  if (output.function->result == Kind::per_time && !allowed.per_time)
    return std::unexpected(Diagnostic{place, fmt::format("{} is a function of timechart only", word)});
  if (output.function->result == Kind::sparkline) {
    if (Parsed<void> parsed = parse_sparkline(cursor, names, output); !parsed) return parsed;
    output.name = cursor.text({begin, cursor.offset()});
    output.name.erase(output.name.find_last_not_of(" \t\r\n") + 1);
  } else {
    Parsed<Input> input = parse_argument(cursor, *output.function, names);
    if (!input) return std::unexpected(input.error());
    if (input->pattern && !allowed.wildcards) {
      return std::unexpected(
          Diagnostic{place, "a wildcard as the field of a function is not supported here: name each field"});
    }
    if (input->rows) {
      output.name = word;
    } else if (input->expression) {
      output.name = cursor.text({begin, cursor.offset()});
    } else {
      output.name = fmt::format("{}({})", word, input->pattern ? input->pattern->text() : input->field.name);
    }
    output.input = share(std::move(*input));
  }
  if (cursor.try_keyword("as")) {
    Parsed<std::string> name = cursor.field();
    if (!name) return std::unexpected(name.error());
    const std::optional<NamePattern>& pattern = inputs_[output.input].pattern;
    if (pattern && std::ranges::count(*name, '*') != std::ranges::count(pattern->text(), '*')) {
      return std::unexpected(Diagnostic{
          place,
          fmt::format("{}({}) AS {}: both need the same number of wildcards", word, pattern->text(), *name)});
    }
    output.name = std::move(*name);
  }
  std::erase_if(outputs_, [&](const Output& other) { return other.name == output.name; });
  outputs_.push_back(std::move(output));
  return {};
}

// sparkline, sparkline(count), sparkline(avg(x), 5m).
Parsed<void> Aggregation::parse_sparkline(Cursor& cursor, FieldNames& names, Output& output) {
  Input input;
  output.inner = find_aggregate_function("count", output.percent);
  input.rows = true;
  if (cursor.looking_at("(")) {
    Parsed<Range> range = cursor.parenthesized();
    if (!range) return std::unexpected(range.error());
    Cursor inside(cursor.source(), *range);
    Position place = inside.position();
    std::string_view word = inside.word();
    output.inner = find_aggregate_function(word, output.percent);
    bool known = output.inner != nullptr && output.inner->result != Kind::sparkline &&
                 output.inner->result != Kind::per_time;
    if (!known)
      return std::unexpected(Diagnostic{place, fmt::format("\"{}\" is not a function of a sparkline", word)});
    Parsed<Input> parsed = parse_argument(inside, *output.inner, names);
    if (!parsed) return std::unexpected(parsed.error());
    if (parsed->pattern)
      return std::unexpected(Diagnostic{place, "a sparkline is of one field: a wildcard is not supported"});
    input = std::move(*parsed);
    if (inside.try_char(',')) {
      Position span_place = inside.position();
      Parsed<std::string> text = inside.value();
      if (!text) return std::unexpected(text.error());
      std::optional<Time> span = parse_span(*text);
      if (!span)
        return std::unexpected(Diagnostic{span_place, fmt::format("{} is no span, as 5m or 1h", *text)});
      output.span = *span;
    }
    if (Parsed<void> end = inside.expect_end("the function"); !end) return end;
  }
  input.step = output.span > 0 ? std::min(output.span, kMinute) : kMinute;
  input.inner_kind = output.inner->kind;
  input.kind = AccumulatorKind::parts;
  input.canonical = fmt::format("sparkline {} {}({})", input.step, input.rows ? "rows" : "", input.canonical);
  output.input = share(std::move(input));
  return {};
}

Parsed<Aggregation::Input> Aggregation::parse_argument(Cursor& cursor, const AggregateFunction& function,
                                                       FieldNames& names) {
  Input input;
  input.kind = function.kind;
  input.pick = function.pick;
  input.of_time = function.of_time;
  std::string what;
  if (!cursor.looking_at("(")) {
    if (function.result != Kind::count) {
      return cursor.error(fmt::format("{} needs a field in parentheses", function.name));
    }
    input.rows = true;
  } else {
    Parsed<Range> range = cursor.parenthesized();
    if (!range) return std::unexpected(range.error());
    Cursor inside(cursor.source(), *range);
    Cursor ahead = inside;
    if (inside.at_end() && function.result == Kind::count) {
      input.rows = true;
    } else if (ahead.try_keyword("eval") && ahead.looking_at("(")) {
      Parsed<Range> body = ahead.parenthesized();
      if (!body) return std::unexpected(body.error());
      if (Parsed<void> end = ahead.expect_end("eval(…)"); !end) return std::unexpected(end.error());
      Parsed<Expression> expression =
          without_lookup(parse_expression(cursor.source(), body->begin, body->end, names));
      if (!expression) return std::unexpected(expression.error());
      what = "eval:" + spl::canonical(*expression);
      input.expression = std::move(*expression);
    } else {
      Parsed<std::string> field = inside.field();
      if (!field) return std::unexpected(field.error());
      if (Parsed<void> end = inside.expect_end("the field"); !end) return std::unexpected(end.error());
      if (field->contains('*')) {
        input.pattern.emplace(*field);
        input.inner_kind = function.kind;
        input.kind = AccumulatorKind::parts;
        what = fmt::format("{} fields:{}", function.kind, *field);
      } else {
        input.field = names.intern(*field);
        what = "field:" + *field;
      }
    }
  }
  input.canonical =
      fmt::format("{}{}{}({})", input.kind, pick_name(input.pick), input.of_time ? "_time" : "", what);
  return input;
}

std::size_t Aggregation::share(Input input) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].canonical == input.canonical) return i;
  }
  inputs_.push_back(std::move(input));
  return inputs_.size() - 1;
}

void Aggregation::add_count(std::string_view name, FieldNames& names) {
  time_ = names.intern("_time");
  Input input;
  input.kind = AccumulatorKind::count;
  input.rows = true;
  input.canonical = fmt::format("{}()", input.kind);
  double percent = 0;
  const AggregateFunction* function = find_aggregate_function("count", percent);
  outputs_.push_back({function, share(std::move(input)), 0, std::string(name), nullptr, 0});
}

Parsed<void> Aggregation::parse_by(Cursor& cursor, FieldNames& names, bool with_span) {
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    Position place = cursor.position();
    if (with_span && cursor.try_option("span")) {
      if (Parsed<void> parsed = parse_by_span(cursor, place); !parsed) return parsed;
      continue;
    }
    Parsed<std::string> name = cursor.field();
    if (!name) return std::unexpected(name.error());
    if (name->contains('*')) {
      return std::unexpected(Diagnostic{place, "a wildcard behind BY is not supported: name each field"});
    }
    if (std::ranges::any_of(by_, [&](const ByField& by) { return by.field.name == *name; })) continue;
    bool in_spans = with_span && *name == "_time";
    by_.push_back({names.intern(*name), in_spans ? kMinute : 0, in_spans, std::nullopt});
  }
  if (by_.empty()) return cursor.error("a field is missing behind BY");
  return {};
}

Parsed<void> Aggregation::parse_by_span(Cursor& cursor, Position place) {
  auto time = std::ranges::find(by_, "_time", [](const ByField& by) { return by.field.name; });
  if (time == by_.end())
    return std::unexpected(Diagnostic{place, "span= stands behind _time, which is missing here"});
  Parsed<std::string> text = cursor.value();
  if (!text) return std::unexpected(text.error());
  std::optional<Time> span = parse_span(*text);
  if (!span) {
    return std::unexpected(Diagnostic{
        place,
        fmt::format("span={} is not supported: a number of seconds, minutes, hours, days or weeks, as 1h",
                    *text)});
  }
  time->span = *span;
  time->automatic = false;
  return {};
}

}  // namespace hecate::spl
