// The closing part: merged groups in, result rows out, pushed through the commands that are left.
#include "fmt/format.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/planned.h"
#include "pipeline/spl/span.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace hecate::spl {
namespace {

// The end of the chain.
class Emitter final : public Operator {
 public:
  Emitter(const Planned& planned, ResultSink sink) : planned_(planned), sink_(std::move(sink)) {
    for (std::size_t i = planned.closing_begin(); i < planned.commands.size(); ++i)
      regrouped_ |= planned.commands[i]->puts_rows_together();
  }

  void take(Row& row, std::string_view group) override {
    std::erase_if(row.entries(), [](const Row::Entry& entry) { return entry.value.is_null(); });
    ResultRow result{row, {}, group};
    result.regrouped = regrouped_;
    for (const std::string& key : planned_.keys) {
      Value value = row.get(std::string_view(key));
      if (!value.is_null()) result.keys.emplace_back(key, value);
    }
    result.hides_keys = result.keys.size() < planned_.keys.size();
    result.is_event = planned_.aggregation == nullptr && !regrouped_ && !group.empty();
    std::vector<std::string> others;
    if (planned_.open_results) others = all_but_keys(row);
    result.aggregates = planned_.open_results ? others : planned_.aggregates;
    sink_(result);
  }
  void finish() override {}

 private:
  [[nodiscard]] std::vector<std::string> all_but_keys(const Row& row) const {
    std::vector<std::string> names;
    for (const Row::Entry& entry : row.entries()) {
      if (std::ranges::find(planned_.keys, entry.name) == planned_.keys.end()) names.emplace_back(entry.name);
    }
    return names;
  }

  const Planned& planned_;
  ResultSink sink_;
  bool regrouped_ = false;
};

class PlannedClosing final : public Closing {
 public:
  PlannedClosing(std::shared_ptr<const Planned> planned, EvalContext& context, ResultSink sink)
      : planned_(std::move(planned)),
        context_(context),
        emitter_(*planned_, std::move(sink)),
        first_(&emitter_) {
    for (std::size_t i = planned_->commands.size(); i > planned_->closing_begin(); --i) {
      operators_.push_back(planned_->commands[i - 1]->start(context_, *first_));
      first_ = operators_.back().get();
    }
    if (planned_->aggregation != nullptr)
      groups_ = planned_->commands[planned_->closing_begin() - 1]->start_groups(context_, *first_);
    if (planned_->automatic_span()) span_ = automatic_span(context.latest - context.earliest);
  }

  void group(std::string_view key, const GroupState& state) override {
    any_ = true;
    if (planned_->aggregation == nullptr) {
      Row row;
      if (decode_row(state.parts().row, row, context_.arena)) first_->take(row, key);
    } else if (groups_ != nullptr) {
      groups_->take_group(key, state);
    } else if (span_ > kMinute) {
      put_together(key, state.parts());
    } else {
      pass(key, state.parts(), key);
    }
  }
  void finish() override {
    for (const auto& [key, joined] : joined_) pass(key, joined.parts, joined.origin);
    bool whole = planned_->aggregation != nullptr && planned_->aggregation->by().empty();
    if (!any_ && whole) pass(kWholeKey, GroupState::Parts(), kWholeKey);
    groups_ != nullptr ? groups_->finish() : first_->finish();
  }

 private:
  struct Joined {
    GroupState::Parts parts;
    std::string origin;  // empty where there are several
  };

  void pass(std::string_view key, const GroupState::Parts& parts, std::string_view origin) {
    Row row;
    if (!planned_->aggregation->set_by(key, row, context_)) return;
    planned_->aggregation->set_results(parts, row, context_);
    first_->take(row, origin);
  }
  // Groups of single minutes become those of the window's span.
  void put_together(std::string_view key, const GroupState::Parts& parts) {
    const std::vector<Aggregation::ByField>& by = planned_->aggregation->by();
    std::vector<std::string> values;
    if (!decode_key(key, by.size(), values)) return;
    std::string coarse;
    for (std::size_t i = 0; i < by.size(); ++i) {
      std::optional<double> number = by[i].automatic ? to_number(values[i]) : std::nullopt;
      if (number)
        values[i] = format_epoch(floor_to(static_cast<Time>(std::llround(*number * kSecond)), span_));
      append_key_value(values[i], coarse);
    }
    std::size_t bytes = sizeof(Joined) + coarse.size() + key.size();
    auto [place, fresh] = joined_.try_emplace(std::move(coarse));
    if (fresh) context_.held_bytes += bytes;
    place->second.origin = fresh ? std::string(key) : std::string();
    static_cast<void>(place->second.parts.merge(GroupState::Parts(parts)));
  }

  std::shared_ptr<const Planned> planned_;
  EvalContext& context_;
  Emitter emitter_;
  std::vector<std::unique_ptr<Operator>> operators_;  // the last command first
  Operator* first_;
  std::unique_ptr<GroupOperator> groups_;  // of an aggregation that takes them itself
  Time span_ = 0;
  std::map<std::string, Joined> joined_;
  bool any_ = false;
};

}  // namespace

bool Planned::automatic_span() const {
  if (aggregation == nullptr) return false;
  for (const Aggregation::ByField& by : aggregation->by()) {
    if (by.automatic) return true;
  }
  return false;
}

Result<void> run(const Plan& plan, EvalContext& context, GroupReader read, ResultSink sink) {
  if (Result<void> done = plan.run_subsearches(context, read); !done) return done;
  std::unique_ptr<Closing> closing = plan.close(context, std::move(sink));
  auto visit = [&](std::string_view key, const GroupState& state) {
    closing->group(key, state);
    context.arena.reset();
    bool room = context.held_bytes <= context.held_most;
    if (!room) context.incomplete = "the closing part would keep more than its limit of memory";
    return room;
  };
  if (Result<void> done = read(plan.scan(), visit); !done) return done;
  closing->finish();
  if (context.rows_cut > 0)
    context.incomplete =
        fmt::format("{} rows belonged to more groups, had more to look up or gave more fields than one may",
                    context.rows_cut);
  return {};
}

std::unique_ptr<Closing> make_closing(std::shared_ptr<const Planned> planned, EvalContext& context,
                                      ResultSink sink) {
  return std::make_unique<PlannedClosing>(std::move(planned), context, std::move(sink));
}

}  // namespace hecate::spl
