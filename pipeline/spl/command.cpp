#include "pipeline/spl/command.h"

#include "fmt/format.h"
#include "pipeline/spl/explain.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

constexpr auto kKinds = std::to_array<CommandKind>({
    {"accum", false, parse_accum, "accum f [AS g]: the running sum"},
    {"addcoltotals", false, parse_addcoltotals, "a row of sums behind the others; labelfield=, label="},
    {"addinfo", true, parse_addinfo, "adds info_min_time, info_max_time, info_search_time, info_sid"},
    {"addtotals", true, parse_addtotals,
     "the sum of the numbers of each row, in fieldname=Total; col=t adds a row of sums, which needs all "
     "rows"},
    {"append", false, parse_append,
     "the rows of a [subsearch] over the same window behind those so far; maxout=N, 50,000 at most"},
    {"appendcols", false, parse_appendcols,
     "row for row the fields of a [subsearch] beside those so far; override=t replaces"},
    {"appendpipe", false, parse_appendpipe, "what [commands] make of the rows so far, behind them"},
    {"autoregress", false, parse_autoregress, "autoregress f [AS g] p=N or p=N-M: values of rows before"},
    {"bin", true, parse_bin, "bin span=1h _time: floors times and numbers to steps"},
    {"bucket", true, parse_bin, "bin"},
    {"chart", false, parse_chart,
     "chart functions OVER x BY y, or BY x y: a row for each x, a column for each y; limit=, useother=, "
     "usenull=, otherstr=, nullstr=, sep=, format=, where sum in top5"},
    {"convert", true, parse_convert,
     "convert timeformat=\"…\" ctime(f) mktime(f) num(f) auto(f) none(f) dur2sec(f) mstime(f) memk(f) "
     "rmcomma(f) "
     "rmunit(f) AS g, times in UTC"},
    {"datamodel", true, parse_datamodel,
     "datamodel Model Set search (fields as Set.f) or flat (as f): the events of a data model; the first "
     "command"},
    {"dedup", false, parse_dedup, "dedup [N] fields: the first N rows for each combination of values"},
    {"delta", false, parse_delta, "delta f [AS g] p=1: what the value is more than that of the row before"},
    {"eval", true, parse_eval, "eval x=expression, …; a null result removes the field"},
    {"eventstats", false, parse_eventstats, "stats, its results added to every row"},
    {"fieldformat", true, parse_fieldformat,
     "read and checked; rows keep their values, as in what Splunk exports"},
    {"fields", true, parse_fields, "fields [+|-] names: keeps or removes fields, wildcards allowed"},
    {"filldown", false, parse_filldown,
     "filldown fields: a row without the field takes the value of the row before"},
    {"fillnull", true, parse_fillnull,
     "fillnull value=0 fields; without fields, those that the rest of the search names"},
    {"format", false, parse_format, "all rows as one condition, in the field search of one row"},
    {"from", true, parse_from,
     "from datamodel:Model.Set: the events of a data model, its fields without prefix; from lookup:name is "
     "inputlookup; the first command"},
    {"head", false, parse_head, "the first N rows, 10 by default"},
    {"inputlookup", false, parse_inputlookup,
     "the rows of a lookup [where condition] start=N max=N; first, or with append=t behind the rows so far"},
    {"join", false, parse_join,
     "join type=inner|left max=1 overwrite=t usetime=f earlier=t fields [subsearch], or left=L right=R where "
     "L.a = R.b [subsearch]: rows put together with "
     "those of a subsearch (50,000 at most, over the same window) that have the same values"},
    {"lookup", true, parse_lookup,
     "lookup name field AS f, … [OUTPUT|OUTPUTNEW field AS g, …]: fields of the rows of a lookup that match"},
    {"makemv", true, parse_makemv, "splits a field into several values by delim or tokenizer"},
    {"makeresults", false, parse_makeresults,
     "makeresults count=N: rows with _time alone, up to 10,000; the first command"},
    {"multisearch", false, parse_multisearch, "the rows of two or more [searches], newest first"},
    {"mvcombine", false, parse_mvcombine, "rows that differ in one field only become one"},
    {"mvexpand", true, parse_mvexpand, "a row for each value of a field"},
    {"nomv", true, parse_nomv, "joins the values of a field by line breaks"},
    {"outputlookup", false, parse_outputlookup,
     "the rows become a lookup of the local state (`local: true`, [lookups.md](lookups.md)); append=t, "
     "key_field=f keep those it has; override_if_empty=f, max=N"},
    {"rangemap", true, parse_rangemap,
     "rangemap field=f low=0-30 high=31-100 default=x: the field range by number"},
    {"rare", false, parse_rare, "the least frequent values of fields"},
    {"regex", true, parse_regex, "regex field=\"…\" or field!=\"…\": keeps rows by a PCRE expression"},
    {"rename", true, parse_rename, "rename a AS b, \"X.*\" AS *"},
    {"replace", true, parse_replace, "replace \"a*\" WITH \"b*\" IN fields: whole values, wildcards allowed"},
    {"return", false, parse_return,
     "return N field alias=field $field: of the first N rows (1), for the search around a [subsearch]"},
    {"reverse", false, parse_reverse, "turns the order of the rows around"},
    {"rex", true, parse_rex, "fields from the named groups of a PCRE expression; mode=sed replaces"},
    {"search", true, parse_search, "keeps rows by the search language: field=value, wildcards, IN, NOT, OR"},
    {"sort", false, parse_sort, "sort [N] [-|+]field: N rows at most, 10,000 by default, 0 for all"},
    {"spath", true, parse_spath,
     "spath input=_raw path=a.b{}.c output=f: fields out of JSON; without a path all of its values, up to "
     "1,000 fields"},
    {"stats", false, parse_stats, "one row for each combination of BY values"},
    {"strcat", true, parse_strcat, "strcat allrequired=f a \"text\" b f: values and texts joined"},
    {"streamstats", false, parse_streamstats, "stats over the rows so far, its results added to each row"},
    {"table", true, parse_table, "keeps the named fields, in this order, wildcards allowed"},
    {"tail", false, parse_tail, "the last N rows, last first, 10 by default"},
    {"timechart", false, parse_timechart,
     "timechart span=1h functions BY y: chart over steps of _time; bins=, minspan=, cont=, partial=, "
     "fixedrange= beside chart's options"},
    {"top", false, parse_top, "the most frequent values of fields, 10 by default"},
    {"transaction", false, parse_transaction,
     "transaction fields maxspan= maxpause= maxevents= startswith= endswith= connected= keepevicted= "
     "keeporphans= mvlist= mvraw=: events that belong together become one row"},
    {"tstats", false, parse_tstats,
     "tstats functions FROM datamodel=X WHERE condition BY fields _time span=1h"},
    {"union", false, parse_multisearch, "multisearch"},
    {"uniq", false, parse_uniq, "of equal rows behind one another, the first"},
    {"untable", true, parse_untable, "untable x name value: a row for each other field"},
    {"where", true, parse_where, "keeps rows for which an eval expression is true"},
    {"xyseries", false, parse_xyseries,
     "xyseries x name value: a row for each x, a column for each name; sep=, format="},
});

