#include "fmt/format.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/subsearch.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>

namespace hecate::spl {
namespace {

using Kind = Condition::Kind;

constexpr int kDeepest = 200;  // parentheses in parentheses: bounds the parser's own stack

// Time limits of a search head's search; here the schedule of the detection says them.
constexpr std::array<std::string_view, 22> kTimeModifiers = {
    "earliest",    "latest",       "_index_earliest", "_index_latest",      "starttime",     "endtime",
    "starttimeu",  "endtimeu",     "timeformat",      "startminutesago",    "endminutesago", "starthoursago",
    "endhoursago", "startdaysago", "enddaysago",      "startmonthsago",     "endmonthsago",  "minutesago",
    "hoursago",    "daysago",      "monthsago",       "searchtimespanhours"};

struct Comparison {
  std::string_view text;
  Kind kind;
};
// Longer ones first.
constexpr std::array<Comparison, 7> kComparisons = {{{"==", Kind::equal},
                                                     {"!=", Kind::not_equal},
                                                     {"<=", Kind::less_equal},
                                                     {">=", Kind::greater_equal},
                                                     {"=", Kind::equal},
                                                     {"<", Kind::less},
                                                     {">", Kind::greater}}};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

class Parser {
 public:
  Parser(const SourceText& source, std::size_t begin, std::size_t end, FieldNames& names)
      : cursor_(source, begin, end), names_(names) {}

  Parsed<Condition> parse();

 private:
  Parsed<Condition> all_of();
  Parsed<Condition> any_of();
  Parsed<Condition> negation();
  Parsed<Condition> primary();
  Parsed<Condition> parentheses();
  Parsed<Condition> subsearch();
  std::optional<std::string> single_quoted_field();
  Parsed<Condition> named_or_term();
  Parsed<Condition> word(std::string_view text, std::size_t begin);
  Parsed<Condition> comparison(std::string field, std::size_t begin, Comparison with);
  Parsed<Condition> list(std::string field, std::size_t begin);
  Parsed<Condition> term(std::string_view text, std::size_t begin);

  Parsed<void> check_field(std::string_view field, std::size_t begin) const;
  Parsed<std::string> value(std::string_view what);
  std::string_view bare(std::string_view stops);
  std::optional<Comparison> try_comparison();
  bool looking_at_operator(std::string_view name);
  bool try_operator(std::string_view name);
  bool at_end_of_group() { return cursor_.at_end() || cursor_.peek() == ')'; }
  Condition make(Kind kind, std::size_t begin) const;
  Condition equals(std::string_view field, std::string_view pattern, std::size_t begin);
  std::optional<Condition> in_network(std::string_view field, std::string_view pattern, std::size_t begin);

