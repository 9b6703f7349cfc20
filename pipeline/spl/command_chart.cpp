// chart and timechart: stats functions laid out as a table of rows and columns.
#include "fmt/format.h"
#include "pipeline/spl/chart.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/span.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>
#include <optional>

namespace hecate::spl {
namespace {

using Selection = ChartLayout::Selection;

class ChartCommand final : public Command {
 public:
  ChartCommand(ChartLayout layout, Aggregation aggregation)
      : layout_(std::move(layout)), aggregation_(std::move(aggregation)) {}

  std::string canonical() const override { return "chart " + aggregation_.canonical_with_names(); }
  void need(FieldNeed& need) const override {
    std::vector<FieldRef> fields;
    aggregation_.collect_fields(fields);
    need.clear();
    need.add(fields);
  }
  bool depends_on_search() const override { return aggregation_.depends_on_search_time(); }
  const Aggregation* aggregation() const override { return &aggregation_; }
  bool gives_open_results() const override { return true; }
  // Which columns there are shows when all groups are there.
  bool keeps_rows(const Names& /*stable*/, const Names& /*growing*/) const override { return false; }
  void follow_keys(std::vector<std::string>& keys) const override {
    keys.assign({std::string(aggregation_.by()[0].field.name)});
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return make_chart(layout_, aggregation_, context, next);
  }
  std::unique_ptr<GroupOperator> start_groups(EvalContext& context, Operator& next) const override {
    return make_chart(layout_, aggregation_, context, next);
  }

 private:
  ChartLayout layout_;
  Aggregation aggregation_;
};

// Reads what chart and timechart are made of, options anywhere between.
class ChartParser {
 public:
  ChartParser(Cursor& cursor, FieldNames& names, Commands& commands)
      : cursor_(cursor), names_(names), commands_(commands) {}

  Parsed<void> parse_chart();
  Parsed<void> parse_timechart();

 private:
  Parsed<void> read_options();
  Parsed<bool> read_option();
  Parsed<bool> read_flag(std::string_view name, bool& flag);
  Parsed<bool> read_text(std::string_view name, std::string& text);
  Parsed<bool> read_span(std::string_view name, Time& span);
  Parsed<bool> read_count(std::string_view name, std::size_t& count);
  Parsed<bool> read_limit();
  Parsed<void> read_functions();
  Parsed<void> read_where();
  Parsed<void> read_row_field();
  Parsed<void> add_row_bins(FieldRef field, const std::string& span);
  Parsed<void> read_column_field();
  Parsed<void> finish();