// A command that looks at one row at a time, in a closing part.
class EachOperator final : public Operator {
 public:
  EachOperator(const Command& command, EvalContext& context, Operator& next)
      : command_(command), context_(context), next_(next) {}
  void take(Row& row, std::string_view group) override {
    command_.each(row, context_, [&](Row& result) { next_.take(result, group); });
  }
  void finish() override { next_.finish(); }

 private:
  const Command& command_;
  EvalContext& context_;
  Operator& next_;
};

}  // namespace

std::span<const CommandKind> command_kinds() {
  return kKinds;
}

std::vector<FieldRef> FieldNeed::references() const {
  std::vector<FieldRef> references;
  for (std::string_view field : fields_) references.push_back(names_->intern(field));
  return references;
}

void FieldNeed::add(std::span<const FieldRef> fields) {
  for (const FieldRef& field : fields) fields_.insert(field.name);
}

void FieldNeed::clear() {
  all_ = false;
  fields_.clear();
}

void Command::each(Row& row, EvalContext& /*context*/, RowStep next) const {
  next(row);
}

std::unique_ptr<GroupOperator> Command::start_groups(EvalContext& /*context*/, Operator& /*next*/) const {
  return nullptr;
}

std::optional<Clause> Command::explain(const Row& /*row*/, EvalContext& /*context*/,
                                       const SourceText& /*source*/) const {
  return std::nullopt;
}

std::unique_ptr<Operator> Command::start(EvalContext& context, Operator& next) const {
  return std::make_unique<EachOperator>(*this, context, next);
}

std::string_view HeldRows::name(std::string_view name) {
  auto found = names_.find(name);
  return found != names_.end() ? *found : *names_.insert(arena_.copy(name)).first;
}

HeldRows::Held& HeldRows::add(const Row& row, std::string_view group) {
  std::size_t before = arena_.used();
  Held& held = rows_.emplace_back();
  held.row.entries().reserve(row.entries().size());
  for (const Row::Entry& entry : row.entries()) {
    if (!entry.value.is_null())
      held.row.entries().push_back({name(entry.name), copy_value(entry.value, arena_)});
  }
  held.group = arena_.copy(group);
  std::size_t bytes = sizeof(Held) + row.entries().size() * sizeof(Row::Entry) + arena_.used() - before;
  bytes_ += bytes;
  context_.held_bytes += bytes;
  return held;
}

void HeldRows::extend(Held& held, const Row& cells) {
  std::size_t before = arena_.used();
  for (const Row::Entry& entry : cells.entries()) {
    if (!entry.value.is_null()) held.row.set(name(entry.name), copy_value(entry.value, arena_));
  }
  std::size_t bytes = cells.entries().size() * sizeof(Row::Entry) + arena_.used() - before;
  bytes_ += bytes;
  context_.held_bytes += bytes;
}

void HeldRows::flush(Operator& next) {
  for (Held& held : rows_) next.take(held.row, held.group);
  rows_.clear();
  next.finish();
}

Parsed<std::vector<std::string>> parse_field_list(Cursor& cursor, std::string_view end_word) {
  std::vector<std::string> fields;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    if (!end_word.empty() && cursor.looking_at_keyword(end_word)) break;
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    // Names of results, such as `count(x)`, may stand bare.
    if (cursor.offset() < cursor.end() && cursor.source().text()[cursor.offset()] == '(') {
      std::size_t begin = cursor.offset();
      Parsed<Range> range = cursor.parenthesized();
      if (!range) return std::unexpected(range.error());
      *field += cursor.text({begin, range->end + 1});
    }
    fields.push_back(std::move(*field));
  }
  if (fields.empty()) return cursor.error("a field name is missing");
  return fields;
}

Parsed<long> parse_count(Cursor& cursor, long least) {
  Position place = cursor.position();
  Parsed<long> number = cursor.integer();
  if (number && *number < least) {
    return std::unexpected(Diagnostic{place, fmt::format("{} is too small: at least {}", *number, least)});
  }
  return number;
}

}  // namespace hecate::spl