  Cursor cursor_;
  FieldNames& names_;
  int depth_ = 0;
};

Condition Parser::make(Kind kind, std::size_t begin) const {
  Condition condition;
  condition.kind = kind;
  condition.position = cursor_.source().position(begin);
  return condition;
}

Parsed<Condition> Parser::parse() {
  if (cursor_.at_end()) return Condition{};
  Parsed<Condition> condition = all_of();
  if (condition && !cursor_.at_end()) {
    return cursor_.error("this \")\" closes nothing: its \"(\" is missing");
  }
  return condition;
}

Parsed<Condition> Parser::all_of() {
  cursor_.skip_blanks();
  std::size_t begin = cursor_.offset();
  Parsed<Condition> first = any_of();
  if (!first || at_end_of_group()) return first;
  Condition all = make(Kind::all_of, begin);
  all.children.push_back(std::move(*first));
  while (!at_end_of_group()) {
    try_operator("AND");
    Parsed<Condition> next = any_of();
    if (!next) return next;
    all.children.push_back(std::move(*next));
  }
  return all;
}

Parsed<Condition> Parser::any_of() {
  cursor_.skip_blanks();
  std::size_t begin = cursor_.offset();
  Parsed<Condition> first = negation();
  if (!first || !looking_at_operator("OR")) return first;
  Condition any = make(Kind::any_of, begin);
  any.children.push_back(std::move(*first));
  while (try_operator("OR")) {
    Parsed<Condition> next = negation();
    if (!next) return next;
    any.children.push_back(std::move(*next));
  }
  return any;
}

Parsed<Condition> Parser::negation() {
  cursor_.skip_blanks();
  std::size_t begin = cursor_.offset();
  bool negative = false;
  bool any = false;
  for (; try_operator("NOT"); any = true) negative = !negative;
  Parsed<Condition> inner = primary();
  if (!inner || !any || !negative) return inner;
  Condition none = make(Kind::none_of, begin);
  none.children.push_back(std::move(*inner));
  return none;
}

Parsed<Condition> Parser::primary() {
  if (cursor_.at_end()) return cursor_.error("a condition is missing at the end of this expression");
  switch (cursor_.peek()) {
    case '(':
      return parentheses();
    case ')':
      return cursor_.error("a condition is missing before this \")\"");
    case '[':
      return subsearch();
    case ',':
      return cursor_.error(
          "unexpected \",\": to list values write field IN (a, b); between conditions nothing");
    case ']':
      return cursor_.error("this \"]\" closes nothing: its \"[\" is missing");
    default:
      return named_or_term();
  }
}

Parsed<Condition> Parser::parentheses() {
  std::size_t open = cursor_.offset();
  cursor_.try_char('(');
  if (cursor_.peek() == ')') return cursor_.error("a condition is missing between the parentheses");
  if (++depth_ > kDeepest)
    return cursor_.error(fmt::format("more than {} parentheses in each other", kDeepest));
  if (cursor_.at_end()) return cursor_.error_at(open, "a parenthesis is opened here and never closed");
  Parsed<Condition> inside = all_of();
  --depth_;
  if (inside && !cursor_.try_char(')')) {
    return cursor_.error_at(open, "a parenthesis is opened here and never closed: \")\" is missing");
  }
  return inside;
}

Parsed<Condition> Parser::subsearch() {
  std::size_t begin = cursor_.offset();
  Parsed<Range> inside = cursor_.bracketed();
  if (!inside) return std::unexpected(inside.error());
  Condition condition = make(Kind::subsearch, begin);
  Parsed<std::shared_ptr<Subsearch>> parsed =
      Subsearch::parse(cursor_.source(), *inside, names_, Subsearch::kMostConditions);
  if (!parsed) return std::unexpected(parsed.error());
  (*parsed)->make_condition();
  condition.subsearch = std::move(*parsed);
  condition.pattern = Pattern(cursor_.text(*inside));
  return condition;
}

// Reads up to a blank or one of `stops`. An empty pair of parentheses behind a character can only be part of
// the word: *GetCurrent()*.
std::string_view Parser::bare(std::string_view stops) {
  std::string_view text = cursor_.text(cursor_.range());
  std::size_t size = 0;
  for (; size < text.size() && !is_blank(text[size]); ++size) {
    if (size > 0 && text.substr(size).starts_with("()")) {
      ++size;
      continue;
    }
    if (stops.contains(text[size])) break;
    if (stops.contains('=') && text.substr(size).starts_with("!=")) break;
  }
  cursor_.move_to(cursor_.offset() + size);
  return text.substr(0, size);
}

std::optional<Comparison> Parser::try_comparison() {
  for (const Comparison& comparison : kComparisons) {
    if (cursor_.try_text(comparison.text)) return comparison;
  }
  return std::nullopt;
}

bool Parser::looking_at_operator(std::string_view name) {
  if (!cursor_.looking_at(name)) return false;
  std::string_view left = cursor_.text(cursor_.range()).substr(name.size());
  return left.empty() || is_blank(left[0]) || std::string_view("()[\"").contains(left[0]);
}

bool Parser::try_operator(std::string_view name) {
  if (!looking_at_operator(name)) return false;
  cursor_.move_to(cursor_.offset() + name.size());
  return true;
}

// A name in single quotes, where it is compared with something; else they are part of a word.
std::optional<std::string> Parser::single_quoted_field() {
  if (cursor_.peek() != '\'') return std::nullopt;
  Cursor start = cursor_;
  Parsed<std::string> name = cursor_.field();
  std::size_t behind = cursor_.offset();
  bool compared = name && (try_comparison() || try_operator("IN"));
  cursor_ = start;
  if (!compared) return std::nullopt;
  cursor_.move_to(behind);
  return std::move(*name);
}

// A field with what it is compared with, or else a word or phrase.
Parsed<Condition> Parser::named_or_term() {
  std::size_t begin = cursor_.offset();
  std::string text;
  bool is_word = false;
  if (cursor_.peek() == '"') {
    Parsed<std::string> phrase = cursor_.quoted();
    if (!phrase) return std::unexpected(phrase.error());
    text = std::move(*phrase);
  } else if (std::optional<std::string> name = single_quoted_field()) {
    text = std::move(*name);
  } else {
    if (looking_at_operator("AND") || looking_at_operator("OR")) {
      return cursor_.error(fmt::format("a condition is missing before {}", cursor_.next_for_message()));
    }
    text = bare("()[],\"=<>|");
    is_word = true;
  }
  std::size_t behind = cursor_.offset();
  if (std::optional<Comparison> with = try_comparison()) {
    if (!text.empty()) return comparison(std::move(text), begin, *with);
    return cursor_.error_at(begin, fmt::format("a field name is missing before \"{}\"", with->text));
  }
  if (try_operator("IN")) return list(std::move(text), begin);
  cursor_.move_to(behind);
  return is_word ? word(text, begin) : term(text, begin);
}

// A bare word that is compared with nothing.
Parsed<Condition> Parser::word(std::string_view text, std::size_t begin) {
  Cursor ahead = cursor_;
  if (ahead.try_text("in") && ahead.peek() == '(') return cursor_.error("IN must be written in capitals");
  bool called = cursor_.text(cursor_.range()).starts_with('(');
  if (called && text == "CASE") {
    return cursor_.error_at(begin,
                            "CASE() is not supported: words are looked for without case; use where with "
                            "match(_raw, \"…\") instead");
  }
  if (called && text == "TERM") {
    Parsed<Range> inside = cursor_.parenthesized();
    if (!inside) return std::unexpected(inside.error());
    return term(Cursor(cursor_.source(), *inside).rest(), begin);
  }
  if (cursor_.text(cursor_.range()).starts_with('"')) {
    return cursor_.error(
        fmt::format("a quote begins in the middle of the word {}: put the whole in quotes", text));
  }
  return term(unquote(text), begin);
}

Parsed<void> Parser::check_field(std::string_view field, std::size_t begin) const {
  if (std::ranges::find(kTimeModifiers, field) != kTimeModifiers.end()) {
    return cursor_.error_at(begin,
                            fmt::format("the time modifier {}= is not supported in a search: a detection's "
                                        "window is set by its schedule (earliest, latest)",
                                        field));
  }
  if (field == "savedsearch" || field == "savedsplunk") {
    return cursor_.error_at(begin, fmt::format("{}= is not supported: write its search here", field));
  }
  if (field.contains('*')) {
    return cursor_.error_at(begin, fmt::format("\"*\" in the field name \"{}\" is not supported", field));
  }
  return {};
}

// The right side of a comparison, or an item of a list: quoted, or a bare word.
Parsed<std::string> Parser::value(std::string_view what) {
  if (cursor_.peek() == '"') return cursor_.quoted();
  cursor_.skip_blanks();
  std::string_view text = bare("()[],\"|");
  if (text.empty()) {
    return cursor_.error(
        fmt::format("a value is missing after {}, before {}", what, cursor_.next_for_message()));
  }
  return unquote(text);
}

Condition Parser::equals(std::string_view field, std::string_view pattern, std::size_t begin) {
  Condition condition = make(Kind::equal, begin);
  condition.field = names_.intern(field);
  condition.pattern = Pattern(pattern);
  return condition;
}

std::optional<Condition> Parser::in_network(std::string_view field, std::string_view pattern,
                                            std::size_t begin) {
  std::optional<Network> network = Network::parse(pattern);
  if (!network) return std::nullopt;
  Condition condition = make(Kind::cidr, begin);
  condition.field = names_.intern(field);
  condition.pattern = Pattern(pattern);
  condition.network = network;
  return condition;
}

Parsed<Condition> Parser::comparison(std::string field, std::size_t begin, Comparison with) {
  Parsed<void> allowed = check_field(field, begin);
  if (!allowed) return std::unexpected(allowed.error());
  Parsed<std::string> right = value(fmt::format("{}{}", field, with.text));
  if (!right) return std::unexpected(right.error());
  if (cursor_.text(cursor_.range()).starts_with('"')) {
    return cursor_.error(
        fmt::format("a quote begins right behind the value of {}: put the whole value in quotes", field));
  }
  std::optional<Condition> network = in_network(field, *right, begin);
  if (network && with.kind == Kind::equal) return std::move(*network);
  if (network && with.kind == Kind::not_equal) {
    Condition outside = make(Kind::none_of, begin);
    outside.children.push_back(std::move(*network));
    Condition both = make(Kind::all_of, begin);
    both.children.push_back(equals(field, "*", begin));
    both.children.push_back(std::move(outside));
    return both;
  }
  Condition condition = equals(field, *right, begin);
  condition.kind = with.kind;
  return condition;
}

Parsed<Condition> Parser::list(std::string field, std::size_t begin) {
  Parsed<void> allowed = check_field(field, begin);
  if (!allowed) return std::unexpected(allowed.error());
  cursor_.skip_blanks();
  std::size_t open = cursor_.offset();
  if (!cursor_.try_char('(')) {
    return cursor_.error(
        fmt::format("\"(\" is missing after {} IN, before {}", field, cursor_.next_for_message()));
  }
  Condition in = make(Kind::in, begin);
  in.field = names_.intern(field);
  std::vector<Condition> networks;
  while (!cursor_.try_char(')')) {
    if (cursor_.at_end())
      return cursor_.error_at(open, "the list is opened here and never closed: \")\" is missing");
    Parsed<std::string> item = value(fmt::format("{} IN (", field));
    if (!item) return std::unexpected(item.error());
    if (std::optional<Condition> network = in_network(field, *item, begin)) {
      networks.push_back(std::move(*network));
    } else {
      in.patterns.emplace_back(*item);
    }
    cursor_.try_char(',');
  }
  if (in.patterns.empty() && networks.empty()) {
    return cursor_.error_at(open, fmt::format("the list of {} IN is empty", field));
  }
  if (networks.empty()) return in;
  Condition any = make(Kind::any_of, begin);
  any.children = std::move(networks);
  if (!in.patterns.empty()) any.children.push_back(std::move(in));
  return any;
}

Parsed<Condition> Parser::term(std::string_view text, std::size_t begin) {
  if (text == "*") return make(Kind::always, begin);
  if (text.empty()) return cursor_.error_at(begin, "an empty text matches nothing: write * for every event");
  Condition condition = equals("_raw", fmt::format("*{}*", text), begin);
  condition.kind = Kind::term;
  return condition;
}

}  // namespace

Parsed<Condition> parse_condition(const SourceText& source, std::size_t begin, std::size_t end,
                                  FieldNames& names) {
  return Parser(source, begin, end, names).parse();
}

}  // namespace hecate::spl
