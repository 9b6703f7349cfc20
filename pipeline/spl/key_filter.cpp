// Groups that the closing part will drop for what their keys are: found when the search is planned, left out
// as events arrive.
#include "pipeline/spl/key_filter.h"

#include "pipeline/spl/values.h"

#include <algorithm>
#include <array>
#include <set>

namespace hecate::spl {
namespace {

// What one filter command needs done before it, and the fields that this reads of a closing row.
struct Chain {
  std::vector<std::size_t> commands;  // the last first
  FieldNeed need;
};

Chain chain_before(const Planned& planned, std::size_t filter, FieldNames& names) {
  Chain chain{{filter}, FieldNeed(names)};
  chain.need.clear();
  planned.commands[filter]->need(chain.need);
  for (std::size_t i = filter; i > planned.closing_begin(); --i) {
    const Command& command = *planned.commands[i - 1];
    auto sets = [&](std::string_view name) { return command.may_set(name); };
    if (std::ranges::none_of(chain.need.fields(), sets)) continue;
    command.need(chain.need);
    chain.commands.push_back(i - 1);
  }
  return chain;
}

// Texts and what was said of them, for those that came last: 4,096 at most, and none that is long. Senders
// choose the texts, and what they make this keep stays in memory.
class Memo {
 public:
  static constexpr std::size_t kLongest = 1024;
  struct Entry {
    std::uint64_t scan = 0;
    std::string texts;
    bool passes = true;
  };
  Entry& at(std::uint64_t scan, std::string_view texts) {
    std::size_t hash = std::hash<std::string_view>()(texts) ^ static_cast<std::size_t>(scan);
    return entries_[hash % entries_.size()];
  }

 private:
  std::array<Entry, 4096> entries_;
};

}  // namespace

Planned::KeyFilter find_key_filter(const Planned& planned, FieldNames& names) {
  if (planned.aggregation == nullptr || planned.automatic_span()) return {};
  const auto& by = planned.aggregation->by();
  std::vector<std::string_view> results = {kBoundedField};
  planned.aggregation->collect_results(results);
  std::set<std::size_t> commands;
  std::set<std::size_t> fields;
  for (std::size_t i = planned.closing_begin(); i < planned.commands.size(); ++i) {
    const Command& command = *planned.commands[i];
    if (!command.row_by_row() || command.depends_on_search() || command.by_filter_macro) break;
    if (!command.only_filters()) continue;
    Chain chain = chain_before(planned, i, names);
    auto is_result = [&](std::string_view name) { return std::ranges::find(results, name) != results.end(); };
    if (chain.need.all() || std::ranges::any_of(chain.need.fields(), is_result)) continue;
    commands.insert(chain.commands.begin(), chain.commands.end());
    for (std::size_t field = 0; field < by.size(); ++field)
      if (chain.need.has(by[field].field.name)) fields.insert(field);
  }
  // A _time that is cut to a span is another text in the key.
  if (std::ranges::any_of(fields, [&](std::size_t field) { return by[field].span > 0; })) return {};
  return {{commands.begin(), commands.end()}, {fields.begin(), fields.end()}};
}

bool KeyFilter::lets_by(const Row& row, EvalContext& context) const {
  const Planned::KeyFilter& filter = planned_.key_filter;
  if (filter.commands.empty()) return true;
  thread_local Row key;
  thread_local std::string texts;
  key.clear();
  texts.clear();
  for (std::size_t field : filter.by) {
    const FieldRef& name = planned_.aggregation->by()[field].field;
    Value value = row.get(name);
    if (value.is_null() || value.is_multi()) return true;  // no group, or one that stands for a null; several
    std::string_view text = to_text(value, context.arena);
    texts.append(std::to_string(text.size())).append(" ").append(text);
    key.set(name.name, Value(text));
  }
  if (texts.size() > Memo::kLongest) return passes(0, key, context);
  thread_local Memo memo;
  Memo::Entry& known = memo.at(scan_, texts);
  if (known.scan != scan_ || known.texts != texts) known = {scan_, texts, passes(0, key, context)};
  return known.passes;
}

bool KeyFilter::passes(std::size_t step, Row& row, EvalContext& context) const {
  if (step == planned_.key_filter.commands.size()) return true;
  bool any = false;
  planned_.commands[planned_.key_filter.commands[step]]->each(
      row, context, [&](Row& next) { any = any || passes(step + 1, next, context); });
  return any;
}

}  // namespace hecate::spl
