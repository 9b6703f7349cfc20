#include "pipeline/spl/transaction.h"

#include "absl/container/flat_hash_map.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

namespace hecate::spl {
namespace {

// The values of each field of the rules that a row or a transaction has.
using FieldValues = std::vector<std::set<std::string, std::less<>>>;

struct Transaction {
  std::vector<std::size_t> rows;  // the newest first
  FieldValues values;
  Time latest = 0;
  Time earliest = 0;
  bool open = true;
  bool started = false;
  bool ended = false;
};

bool share_value(const FieldValues::value_type& a, const FieldValues::value_type& b) {
  return std::ranges::any_of(a, [&](const std::string& value) { return b.contains(value); });
}

class Transactions final : public Operator {
 public:
  Transactions(const TransactionRules& rules, EvalContext& context, Operator& next)
      : rules_(rules), context_(context), next_(next), rows_(context) {}

  void take(Row& row, std::string_view group) override {
    std::optional<double> seconds = to_number(row.get(std::string_view("_time")));
    if (!seconds) return;
    rows_.add(row, group);
    times_.push_back(static_cast<Time>(std::llround(*seconds * kSecond)));
  }
  void finish() override {
    std::vector<std::size_t> order(times_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return times_[a] > times_[b]; });
    for (std::size_t row : order) place(row);
    std::ranges::stable_sort(
        made_, [](const Transaction& a, const Transaction& b) { return a.earliest > b.earliest; });
    for (const Transaction& made : made_) emit(made);
    next_.finish();
  }

 private:
  [[nodiscard]] bool satisfies(std::size_t row, const TransactionRules::Mark& mark) {
    if (const auto* condition = std::get_if<Condition>(&mark))
      return matches(*condition, rows_.rows()[row].row, context_);
    const auto* expression = std::get_if<Expression>(&mark);
    return expression != nullptr && evaluate(*expression, rows_.rows()[row].row, context_).is_true();
  }
  [[nodiscard]] FieldValues values_of(std::size_t row) {
    FieldValues values(rules_.fields.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      Value value = rows_.rows()[row].row.get(rules_.fields[i].name);
      for (const Value& item : value.each()) {
        std::string text;
        append_text(item, text);
        values[i].insert(std::move(text));
      }
    }
    return values;
  }

  void place(std::size_t row) {
    FieldValues values = values_of(row);
    bool orphan = !values.empty() && std::ranges::all_of(values, [](const auto& set) { return set.empty(); });
    if (orphan) {
      if (rules_.keep_orphans) emit_orphan(row);
      return;
    }
    bool ends = rules_.has_end() && satisfies(row, rules_.ends_with);
    bool starts = rules_.has_start() && satisfies(row, rules_.starts_with);
    Transaction* into = find(values, times_[row]);
    // The last event of another one, unless this is the first event that the open one waits for.
    if (into != nullptr && ends && !(starts && into->ended)) {
      into->open = false;
      into = nullptr;
    }
    bool fresh = into == nullptr;
    if (fresh) into = &open(row, values, ends);
    join(*into, row, values);
    if (starts && !(fresh && ends)) {
      into->started = true;
      into->open = false;
    }
    if (into->rows.size() >= rules_.most_events) into->open = false;
  }

  Transaction& open(std::size_t row, const FieldValues& values, bool ends) {
    Transaction& made = made_.emplace_back();
    made.values.resize(values.size());
    made.latest = times_[row];
    made.ended = ends;
    context_.held_bytes += sizeof(Transaction);
    if (rules_.fields.empty() || !rules_.connected) all_open_.push_back(made_.size() - 1);
    return made;
  }
  void join(Transaction& into, std::size_t row, const FieldValues& values) {
    into.rows.push_back(row);
    into.earliest = times_[row];
    auto number = static_cast<std::size_t>(&into - &made_[0]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (const std::string& value : values[i]) {
        if (!into.values[i].insert(value).second || !rules_.connected) continue;
        by_value_[key_of(i, value)].push_back(number);
        context_.held_bytes += value.size() + sizeof(number);
      }
    }
  }

