#include "pipeline/spl/plan.h"

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "pipeline/spl/command.h"
#include "tests/spl/search_runner.h"

namespace hecate::testing {
namespace {

using SharedPlan = std::shared_ptr<const spl::Plan>;

class PlanTest : public ::testing::Test {
 protected:
  SharedPlan compile(std::string_view search, const std::map<std::string, std::string>& macros = {}) {
    auto plan = spl::compile(search, macro_lookup(macros), names_);
    EXPECT_TRUE(plan.has_value()) << search << ": " << (plan ? "" : plan.error().message);
    return plan.value_or(nullptr);
  }

  FakeEvent& event(double seconds, std::initializer_list<std::pair<std::string, std::string>> fields) {
    FakeEvent& made = events_.emplace_back(names_);
    made.time = static_cast<Time>(seconds * kSecond);
    made.arrival = events_.size();
    made.set("_time", seconds);
    for (const auto& [name, value] : fields) made.set(name, std::vector<std::string>{value});
    return made;
  }

  std::vector<FoundRow> run(const SharedPlan& plan) {
    return close(*plan, gather(plan->scan(), events_, Merging::at_once));
  }

  spl::FieldNames names_;
  std::deque<FakeEvent> events_;
};

std::vector<std::string> field_names(const spl::Scan& scan) {
  std::vector<std::string> names;
  for (const spl::FieldRef& field : scan.fields()) names.emplace_back(field.name);
  return names;
}

TEST_F(PlanTest, StreamsUpToTheAggregation) {
  SharedPlan plan = compile("a=1 | eval b=a+1 | stats count by b | where count>1");
  EXPECT_FALSE(plan->scan().keeps_events());
  EXPECT_TRUE(plan->can_emit_first_match());
  spl::PlanDescription description = plan->describe();
  EXPECT_EQ(description.streaming, "search a=1 | eval b=a+1 | stats count by b");
  EXPECT_EQ(description.state, "one group for each b");
  EXPECT_EQ(description.closing, "where count>1");
}

TEST_F(PlanTest, KeepsEventsForCommandsThatNeedAllRows) {
  SharedPlan plan = compile("a=1 | eval b=a+1 | dedup b | table b c");
  EXPECT_TRUE(plan->scan().keeps_events());
  EXPECT_FALSE(plan->can_emit_first_match());
  spl::PlanDescription description = plan->describe();
  EXPECT_EQ(description.streaming, "search a=1 | eval b=a+1");
  EXPECT_EQ(description.state, "single events, fields b c");
  EXPECT_EQ(description.closing, "dedup b | table b c");
}

TEST_F(PlanTest, RowByRowSearchesCanEmitAtTheFirstMatch) {
  EXPECT_TRUE(compile("a=1 | table a")->can_emit_first_match());
  EXPECT_TRUE(compile("a=1 | addinfo | table a")->can_emit_first_match());
  EXPECT_TRUE(
      compile("* | stats count by a | rename a as b | fillnull x | fields b")->can_emit_first_match());
  EXPECT_FALSE(compile("* | stats count by a | sort a")->can_emit_first_match());
  // What drops rows may look at BY values only: others change, and the row would be gone again.
  EXPECT_FALSE(compile("* | stats count by a | where count < 2")->can_emit_first_match());
  EXPECT_FALSE(compile("* | stats values(b) as b by a | search b=x")->can_emit_first_match());
  EXPECT_FALSE(compile("* | stats count by a | eval c=count*2 | where c<5")->can_emit_first_match());
  EXPECT_FALSE(compile("* | stats avg(n) as m by a | where m > 5")->can_emit_first_match());
  // But a count that is large enough stays so.
  EXPECT_TRUE(compile("* | stats dc(b) as n by a | search n>=5 a=x")->can_emit_first_match());
  EXPECT_TRUE(compile("* | stats count by a | rename a as b | search b=x")->can_emit_first_match());
  EXPECT_FALSE(compile("* | stats count by a | fillnull")->can_emit_first_match());
  EXPECT_FALSE(compile("| tstats count from datamodel=X by _time")->can_emit_first_match());
  // What a BY field or a count is replaced by may change.
  EXPECT_FALSE(compile("* | stats count by a | eval a=count | where a<5")->can_emit_first_match());
  EXPECT_FALSE(compile("* | stats count by a | eval a=now()")->can_emit_first_match());
  EXPECT_FALSE(
      compile("* | stats count by a | eval count=-count | where count > -5")->can_emit_first_match());
  EXPECT_FALSE(compile("* | stats count by a | rename count as a | where a<5")->can_emit_first_match());
  EXPECT_TRUE(compile("* | stats count by a b | eval a=lower(a).b | search a=x")->can_emit_first_match());
  EXPECT_TRUE(compile("* | stats count by a b | rename b as a | search a=x")->can_emit_first_match());
}

TEST_F(PlanTest, WhatDependsOnTheSearchTimeIsClosing) {
  SharedPlan plan = compile("a=1 | eval b=2 | eval age=now()-_time | stats max(age) as m");
  EXPECT_TRUE(plan->scan().keeps_events());
  EXPECT_EQ(plan->describe().streaming, "search a=1 | eval b=2");
  EXPECT_EQ(plan->describe().state, "single events, fields _time");
}

TEST_F(PlanTest, ScanReadsTheFieldsItNeeds) {
  EXPECT_EQ(field_names(compile("a=1 | eval b=c | stats count(eval(d=1)) min(_time) by b e")->scan()),
            (std::vector<std::string>{"_time", "a", "c", "d", "e"}));
}

TEST_F(PlanTest, LeadingSearchesAreOneCondition) {
  SharedPlan plan = compile("a=1 | search b=2 | where c=3 | stats count");
  const spl::Condition& condition = plan->scan().condition();
  EXPECT_EQ(condition.kind, spl::Condition::Kind::all_of);
  EXPECT_EQ(condition.children.size(), 2);
}

TEST_F(PlanTest, SearchesOfTheSameStreamingPartShareTheirScan) {
  auto id = [&](std::string_view search) { return compile(search)->scan().id(); };
  std::uint64_t first = id("a=1 | stats count min(_time) as first max(_time) as last by b");
  EXPECT_EQ(first, id("  a=1   | stats count as n min(_time) max(_time), range(_time) by b | where n>1"));
  EXPECT_NE(first, id("a=2 | stats count min(_time) by b"));
  EXPECT_NE(first, id("a=1 | stats count min(_time) by c"));
  EXPECT_NE(first, id("a=1 | stats count min(x) by b"));
  EXPECT_NE(first, id("a=1 | eval b=1 | stats count min(_time) by b"));
  EXPECT_NE(id("a=1 | table a"), id("a=1 | table a b"));
  EXPECT_NE(id("a=1 | dedup a | table a"), id("a=1 | dedup a"));
}

TEST_F(PlanTest, AChangedFilterMacroKeepsTheScan) {
  constexpr std::string_view kSearch = "a=1 | stats count by b | `f_filter`";
  EXPECT_EQ(compile(kSearch, {{"f_filter", "search *"}})->scan().id(),
            compile(kSearch, {{"f_filter", "search b!=x"}})->scan().id());
}

TEST_F(PlanTest, KeysAreTheByValuesUnderTheirLastNames) {
  event(1, {{"user", "u"}, {"Processes.dest", "d"}, {"c", "x"}});
  SharedPlan plan = compile(
      "* | stats count by user Processes.dest c | rename \"Processes.*\" as *, user as src_user | fields - "
      "c");
  std::vector<FoundRow> rows = run(plan);
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].keys,
            (std::vector<std::pair<std::string, std::string>>{{"src_user", "u"}, {"dest", "d"}}));
}

