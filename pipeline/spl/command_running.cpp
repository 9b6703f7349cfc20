// Commands that carry something from one row to the next: accum, delta, autoregress, filldown, uniq.
#include "fmt/format.h"
#include "pipeline/spl/aggregate.h"
#include "pipeline/spl/command.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>

namespace hecate::spl {
namespace {

constexpr long kMostBack = 1000;  // rows that delta and autoregress look back

// A command whose work on each row is one function with a memory of its own. It keeps the order of rows, and
// each row by itself, but what a row says depends on those before it.
class RunningCommand final : public Command {
 public:
  // Changes the row; false drops it.
  using Step = std::function<bool(Row& row, EvalContext& context)>;
  using Need = std::function<void(FieldNeed& need)>;

  RunningCommand(std::string canonical, std::function<Step()> make, Need need, Names results)
      : canonical_(std::move(canonical)),
        make_(std::move(make)),
        need_(std::move(need)),
        results_(std::move(results)) {}

  std::string canonical() const override { return canonical_; }
  void need(FieldNeed& need) const override { need_(need); }
  void add_results(std::vector<std::string>& names) const override {
    names.insert(names.end(), results_.begin(), results_.end());
  }
  std::unique_ptr<Operator> start(EvalContext& context, Operator& next) const override {
    return std::make_unique<Run>(make_(), context, next);
  }

 private:
  class Run final : public Operator {
   public:
    Run(Step step, EvalContext& context, Operator& next)
        : step_(std::move(step)), context_(context), next_(next) {}
    void take(Row& row, std::string_view group) override {
      if (step_(row, context_)) next_.take(row, group);
    }
    void finish() override { next_.finish(); }

   private:
    Step step_;
    EvalContext& context_;
    Operator& next_;
  };