  // The open transaction that an event with these values belongs to: of several the one that was added to
  // last.
  Transaction* find(const FieldValues& values, Time time) {
    Transaction* found = nullptr;
    auto look = [&](std::vector<std::size_t>& candidates) {
      std::erase_if(candidates, [&](std::size_t number) { return !still_open(made_[number], time); });
      for (std::size_t number : candidates) {
        Transaction& candidate = made_[number];
        if (!agrees(candidate, values)) continue;
        if (found == nullptr || candidate.earliest < found->earliest ||
            (candidate.earliest == found->earliest && candidate.rows.back() > found->rows.back()))
          found = &candidate;
      }
    };
    if (rules_.fields.empty() || !rules_.connected) look(all_open_);
    for (std::size_t i = 0; rules_.connected && i < values.size(); ++i) {
      for (const std::string& value : values[i]) {
        auto candidates = by_value_.find(key_of(i, value));
        if (candidates != by_value_.end()) look(candidates->second);
      }
    }
    return found;
  }
  // Events come from the newest to the oldest: what this one is too far from, all that follow are.
  bool still_open(Transaction& candidate, Time time) const {
    bool too_long = rules_.most_span >= 0 && candidate.latest - time > rules_.most_span;
    bool too_far = rules_.most_pause >= 0 && candidate.earliest - time > rules_.most_pause;
    if (too_long || too_far) candidate.open = false;
    return candidate.open;
  }
  static bool agrees(const Transaction& candidate, const FieldValues& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      bool both = !values[i].empty() && !candidate.values[i].empty();
      if (both && !share_value(values[i], candidate.values[i])) return false;
    }
    return true;
  }
  static std::string key_of(std::size_t field, const std::string& value) {
    return std::to_string(field) + ":" + value;
  }

  void emit_orphan(std::size_t row) {
    HeldRows::Held& held = rows_.rows()[row];
    held.row.set("_txn_orphan", 1.0);
    next_.take(held.row, held.group);
  }
  void emit(const Transaction& made) {
    bool whole = (!rules_.has_start() || made.started) && (!rules_.has_end() || made.ended);
    if (!whole && !rules_.keep_evicted) return;
    Row row;
    for (const auto& [name, values] : gather(made)) row.set(name, values);
    row.set("_time", static_cast<double>(made.earliest) / kSecond);
    row.set("duration", static_cast<double>(made.latest - made.earliest) / kSecond);
    row.set("eventcount", static_cast<double>(made.rows.size()));
    row.set("closed_txn", whole ? 1.0 : 0.0);
    next_.take(row, made.rows.size() == 1 ? rows_.rows()[made.rows[0]].group : std::string_view());
  }
  // The fields of all its events, in the order of time.
  std::vector<std::pair<std::string_view, Value>> gather(const Transaction& made) {
    std::vector<std::pair<std::string_view, std::vector<Value>>> fields;
    absl::flat_hash_map<std::string_view, std::size_t> places;
    for (auto row = made.rows.rbegin(); row != made.rows.rend(); ++row) {
      for (const Row::Entry& entry : rows_.rows()[*row].row.entries()) {
        auto [place, fresh] = places.try_emplace(entry.name, fields.size());
        if (fresh) fields.push_back({entry.name, {}});
        for (const Value& item : entry.value.each()) fields[place->second].second.push_back(item);
      }
    }
    std::vector<std::pair<std::string_view, Value>> result;
    for (auto& [name, values] : fields) result.emplace_back(name, together(name, values));
    return result;
  }
  Value together(std::string_view name, std::vector<Value>& values) {
    if (name == "_raw" && !rules_.keep_raws) return {to_text(Value::multi(values), context_.arena)};
    if (name != "_raw" && !rules_.keep_lists) {
      auto text = [&](const Value& value) { return to_text(value, context_.arena); };
      std::ranges::stable_sort(values, {}, text);
      auto repeated = std::ranges::unique(values, {}, text);
      values.erase(repeated.begin(), repeated.end());
    }
    return copy_value(Value::multi(values), context_.arena);
  }

  const TransactionRules& rules_;
  EvalContext& context_;
  Operator& next_;
  HeldRows rows_;
  std::vector<Time> times_;  // of rows_
  std::vector<Transaction> made_;
  std::vector<std::size_t> all_open_;  // where every open one may take an event
  absl::flat_hash_map<std::string, std::vector<std::size_t>> by_value_;
};

}  // namespace

std::unique_ptr<Operator> make_transactions(const TransactionRules& rules, EvalContext& context,
                                            Operator& next) {
  return std::make_unique<Transactions>(rules, context, next);
}

}  // namespace hecate::spl