TEST_F(PlanTest, KeysAreThoseOfTheLastAggregation) {
  event(1, {{"a", "x"}, {"b", "y"}});
  std::vector<FoundRow> rows = run(compile("* | stats count by a b | stats sum(count) as n by b"));
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].keys, (std::vector<std::pair<std::string, std::string>>{{"b", "y"}}));
}

TEST_F(PlanTest, GroupIsToldWhereARowComesFromOne) {
  event(1, {{"a", "x"}, {"b", "1"}});
  event(2, {{"a", "x"}, {"b", "2"}});
  event(3, {{"a", "y"}, {"b", "3"}});
  SharedPlan plan = compile("* | stats count by a b | stats sum(count) as n by a");
  Groups groups = gather(plan->scan(), events_, Merging::at_once);
  std::vector<FoundRow> rows = close(*plan, groups);
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0].group, "");
  EXPECT_TRUE(groups.contains(rows[1].group));
  EXPECT_NE(rows[1].group, "");
}

TEST_F(PlanTest, GroupOfASearchWithoutByIsNotEmpty) {
  event(1, {{"a", "x"}});
  SharedPlan plan = compile("* | stats count");
  Groups groups = gather(plan->scan(), events_, Merging::at_once);
  ASSERT_EQ(groups.size(), 1);
  std::vector<FoundRow> rows = close(*plan, groups);
  EXPECT_EQ(rows[0].group, groups.begin()->first);
  EXPECT_NE(rows[0].group, "");
}

