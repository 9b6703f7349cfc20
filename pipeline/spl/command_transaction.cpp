// transaction: events that belong together become one row.
#include "fmt/format.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/functions_lookup.h"
#include "pipeline/spl/span.h"
#include "pipeline/spl/transaction.h"
#include "pipeline/spl/values.h"

#include <array>

namespace hecate::spl {
namespace {

using Mark = TransactionRules::Mark;

void collect(const Mark& mark, std::vector<FieldRef>& fields) {
  if (const auto* condition = std::get_if<Condition>(&mark)) collect_fields(*condition, fields);
  if (const auto* expression = std::get_if<Expression>(&mark)) collect_fields(*expression, fields);
}

class TransactionCommand final : public Command {
 public:
  TransactionCommand(TransactionRules rules, FieldRef time) : rules_(std::move(rules)), time_(time) {}

  // It never streams, so no fingerprint has it.
  std::string canonical() const override { return "transaction"; }
  void need(FieldNeed& need) const override {
    std::vector<FieldRef> fields = rules_.fields;
    collect(rules_.starts_with, fields);
    collect(rules_.ends_with, fields);
    fields.push_back(time_);
    for (std::string_view made : {"duration", "eventcount", "closed_txn"}) need.remove(made);
    need.add(fields);
  }
  bool puts_rows_together() const override { return true; }
  bool gives_open_results() const override { return true; }
  void follow_keys(std::vector<std::string>& keys) const override {
    keys.clear();
    for (const FieldRef& field : rules_.fields) keys.emplace_back(field.name);
    keys.emplace_back("_time");
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return make_transactions(rules_, context, next);
  }

 private:
  TransactionRules rules_;
  FieldRef time_;
};

// eval(expression), (search), "search" or a word.
Parsed<Mark> parse_mark(Cursor& cursor, FieldNames& names) {
  Cursor ahead = cursor;
  bool is_eval = ahead.try_keyword("eval") && ahead.looking_at("(");
  if (is_eval) cursor = ahead;
  if (cursor.looking_at("(")) {
    Parsed<Range> range = cursor.parenthesized();
    if (!range) return std::unexpected(range.error());
    if (is_eval) {
      Parsed<Expression> expression =
          without_lookup(parse_expression(cursor.source(), range->begin, range->end, names));
      if (!expression) return std::unexpected(expression.error());
      return Mark(std::move(*expression));
    }
    Parsed<Condition> condition = parse_condition(cursor.source(), range->begin, range->end, names);
    if (!condition) return std::unexpected(condition.error());
    return Mark(std::move(*condition));
  }
  Position place = cursor.position();
  Parsed<std::string> text = cursor.value();
  if (!text) return std::unexpected(text.error());
  SourceText source;
  source.append(*text, place, true);
  Parsed<Condition> condition = parse_condition(source, 0, text->size(), names);
  if (!condition) return std::unexpected(condition.error());
  return Mark(std::move(*condition));
}

Parsed<bool> read_mark(Cursor& cursor, std::string_view option, Mark& mark, FieldNames& names) {
  if (!cursor.try_option(option)) return false;
  Parsed<Mark> given = parse_mark(cursor, names);
  if (!given) return std::unexpected(given.error());
  mark = std::move(*given);
  return true;
}

// A span, or -1 for none.
Parsed<bool> read_time(Cursor& cursor, std::string_view option, Time& time) {
  if (!cursor.try_option(option)) return false;
  Position place = cursor.position();
  Parsed<std::string> text = cursor.value();
  if (!text) return std::unexpected(text.error());
  if (text->starts_with('-')) {
    time = -1;
    return true;
  }
  std::optional<Time> span = *text == "0" || *text == "0s" ? std::optional<Time>(0) : parse_span(*text);
  if (!span)
    return std::unexpected(
        Diagnostic{place, fmt::format("{}={} is no length of time, as 30s or 1h", option, *text)});
  time = *span;
  return true;
}

Parsed<bool> read_flags(Cursor& cursor, TransactionRules& rules) {
  using Flag = bool TransactionRules::*;
  constexpr auto kFlags =
      std::to_array<std::pair<std::string_view, Flag>>({{"connected", &TransactionRules::connected},
                                                        {"keepevicted", &TransactionRules::keep_evicted},
                                                        {"keeporphans", &TransactionRules::keep_orphans},
                                                        {"mvlist", &TransactionRules::keep_lists},
                                                        {"mvraw", &TransactionRules::keep_raws}});
  for (auto [name, flag] : kFlags) {
    if (!cursor.try_option(name)) continue;
    Parsed<bool> given = cursor.boolean();
    if (!given) return given;
    rules.*flag = *given;
    return true;
  }
  return false;
}

// Reads one option; false when none is next.
Parsed<bool> read_option(Cursor& cursor, TransactionRules& rules, FieldNames& names) {
  Position place = cursor.position();
  using Reader = Parsed<bool> (*)(Cursor&, TransactionRules&, FieldNames&);
  constexpr auto kReaders = std::to_array<Reader>({
      [](Cursor& c, TransactionRules& r, FieldNames&) { return read_time(c, "maxspan", r.most_span); },
      [](Cursor& c, TransactionRules& r, FieldNames&) { return read_time(c, "maxpause", r.most_pause); },
      [](Cursor& c, TransactionRules& r, FieldNames& n) {
        return read_mark(c, "startswith", r.starts_with, n);
      },
      [](Cursor& c, TransactionRules& r, FieldNames& n) { return read_mark(c, "endswith", r.ends_with, n); },
      [](Cursor& c, TransactionRules& r, FieldNames&) { return read_flags(c, r); },
  });
  for (Reader reader : kReaders) {
    if (Parsed<bool> read = reader(cursor, rules, names); !read || *read) return read;
  }
  if (cursor.try_option("maxevents")) {
    Parsed<long> most = parse_count(cursor, 1);
    if (!most) return std::unexpected(most.error());
    rules.most_events = static_cast<std::size_t>(*most);
    return true;
  }
  // What only bounds memory, which the detection's budget does here, or says how Splunk shows a list.
  for (std::string_view ignored : {"maxopentxn", "maxopenevents", "delim", "nullstr"}) {
    if (!cursor.try_option(ignored)) continue;
    if (Parsed<std::string> given = cursor.value(); !given) return std::unexpected(given.error());
    return true;
  }
  if (std::optional<std::string_view> other = cursor.try_option())
    return std::unexpected(Diagnostic{place, fmt::format("{}= of transaction is not supported", *other)});
  return false;
}

}  // namespace

Parsed<void> parse_transaction(Cursor& cursor, FieldNames& names, Commands& commands) {
  TransactionRules rules;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    Parsed<bool> option = read_option(cursor, rules, names);
    if (!option) return std::unexpected(option.error());
    if (*option) continue;
    Parsed<std::string> field = cursor.field();
    if (!field) return std::unexpected(field.error());
    rules.fields.push_back(names.intern(*field));
  }
  commands.push_back(std::make_unique<TransactionCommand>(std::move(rules), names.intern("_time")));
  return {};
}

}  // namespace hecate::spl
