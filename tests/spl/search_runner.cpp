#include "tests/spl/search_runner.h"

#include "gtest/gtest.h"
#include "pipeline/spl/values.h"

#include <memory>

namespace hecate::testing {
namespace {

class MapSink final : public spl::GroupSink {
 public:
  explicit MapSink(Groups& groups) : groups_(groups) {}
  spl::GroupState& group(std::string_view key) override { return groups_[std::string(key)]; }

 private:
  Groups& groups_;
};

void process(const spl::Scan& scan, FakeEvent& event, Groups& groups) {
  Arena arena;
  spl::EvalContext context{arena};
  context.event_time = event.time;
  context.arrival = event.arrival;
  spl::Row row(&event);
  MapSink sink(groups);
  std::size_t before = groups.size();
  bool contributed = scan.process(row, context, sink);
  if (!contributed) {
    EXPECT_EQ(groups.size(), before);
  }
}

std::string encoded(const spl::GroupState& state) {
  std::string blob;
  state.encode(blob);
  return blob;
}

Groups gather_stored(const spl::Scan& scan, std::deque<FakeEvent>& events) {
  std::map<std::string, std::string> stored;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    Groups single;
    process(scan, *event, single);
    for (auto& [key, state] : single) {
      std::string& blob = stored[key];
      auto merged = blob.empty() ? encoded(state) : spl::merge_states(blob, encoded(state));
      EXPECT_TRUE(merged.has_value());
      blob = merged.value_or("");
    }
  }
  Groups groups;
  for (const auto& [key, blob] : stored) {
    auto state = spl::GroupState::decode(blob);
    EXPECT_TRUE(state.has_value());
    if (state) groups.emplace(key, std::move(*state));
  }
  return groups;
}

std::vector<std::string> texts(const Value& value) {
  std::vector<std::string> result;
  for (const Value& item : value.each()) spl::append_text(item, result.emplace_back());
  return result;
}

FoundRow found_row(const spl::ResultRow& result) {
  FoundRow found;
  for (const spl::Row::Entry& entry : result.row.entries()) {
    found.fields[std::string(entry.name)] = texts(entry.value);
    found.columns.emplace_back(entry.name);
  }
  for (const auto& [name, value] : result.keys) {
    std::string text;
    spl::append_text(value, text);
    found.keys.emplace_back(name, text);
  }
  found.group = result.group;
  return found;
}

template <typename GroupsOf>
Found close(const spl::Plan& plan, const Window& window, GroupsOf groups_of) {
  Arena arena;
  spl::EvalContext context{arena};
  context.now = window.now;
  context.earliest = window.earliest;
  context.latest = window.latest;
  Found found;
  auto read = [&](const spl::Scan& scan, spl::GroupVisitor visit) -> Result<void> {
    for (const auto& [key, state] : groups_of(scan))
      if (!visit(key, state)) break;
    return {};
  };
  EXPECT_TRUE(spl::run(plan, context, read,
                       [&](const spl::ResultRow& row) { found.rows.push_back(found_row(row)); }));
  for (auto& [written, table] : context.written) written->set(table);
  found.incomplete = context.incomplete;
  return found;
}

}  // namespace

Groups gather(const spl::Scan& scan, std::deque<FakeEvent>& events, Merging merging) {
  if (merging == Merging::stored_in_reverse) return gather_stored(scan, events);
  Groups groups;
  for (FakeEvent& event : events) process(scan, event, groups);
  return groups;
}

GroupsOfScans gather(const spl::Plan& plan, std::deque<FakeEvent>& events, Merging merging) {
  GroupsOfScans groups;
  for (const auto& scan : plan.scans()) groups[scan->id()] = gather(*scan, events, merging);
  return groups;
}

Found close(const spl::Plan& plan, const GroupsOfScans& groups, const Window& window) {
  return close(plan, window, [&](const spl::Scan& scan) -> const Groups& { return groups.at(scan.id()); });
}

std::vector<FoundRow> close(const spl::Plan& plan, const Groups& groups) {
  return close(plan, {}, [&](const spl::Scan&) -> const Groups& { return groups; }).rows;
}

spl::MacroLookup macro_lookup(const std::map<std::string, std::string>& macros) {
  auto known = std::make_shared<std::vector<spl::Macro>>();
  for (const auto& [head, definition] : macros) {
    spl::Macro macro;
    std::size_t open = head.find('(');
    macro.name = head.substr(0, open);
    macro.definition = definition;
    while (open != std::string::npos) {
      std::size_t end = head.find_first_of(",)", open + 1);
      std::string argument = head.substr(open + 1, end - open - 1);
      macro.arguments.push_back(argument.substr(argument.find_first_not_of(' ')));
      open = head[end] == ',' ? end : std::string::npos;
    }
    known->push_back(std::move(macro));
  }
  return [known](std::string_view name, std::size_t arguments) -> const spl::Macro* {
    for (const spl::Macro& macro : *known) {
      if (macro.name == name && macro.arguments.size() == arguments) return &macro;
    }
    return nullptr;
  };
}

}  // namespace hecate::testing