TEST_F(PlanTest, KeptEventsHaveKeysOfTheirOwn) {
  event(1, {{"a", "x"}});
  event(1, {{"a", "x"}});
  SharedPlan plan = compile("a=x | eval m=split(\"p,q\", \",\") | mvexpand m | table a m");
  Groups groups = gather(plan->scan(), events_, Merging::at_once);
  EXPECT_EQ(groups.size(), 4);
  std::vector<FoundRow> rows = close(*plan, groups);
  ASSERT_EQ(rows.size(), 4);
  EXPECT_TRUE(rows[0].keys.empty());
  EXPECT_EQ(rows[0].group, groups.begin()->first);
  EXPECT_EQ(rows[1].fields["m"], std::vector<std::string>{"q"});
}

TEST_F(PlanTest, ChartGathersGroupsAndTransactionKeepsEvents) {
  SharedPlan chart = compile("a=1 | timechart span=1m count by h");
  EXPECT_FALSE(chart->scan().keeps_events());
  EXPECT_FALSE(chart->can_emit_first_match());
  EXPECT_FALSE(chart->can_tell_of_nothing());
  EXPECT_EQ(chart->describe().state, "one group for each _time h");
  SharedPlan transaction = compile("a=1 | transaction h maxspan=1m | table h duration");
  EXPECT_TRUE(transaction->scan().keeps_events());
  EXPECT_FALSE(transaction->can_emit_first_match());
  EXPECT_EQ(transaction->describe().state, "single events, fields _time h");
  EXPECT_TRUE(compile("| makeresults | eval a=1")->can_tell_of_nothing());
}

TEST_F(PlanTest, ResultsThatCannotBeNamedAreAllButTheKeys) {
  event(1, {{"h", "x"}, {"a", "p"}});
  for (std::string_view search :
       {"* | stats values(*) as * by h", "* | chart count over h by a", "* | transaction h | table h a"}) {
    SharedPlan plan = compile(search);
    Groups groups = gather(plan->scan(), events_, Merging::at_once);
    Arena arena;
    spl::EvalContext context{arena};
    std::vector<std::string> results;
    std::vector<std::string> keys;
    auto closing = plan->close(context, [&](const spl::ResultRow& row) {
      results.assign(row.aggregates.begin(), row.aggregates.end());
      for (const auto& [name, value] : row.keys) keys.emplace_back(name);
    });
    for (const auto& [key, state] : groups) closing->group(key, state);
    closing->finish();
    EXPECT_EQ(keys, std::vector<std::string>{"h"}) << search;
    ASSERT_EQ(results.size(), 1U) << search;
    EXPECT_TRUE(results[0] == "a" || results[0] == "p") << search << ": " << results[0];
  }
}

TEST_F(PlanTest, SpathGivesSoManyFieldsAndNoMore) {
  std::string json = "{";
  for (int i = 0; i < 1001; ++i) json += (i > 0 ? "," : "") + fmt::format("\"f{:04}\":{}", i, i);
  event(1, {{"_raw", json + "}"}});
  SharedPlan plan = compile("* | spath | table f*");
  Arena arena;
  spl::EvalContext context{arena};
  spl::Row row(&events_.back());
  class Sink final : public spl::GroupSink {
   public:
    spl::GroupState& group(std::string_view) override { return state_; }

   private:
    spl::GroupState state_;
  } sink;
  EXPECT_TRUE(plan->scan().process(row, context, sink));
  EXPECT_EQ(context.rows_cut, 1U);
  EXPECT_EQ(run(plan)[0].fields.size(), 1000U);
}

TEST_F(PlanTest, ColumnsStandAsWritten) {
  event(1, {{"a", "x"}, {"b", "y"}});
  EXPECT_EQ(run(compile("* | stats count values(b) as v by a"))[0].columns,
            (std::vector<std::string>{"a", "count", "v"}));
  EXPECT_EQ(run(compile("* | stats count by a | rename a as z"))[0].columns,
            (std::vector<std::string>{"z", "count"}));
  EXPECT_EQ(run(compile("* | table b a"))[0].columns, (std::vector<std::string>{"b", "a"}));
}

TEST_F(PlanTest, DamagedStatesGiveNoRows) {
  SharedPlan plan = compile("* | stats count by a b");
  Groups groups;
  groups["no key of this search"];
  EXPECT_TRUE(close(*plan, groups).empty());
}

TEST(Commands, RefusedOnesAreSortedWithTheirReasons) {
  std::string_view before;
  for (const spl::UnsupportedCommand& command : spl::unsupported_commands()) {
    EXPECT_LT(before, command.name);
    EXPECT_FALSE(command.reason.empty()) << command.name;
    before = command.name;
  }
}

TEST(Commands, AreSortedAndExplained) {
  std::string_view before;
  for (const spl::CommandKind& kind : spl::command_kinds()) {
    EXPECT_LT(before, kind.name);
    EXPECT_FALSE(kind.help.empty()) << kind.name;
    EXPECT_TRUE(spl::why_unsupported(kind.name).empty()) << kind.name;
    before = kind.name;
  }
}

}  // namespace
}  // namespace hecate::testing
