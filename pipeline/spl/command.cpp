#include "pipeline/spl/command.h"

#include "fmt/format.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

constexpr auto kKinds = std::to_array<CommandKind>({
    {"addinfo", true, parse_addinfo, "adds info_min_time, info_max_time, info_search_time, info_sid"},
    {"bin", true, parse_bin, "bin span=1h _time: floors times and numbers to steps"},
    {"bucket", true, parse_bin, "bin"},
    {"convert", true, parse_convert,
     "convert timeformat=\"…\" ctime(f) mktime(f) num(f) auto(f) none(f) dur2sec(f) mstime(f) memk(f) "
     "rmcomma(f) "
     "rmunit(f) AS g, times in UTC"},
    {"dedup", false, parse_dedup, "dedup [N] fields: the first N rows for each combination of values"},
    {"eval", true, parse_eval, "eval x=expression, …; a null result removes the field"},
    {"eventstats", false, parse_eventstats, "stats, its results added to every row"},
    {"fields", true, parse_fields, "fields [+|-] names: keeps or removes fields, wildcards allowed"},
    {"fillnull", true, parse_fillnull,
     "fillnull value=0 fields; without fields, those that the rest of the search names"},
    {"head", false, parse_head, "the first N rows, 10 by default"},
    {"inputlookup", false, parse_inputlookup,
     "the rows of a lookup [where condition] start=N max=N; first, or with append=t behind the rows so far"},
    {"lookup", true, parse_lookup,
     "lookup name field AS f, … [OUTPUT|OUTPUTNEW field AS g, …]: fields of the rows of a lookup that match"},
    {"makemv", true, parse_makemv, "splits a field into several values by delim or tokenizer"},
    {"mvcombine", false, parse_mvcombine, "rows that differ in one field only become one"},
    {"mvexpand", true, parse_mvexpand, "a row for each value of a field"},
    {"nomv", true, parse_nomv, "joins the values of a field by line breaks"},
    {"outputlookup", false, parse_outputlookup,
     "the rows become a lookup of the local state; append=t, key_field=f keep those it has. No definition "
     "makes such a "
     "lookup yet, so it is refused"},
    {"rare", false, parse_rare, "the least frequent values of fields"},
    {"regex", true, parse_regex, "regex field=\"…\" or field!=\"…\": keeps rows by a PCRE expression"},
    {"rename", true, parse_rename, "rename a AS b, \"X.*\" AS *"},
    {"replace", true, parse_replace, "replace \"a*\" WITH \"b*\" IN fields: whole values, wildcards allowed"},
    {"reverse", false, parse_reverse, "turns the order of the rows around"},
    {"rex", true, parse_rex, "fields from the named groups of a PCRE expression; mode=sed replaces"},
    {"search", true, parse_search, "keeps rows by the search language: field=value, wildcards, IN, NOT, OR"},
    {"sort", false, parse_sort, "sort [N] [-|+]field: N rows at most, 10,000 by default, 0 for all"},
    {"stats", false, parse_stats, "one row for each combination of BY values"},
    {"streamstats", false, parse_streamstats, "stats over the rows so far, its results added to each row"},
    {"table", true, parse_table, "keeps the named fields, in this order, wildcards allowed"},
    {"tail", false, parse_tail, "the last N rows, last first, 10 by default"},
    {"top", false, parse_top, "the most frequent values of fields, 10 by default"},
    {"tstats", false, parse_tstats,
     "tstats functions FROM datamodel=X WHERE condition BY fields _time span=1h"},
    {"where", true, parse_where, "keeps rows for which an eval expression is true"},
});

// Splunk's names for the same.
constexpr auto kUnsupported = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"append", "needs a second search over the same window"},
    {"appendcols", "needs a second search over the same window"},
    {"appendpipe", "needs a second search over the same rows"},
    {"apply", "needs a machine learning model that is stored in Splunk"},
    {"chart", "not supported; use stats … by"},
    {"collect", "writes to an index; findings are posted by the outputs instead"},
    {"datamodel", "not supported; use tstats … from datamodel="},
    {"fit", "needs the machine learning toolkit"},
    {"from", "not supported; use tstats … from datamodel="},
    {"join", "needs a second search over the same window"},
    {"makeresults", "rows come from events only"},
    {"map", "runs other searches; not supported"},
    {"multisearch", "needs several searches over the same window"},
    {"rest", "asks a Splunk server"},
    {"sendalert", "actions are taken by the outputs"},
    {"spath", "not supported; the fields of a JSON event can be named directly"},
    {"timechart", "not supported; use bin _time and stats … by _time"},
    {"transaction", "not supported"},
    {"union", "needs several searches over the same window"},
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

std::string_view why_unsupported(std::string_view name) {
  auto found = std::ranges::find(kUnsupported, name, [](const auto& entry) { return entry.first; });
  return found == kUnsupported.end() ? std::string_view() : found->second;
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

bool NamePattern::matches(std::string_view name) const {
  std::vector<std::string_view> parts;
  return match(name, parts);
}

// The first wildcards take as little as possible, the last takes what is left.
bool NamePattern::match(std::string_view name, std::vector<std::string_view>& parts) const {
  parts.clear();
  std::string_view pattern = text_;
  std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*')) {
    std::size_t found = name.find(pattern.substr(0, star));
    if (found == std::string_view::npos) return false;
    parts.push_back(name.substr(0, found));
    name.remove_prefix(found + star);
    pattern.remove_prefix(star + 1);
  }
  if (!name.ends_with(pattern)) return false;
  parts.push_back(name.substr(0, name.size() - pattern.size()));
  return true;
}

std::string NamePattern::fill(std::span<const std::string_view> parts) const {
  std::string filled;
  std::size_t next = 0;
  for (char c : text_) {
    if (c != '*') {
      filled.push_back(c);
    } else if (next < parts.size()) {
      filled += parts[next++];
    }
  }
  return filled;
}

}  // namespace hecate::spl