  Cursor& cursor_;
  FieldNames& names_;
  Commands& commands_;
  ChartLayout layout_;
  Aggregation aggregation_;
  std::vector<Aggregation::ByField> by_;
};

Parsed<bool> ChartParser::read_flag(std::string_view name, bool& flag) {
  if (!cursor_.try_option(name)) return false;
  Parsed<bool> given = cursor_.boolean();
  if (!given) return given;
  flag = *given;
  return true;
}

Parsed<bool> ChartParser::read_text(std::string_view name, std::string& text) {
  if (!cursor_.try_option(name)) return false;
  Parsed<std::string> given = cursor_.value();
  if (!given) return std::unexpected(given.error());
  text = std::move(*given);
  return true;
}

Parsed<bool> ChartParser::read_span(std::string_view name, Time& span) {
  if (!cursor_.try_option(name)) return false;
  Position place = cursor_.position();
  Parsed<std::string> text = cursor_.value();
  if (!text) return std::unexpected(text.error());
  std::optional<Time> given = parse_span(*text);
  if (!given) {
    return std::unexpected(Diagnostic{
        place,
        fmt::format("{}={} is not supported: a number of seconds, minutes, hours, days or weeks, as 1h", name,
                    *text)});
  }
  span = *given;
  return true;
}

Parsed<bool> ChartParser::read_count(std::string_view name, std::size_t& count) {
  if (!cursor_.try_option(name)) return false;
  Parsed<long> given = parse_count(cursor_, 1);
  if (!given) return std::unexpected(given.error());
  count = static_cast<std::size_t>(*given);
  return true;
}

// 10, top10, bottom3; 0 for all.
Parsed<bool> ChartParser::read_limit() {
  if (!cursor_.try_option("limit")) return false;
  Position place = cursor_.position();
  Parsed<std::string> text = cursor_.value();
  if (!text) return std::unexpected(text.error());
  std::string_view number = *text;
  layout_.selection.keep = Selection::Keep::top;
  if (number.starts_with("bottom")) layout_.selection.keep = Selection::Keep::bottom;
  if (std::size_t digit = number.find_first_of("0123456789"); digit != std::string_view::npos)
    number.remove_prefix(digit);
  std::optional<double> count = to_number(number);
  if (!count || *count < 0)
    return std::unexpected(
        Diagnostic{place, fmt::format("limit={} is neither a number nor topN or bottomN", *text)});
  layout_.selection.number = *count;
  return true;
}

Parsed<bool> ChartParser::read_option() {
  using Reader = Parsed<bool> (*)(ChartParser&);
  constexpr auto kReaders = std::to_array<Reader>({
      [](ChartParser& p) { return p.read_limit(); },
      [](ChartParser& p) { return p.read_flag("useother", p.layout_.use_other); },
      [](ChartParser& p) { return p.read_flag("usenull", p.layout_.use_null); },
      [](ChartParser& p) { return p.read_text("otherstr", p.layout_.other); },
      [](ChartParser& p) { return p.read_text("nullstr", p.layout_.null); },
      [](ChartParser& p) { return p.read_text("sep", p.layout_.separator); },
      [](ChartParser& p) { return p.read_text("format", p.layout_.format); },
      [](ChartParser& p) { return p.read_flag("cont", p.layout_.continuous); },
  });
  constexpr auto kTimeReaders = std::to_array<Reader>({
      [](ChartParser& p) { return p.read_span("span", p.layout_.span); },
      [](ChartParser& p) { return p.read_span("minspan", p.layout_.least_span); },
      [](ChartParser& p) { return p.read_count("bins", p.layout_.steps); },
      [](ChartParser& p) { return p.read_flag("partial", p.layout_.partial); },
      [](ChartParser& p) { return p.read_flag("fixedrange", p.layout_.whole_window); },
  });
  for (Reader reader : kReaders) {
    if (Parsed<bool> read = reader(*this); !read || *read) return read;
  }
  for (Reader reader : kTimeReaders) {
    if (!layout_.is_time) break;
    if (Parsed<bool> read = reader(*this); !read || *read) return read;
  }
  Position place = cursor_.position();
  Cursor ahead = cursor_;
  if (std::optional<std::string_view> other = ahead.try_option()) {
    return std::unexpected(Diagnostic{
        place, fmt::format("{}= of {} is not supported", *other, layout_.is_time ? "timechart" : "chart")});
  }
  return false;
}

Parsed<void> ChartParser::read_options() {
  for (;;) {
    cursor_.try_char(',');
    Parsed<bool> read = read_option();
    if (!read) return std::unexpected(read.error());
    if (!*read) return {};
  }
}

Parsed<void> ChartParser::read_functions() {
  if (Parsed<void> read = read_options(); !read) return read;
  return aggregation_.parse_functions(cursor_, names_, {.wildcards = false, .per_time = layout_.is_time});
}

// where sum in top5, where max notin bottom3, where avg > 10.
Parsed<void> ChartParser::read_where() {
  using Keep = Selection::Keep;
  Position place = cursor_.position();
  auto refuse = [&] {
    return std::unexpected(Diagnostic{
        place, "where takes: sum|avg|min|max in|notin topN|bottomN, or a comparison with a number"});
  };
  std::string_view function = cursor_.word();
  constexpr auto kFunctions =
      std::to_array<std::pair<std::string_view, Selection::By>>({{"sum", Selection::By::sum},
                                                                 {"count", Selection::By::sum},
                                                                 {"avg", Selection::By::average},
                                                                 {"mean", Selection::By::average},
                                                                 {"min", Selection::By::least},
                                                                 {"max", Selection::By::greatest}});
  const auto* known =
      std::ranges::find(kFunctions, function, &std::pair<std::string_view, Selection::By>::first);
  if (known == kFunctions.end()) return refuse();
  layout_.selection.by = known->second;
  bool out = cursor_.try_keyword("notin");
  if (out || cursor_.try_keyword("in")) {
    std::string_view word = cursor_.word();
    bool bottom = word.starts_with("bottom");
    if (!bottom && !word.starts_with("top")) return refuse();
    std::optional<double> number = to_number(word.substr(bottom ? 6 : 3));
    if (!number || *number < 1) return refuse();
    layout_.selection.number = *number;
    layout_.selection.keep =
        bottom ? (out ? Keep::not_bottom : Keep::bottom) : (out ? Keep::not_top : Keep::top);
    return {};
  }
  constexpr auto kOperators = std::to_array<std::pair<std::string_view, Keep>>({{">=", Keep::at_least},
                                                                                {"<=", Keep::at_most},
                                                                                {"!=", Keep::unequal},
                                                                                {"==", Keep::equal},
                                                                                {">", Keep::above},
                                                                                {"<", Keep::below},
                                                                                {"=", Keep::equal}});
  for (auto [text, keep] : kOperators) {
    if (!cursor_.try_text(text)) continue;
    std::optional<double> number = to_number(cursor_.word());
    if (!number) return refuse();
    layout_.selection.number = *number;
    layout_.selection.keep = keep;
    return {};
  }
  return refuse();
}

// The field that rows are made by; span= behind it makes steps of its numbers, or of _time.
Parsed<void> ChartParser::read_row_field() {
  Parsed<std::string> name = cursor_.field();
  if (!name) return std::unexpected(name.error());
  by_.emplace_back().field = names_.intern(*name);
  if (*name == "_time") {
    layout_.is_time = true;
    layout_.continuous = false;
  }
  Cursor ahead = cursor_;
  if (*name != "_time" && ahead.try_option("span")) {
    cursor_ = ahead;
    Parsed<std::string> span = cursor_.value();
    if (!span) return std::unexpected(span.error());
    return add_row_bins(by_.back().field, *span);
  }
  return read_options();
}

Parsed<void> ChartParser::add_row_bins(FieldRef field, const std::string& span) {
  SourceText source;
  source.append(fmt::format("span={} \"{}\"", span, field.name), cursor_.position(), true);
  Cursor bin(source);
  if (Parsed<void> parsed = parse_bin(bin, names_, commands_); !parsed) return parsed;
  return read_options();
}

Parsed<void> ChartParser::read_column_field() {
  Parsed<std::string> name = cursor_.field();
  if (!name) return std::unexpected(name.error());
  layout_.has_columns = true;
  by_.emplace_back().field = names_.intern(*name);
  if (Parsed<void> read = read_options(); !read) return read;
  if (cursor_.try_keyword("where")) {
    if (Parsed<void> read = read_where(); !read) return read;
  }
  return read_options();
}

Parsed<void> ChartParser::finish() {
  if (layout_.is_time) by_[0].span = layout_.span > 0 ? layout_.span : kMinute;
  if (layout_.has_columns && layout_.use_null) by_[1].null_text = layout_.null;
  for (Aggregation::ByField& by : by_) aggregation_.add_by(std::move(by));
  commands_.push_back(std::make_unique<ChartCommand>(std::move(layout_), std::move(aggregation_)));
  return {};
}

// chart f OVER x BY y, chart f BY x y, chart f BY x.
Parsed<void> ChartParser::parse_chart() {
  if (Parsed<void> read = read_functions(); !read) return read;
  if (Parsed<void> read = read_options(); !read) return read;
  bool over = cursor_.try_keyword("over");
  if (!over && !cursor_.try_keyword("by")) return cursor_.error("chart needs OVER or BY and a field");
  if (Parsed<void> read = read_row_field(); !read) return read;
  if (over ? cursor_.try_keyword("by") : !cursor_.at_end()) {
    if (Parsed<void> read = read_column_field(); !read) return read;
  }
  return finish();
}

// timechart span=1h f BY y.
Parsed<void> ChartParser::parse_timechart() {
  layout_.is_time = true;
  by_.emplace_back().field = names_.intern("_time");
  if (Parsed<void> read = read_functions(); !read) return read;
  if (Parsed<void> read = read_options(); !read) return read;
  if (cursor_.try_keyword("by")) {
    if (Parsed<void> read = read_column_field(); !read) return read;
  }
  return finish();
}

}  // namespace

Parsed<void> parse_chart(Cursor& cursor, FieldNames& names, Commands& commands) {
  return ChartParser(cursor, names, commands).parse_chart();
}

Parsed<void> parse_timechart(Cursor& cursor, FieldNames& names, Commands& commands) {
  return ChartParser(cursor, names, commands).parse_timechart();
}

}  // namespace hecate::spl
