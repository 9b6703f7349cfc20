// What one event comes to in a search, step by step.
#include "pipeline/spl/explain.h"
#include "pipeline/spl/planned.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <map>

namespace hecate::spl {
namespace {

// More rows than these are counted and not looked at one by one.
constexpr std::size_t kMostPredicates = 5;

FieldTexts texts_of(std::string_view name, const Value& value) {
  FieldTexts texts{std::string(name), {}};
  for (const Value& item : value.each()) append_text(item, texts.values.emplace_back());
  return texts;
}

std::vector<FieldTexts> texts_of(const Row& row) {
  std::vector<FieldTexts> texts;
  for (const Row::Entry& entry : row.entries())
    if (!entry.value.is_null()) texts.push_back(texts_of(entry.name, entry.value));
  return texts;
}

// The end of one step: keeps its rows for the next.
class Collector final : public Operator {
 public:
  explicit Collector(EvalContext& context) : held_(context) {}
  void take(Row& row, std::string_view group) override { held_.add(row, group); }
  void finish() override {}
  [[nodiscard]] HeldRows& held() { return held_; }

 private:
  HeldRows held_;
};

class EventExplainer {
 public:
  EventExplainer(const Planned& planned, EvalContext& context) : planned_(planned), context_(context) {}

  Explanation explain(Row& row) {
    out_.condition = spl::explain(planned_.condition, row, context_, planned_.source);
    out_.matched = out_.condition.outcome == Clause::Outcome::yes;
    if (!out_.matched) return std::move(out_);
    std::vector<Row> rows{row};
    for (std::size_t i = 0; i < planned_.streaming; ++i)
      rows = stream(*planned_.commands[i], std::move(rows));
    if (planned_.aggregation != nullptr)
      gather(rows);
    else
      keep(rows);
    if (out_.contributed()) close();
    return std::move(out_);
  }

 private:
  std::vector<Row> stream(const Command& command, std::vector<Row> rows) {
    Explanation::Step& step = begin(out_.streaming, command, rows.size());
    std::vector<Row> next;
    for (Row& row : rows) {
      predicate(step, command, row);
      Row before = row;
      std::size_t first = next.size();
      command.each(row, context_, [&](Row& result) { next.push_back(result); });
      if (first == 0 && !next.empty()) changes(step, before, next.front());
    }
    step.rows_out = next.size();
    return next;
  }
  Explanation::Step& begin(std::vector<Explanation::Step>& steps, const Command& command, std::size_t rows) {
    Explanation::Step& step = steps.emplace_back();
    step.command = command.written;
    step.rows_in = rows;
    return step;
  }
  void predicate(Explanation::Step& step, const Command& command, const Row& row) {
    if (step.predicates.size() >= kMostPredicates) return;
    if (auto clause = command.explain(row, context_, planned_.source)) step.predicates.push_back(*clause);
  }
  // A field of the event beneath counts as changed where the row has it now.
  static void changes(Explanation::Step& step, const Row& before, const Row& after) {
    for (const Row::Entry& entry : after.entries()) {
      FieldTexts now = texts_of(entry.name, entry.value);
      auto same = std::ranges::find(before.entries(), entry.name, &Row::Entry::name);
      if (same == before.entries().end() || texts_of(same->name, same->value).values != now.values)
        step.changed.push_back(std::move(now));
    }
  }

  void gather(std::vector<Row>& rows) {
    const Aggregation& aggregation = *planned_.aggregation;
    std::map<std::string, GroupState> groups;
    std::uint32_t number = 0;
    for (const Row& row : rows) {
      RowOrder order{context_.event_time, context_.arrival, number++};
      bool any = false;
      aggregation.each_key(row, context_, [&](std::string_view key) {
        aggregation.add(row, context_, order, groups[std::string(key)].parts());
        any = true;
      });
      if (!any) note_null_by(row);
    }
    auto own = planned_.commands[planned_.streaming]->start_groups(context_, gathered_);
    for (const auto& [key, state] : groups) {
      Row made;
      if (!aggregation.set_by(key, made, context_)) continue;
      Explanation::Group& group = out_.groups.emplace_back();
      group.by = texts_of(made);
      aggregation.set_results(state.parts(), made, context_);
      std::vector<FieldTexts> all = texts_of(made);
      group.results.assign(all.begin() + static_cast<std::ptrdiff_t>(group.by.size()), all.end());
      own != nullptr ? own->take_group(key, state) : gathered_.take(made, key);
    }
    if (own != nullptr) own->finish();
  }
  void note_null_by(const Row& row) {
    for (const Aggregation::ByField& by : planned_.aggregation->by()) {
      std::string name(by.field.name);
      if (row.get(by.field).is_null() && std::ranges::find(out_.null_by, name) == out_.null_by.end())
        out_.null_by.push_back(std::move(name));
    }
  }
  void keep(std::vector<Row>& rows) {
    out_.keeps_event = !rows.empty();
    for (Row& row : rows) {
      if (planned_.keeps_all_fields) {
        if (row.base() != nullptr) row.flatten(context_.arena);
        gathered_.take(row, "event");
        continue;
      }
      Row kept;
      for (const FieldRef& field : planned_.kept_fields)
        kept.entries().push_back({field.name, row.get(field)});
      gathered_.take(kept, "event");
    }
  }

  void close() {
    std::vector<std::unique_ptr<Collector>> collectors;  // kept: rows may point into them
    HeldRows* rows = &gathered_.held();
    for (std::size_t i = planned_.closing_begin(); i < planned_.commands.size(); ++i) {
      const Command& command = *planned_.commands[i];
      Explanation::Step& step = begin(out_.closing, command, rows->rows().size());
      collectors.push_back(std::make_unique<Collector>(context_));
      auto work = command.start(context_, *collectors.back());
      Row first;
      if (!rows->rows().empty()) first = rows->rows().front().row;
      for (HeldRows::Held& held : rows->rows()) {
        predicate(step, command, held.row);
        work->take(held.row, held.group);
      }
      work->finish();
      rows = &collectors.back()->held();
      step.rows_out = rows->rows().size();
      if (!rows->rows().empty()) changes(step, first, rows->rows().front().row);
    }
    for (const HeldRows::Held& held : rows->rows()) out_.rows.push_back(texts_of(held.row));
  }

  const Planned& planned_;
  EvalContext& context_;
  Collector gathered_{context_};  // rows of them, or the event that is kept
  Explanation out_;
};

}  // namespace

Explanation explain_event(const Planned& planned, Row& row, EvalContext& context) {
  return EventExplainer(planned, context).explain(row);
}

}  // namespace hecate::spl