  std::string canonical_;
  std::function<Step()> make_;
  Need need_;
  Names results_;  // the fields it sets: they change with the rows before
};

void add(Commands& commands, std::string canonical, std::function<RunningCommand::Step()> make,
         RunningCommand::Need need, Command::Names results = {}) {
  commands.push_back(std::make_unique<RunningCommand>(std::move(canonical), std::move(make), std::move(need),
                                                      std::move(results)));
}

Parsed<FieldRef> parse_one(Cursor& cursor, FieldNames& names) {
  Parsed<std::string> field = cursor.field();
  if (!field) return std::unexpected(field.error());
  return names.intern(*field);
}

// `AS name` or nothing.
Parsed<FieldRef> parse_target(Cursor& cursor, FieldRef usual, FieldNames& names) {
  return cursor.try_keyword("as") ? parse_one(cursor, names) : Parsed<FieldRef>(usual);
}

std::string text_of(const Value& value) {
  std::string text;
  append_text(value, text);
  return text;
}

// Values of the rows before, as texts; nullopt where a row had none.
using Past = std::deque<std::optional<std::string>>;

void remember(Past& past, const Value& value, std::size_t most) {
  past.push_front(value.is_null() ? std::nullopt : std::optional(text_of(value)));
  if (past.size() > most) past.pop_back();
}

}  // namespace

// The running sum; rows without a number are left as they are.
Parsed<void> parse_accum(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<FieldRef> field = parse_one(cursor, names);
  if (!field) return std::unexpected(field.error());
  Parsed<FieldRef> target = parse_target(cursor, *field, names);
  if (!target) return std::unexpected(target.error());
  auto make = [from = *field, to = *target] {
    return [from, to, sum = ExactSum()](Row& row, EvalContext&) mutable {
      if (std::optional<double> number = to_number(row.get(from))) {
        sum.add(*number);
        row.set(to.name, sum.total());
      }
      return true;
    };
  };
  add(commands, fmt::format("accum {:?} {:?}", field->name, target->name), make,
      [from = *field](FieldNeed& need) { need.add({&from, 1}); }, {std::string(target->name)});
  return {};
}

// What the value is more than that of the row `p` rows before.
Parsed<void> parse_delta(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<FieldRef> field = parse_one(cursor, names);
  if (!field) return std::unexpected(field.error());
  FieldRef usual = names.intern(fmt::format("delta({})", field->name));
  Parsed<FieldRef> target = parse_target(cursor, usual, names);
  if (!target) return std::unexpected(target.error());
  long back = 1;
  Position place = cursor.position();
  if (cursor.try_option("p")) {
    Parsed<long> given = parse_count(cursor, 1);
    if (!given) return std::unexpected(given.error());
    back = *given;
  }
  if (back > kMostBack)
    return std::unexpected(Diagnostic{place, fmt::format("delta looks back {} rows at most", kMostBack)});
  auto make = [from = *field, to = *target, most = static_cast<std::size_t>(back)] {
    return [from, to, most, past = Past()](Row& row, EvalContext&) mutable {
      Value value = row.get(from);
      if (past.size() == most && past.back()) {
        std::optional<double> now = to_number(value);
        std::optional<double> before = to_number(std::string_view(*past.back()));
        if (now && before) row.set(to.name, *now - *before);
      }
      remember(past, value, most);
      return true;
    };
  };
  add(commands, fmt::format("delta {:?} {:?} {}", field->name, target->name, back), make,
      [from = *field](FieldNeed& need) { need.add({&from, 1}); }, {std::string(target->name)});
  return {};
}

// Values of rows before: `autoregress x AS y p=2`, or x_p1 … x_p3 with p=1-3.
Parsed<void> parse_autoregress(Cursor& cursor, FieldNames& names, Commands& commands) {
  Parsed<FieldRef> field = parse_one(cursor, names);
  if (!field) return std::unexpected(field.error());
  Position place = cursor.position();
  Parsed<FieldRef> target = parse_target(cursor, FieldRef{}, names);
  if (!target) return std::unexpected(target.error());
  long first = 1;
  long last = 1;
  if (cursor.try_option("p")) {
    Parsed<std::string> range = cursor.value();
    if (!range) return std::unexpected(range.error());
    std::size_t dash = range->find('-');
    std::optional<double> from = to_number(std::string_view(*range).substr(0, dash));
    std::optional<double> to =
        dash == std::string::npos ? from : to_number(std::string_view(*range).substr(dash + 1));
    if (!from || !to || *from < 1 || *to < *from || *to > kMostBack)
      return std::unexpected(
          Diagnostic{place, fmt::format("p={} is neither a number of rows nor a range of them", *range)});
    first = static_cast<long>(*from);
    last = static_cast<long>(*to);
  }
  if (!target->name.empty() && first != last)
    return std::unexpected(
        Diagnostic{place, "autoregress of several rows names its fields itself: leave AS out"});
  std::vector<FieldRef> targets;
  for (long p = first; p <= last; ++p)
    targets.push_back(target->name.empty() ? names.intern(fmt::format("{}_p{}", field->name, p)) : *target);
  Command::Names results;
  for (const FieldRef& one : targets) results.emplace_back(one.name);
  auto make = [from = *field, targets, first = static_cast<std::size_t>(first),
               last = static_cast<std::size_t>(last)] {
    return [from, targets, first, last, past = Past()](Row& row, EvalContext& context) mutable {
      Value value = row.get(from);
      for (std::size_t p = first; p <= last && p <= past.size(); ++p) {
        if (past[p - 1]) row.set(targets[p - first].name, Value(context.arena.copy(*past[p - 1])));
      }
      remember(past, value, last);
      return true;
    };
  };
  add(
      commands, fmt::format("autoregress {:?} {} {} {:?}", field->name, first, last, target->name), make,
      [from = *field](FieldNeed& need) { need.add({&from, 1}); }, std::move(results));
  return {};
}

// A row without the field takes the value of the row before; all fields without a list.
Parsed<void> parse_filldown(Cursor& cursor, FieldNames& names, Commands& commands) {
  std::vector<NamePattern> patterns;
  std::vector<FieldRef> fields;
  while (!cursor.at_end()) {
    if (cursor.try_char(',')) continue;
    Parsed<std::string> name = cursor.field();
    if (!name) return std::unexpected(name.error());
    patterns.emplace_back(*name);
    if (!patterns.back().has_wildcard()) fields.push_back(names.intern(*name));
  }
  if (patterns.empty()) patterns.emplace_back("*");
  bool all = fields.size() < patterns.size();
  std::string canonical = "filldown";
  for (const NamePattern& pattern : patterns) canonical += fmt::format(" {:?}", pattern.text());
  auto make = [patterns] {
    return [patterns, last = std::map<std::string, std::string, std::less<>>()](
               Row& row, EvalContext& context) mutable {
      for (const auto& [name, text] : last) {
        if (row.get(std::string_view(name)).is_null())
          row.set(context.arena.copy(name), Value(context.arena.copy(text)));
      }
      for (const Row::Entry& entry : row.entries()) {
        bool meant = std::ranges::any_of(
            patterns, [&](const NamePattern& pattern) { return pattern.matches(entry.name); });
        if (meant && !entry.value.is_null()) last[std::string(entry.name)] = text_of(entry.value);
      }
      return true;
    };
  };
  add(commands, std::move(canonical), make, [fields, all](FieldNeed& need) {
    if (all) need.add_all();
    need.add(fields);
  });
  return {};
}

// Of rows behind one another that are the same, the first.
Parsed<void> parse_uniq(Cursor& /*cursor*/, FieldNames& /*names*/, Commands& commands) {
  auto make = [] {
    return [before = std::optional<std::string>()](Row& row, EvalContext&) mutable {
      Row sorted = row;
      std::erase_if(sorted.entries(), [](const Row::Entry& entry) { return entry.value.is_null(); });
      std::ranges::sort(sorted.entries(), {}, &Row::Entry::name);
      std::string key;
      encode_row(sorted, key);
      if (before == key) return false;
      before = std::move(key);
      return true;
    };
  };
  add(commands, "uniq", make, [](FieldNeed& need) { need.add_all(); });
  return {};
}

}  // namespace hecate::spl
