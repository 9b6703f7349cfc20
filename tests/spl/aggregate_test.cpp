#include "pipeline/spl/aggregate.h"

#include "gtest/gtest.h"
#include "pipeline/spl/group_key.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace hecate::spl {
namespace {

std::string encoded(const GroupState& state) {
  std::string blob;
  state.encode(blob);
  return blob;
}

// Every function there is, over fields n (numbers), t (texts) and m (both).
constexpr std::string_view kEverything =
    "count c(t) count(eval(n>0)) dc(t) estdc(m) values(t) list(t) min(n) max(m) range(n) sum(n) avg(n) "
    "sumsq(n) "
    "stdev(n) stdevp(n) var(n) varp(n) first(t) last(t) earliest(t) latest(t) earliest_time(t) "
    "latest_time(t) "
    "mode(t) median(n) perc90(n) exactperc99(n) upperperc10(n) estdc_error(t) rate(n) sparkline "
    "sparkline(avg(n), 5s) values(*) avg(n*)";

struct Sample {
  double n;
  std::string t;
  Time time;
  std::uint64_t arrival;
};

std::vector<Sample> samples(std::size_t count) {
  std::mt19937_64 random(7);  // NOLINT(cert-msc51-cpp): the same numbers in every run
  std::vector<Sample> result;
  for (std::size_t i = 0; i < count; ++i) {
    double n = std::ldexp(static_cast<double>(random() % 2001) - 1000, static_cast<int>(random() % 60) - 30);
    result.push_back({n, "t" + std::to_string(random() % 40), static_cast<Time>(random() % 50) * kSecond, i});
  }
  return result;
}

class EveryFunction : public ::testing::Test {
 protected:
  EveryFunction() {
    source_.append(kEverything, {}, false);
    Cursor cursor(source_);
    Parsed<void> parsed = aggregation_.parse_functions(cursor, names_);
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
  }

  void add(const Sample& sample, GroupState& state) {
    Row row;
    row.set("n", Value(sample.n));
    row.set("t", Value(std::string_view(sample.t)));
    row.set("m", sample.arrival % 2 == 0 ? Value(sample.n) : Value(std::string_view(sample.t)));
    row.set("_time", Value(static_cast<double>(sample.time) / kSecond));
    Arena arena;
    EvalContext context{arena};
    aggregation_.add(row, context, {sample.time, sample.arrival, 0}, state.parts());
  }

  std::string results(const GroupState& state) {
    Arena arena;
    EvalContext context{arena};
    Row row;
    aggregation_.set_results(state.parts(), row, context);
    std::string text;
    for (const Row::Entry& entry : row.entries()) {
      text += std::string(entry.name) + " = ";
      append_text(entry.value, text);
      text += "\n";
    }
    return text;
  }

  SourceText source_;
  FieldNames names_;
  Aggregation aggregation_;
};

TEST_F(EveryFunction, GivesTheSameWhateverTheOrderOfMerging) {
  std::vector<Sample> all = samples(500);
  GroupState at_once;
  for (const Sample& sample : all) add(sample, at_once);
  std::string expected = results(at_once);
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp)
  for (int round = 0; round < 5; ++round) {
    std::ranges::shuffle(all, random);
    std::vector<GroupState> parts(1 + random() % 20);
    for (const Sample& sample : all) add(sample, parts[random() % parts.size()]);
    std::string merged = encoded(parts.back());
    parts.pop_back();
    for (const GroupState& part : parts) merged = merge_states(merged, encoded(part)).value();
    EXPECT_EQ(results(GroupState::decode(merged).value()), expected);
  }
}

TEST_F(EveryFunction, FreshStateIsNeutral) {
  GroupState state;
  for (const Sample& sample : samples(3)) add(sample, state);
  std::string blob = encoded(state);
  EXPECT_EQ(merge_states(blob, encoded(GroupState())).value(), blob);
  EXPECT_EQ(merge_states(encoded(GroupState()), blob).value(), blob);
}

TEST_F(EveryFunction, DamagedStatesAreRefusedOrHarmless) {
  GroupState state;
  for (const Sample& sample : samples(20)) add(sample, state);
  std::string blob = encoded(state);
  for (std::size_t cut = 0; cut < blob.size(); ++cut) {
    EXPECT_FALSE(GroupState::decode(std::string_view(blob).substr(0, cut)).has_value()) << cut;
  }
  EXPECT_FALSE(GroupState::decode(blob + "x").has_value());
  std::mt19937 random(3);  // NOLINT(cert-msc51-cpp)
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = blob;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    auto decoded = GroupState::decode(damaged);
    if (decoded) static_cast<void>(results(*decoded));
  }
}

TEST(MergeStates, RefusesStatesOfDifferentSearches) {
  GroupState one;
  one.parts().accumulators.emplace_back(CountOf{1});
  GroupState other;
  other.parts().accumulators.emplace_back(SumOf{});
  EXPECT_FALSE(merge_states(encoded(one), encoded(other)).has_value());
  EXPECT_FALSE(merge_states("", encoded(other)).has_value());
}

TEST(ExactSum, LosesNothing) {
  ExactSum sum;
  for (double x : {1e100, 1.0, -1e100, 1e-300, 3.0, -1e-300}) sum.add(x);
  EXPECT_EQ(sum.total(), 4);
}

TEST(ExactSum, RoundsOnce) {
  ExactSum sum;
  for (int i = 0; i < 10; ++i) sum.add(0.1);
  EXPECT_EQ(sum.total(), 1.0);
}

TEST(MomentsOf, VarianceOfLargeNumbersThatLieClose) {
  MomentsOf moments;
  for (double x : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) moments.add(x);
  EXPECT_EQ(moments.variance(1), 30);
}

std::string written(const Accumulator& accumulator) {
  std::string blob;
  BlobWriter writer(blob);
  encode(accumulator, writer);
  return blob;
}

// Merging with a full state once set the flag too early: values were lost and the stored form was refused.
TEST(DistinctOf, MergingWithAFullOneLosesNothingWhateverTheOrder) {
  DistinctOf full;
  for (std::size_t i = 0; i < 2 * DistinctOf::kExact; ++i) full.add(std::to_string(i));
  DistinctOf one;
  one.add("0");
  for (const DistinctOf& small : {DistinctOf(), one}) {
    for (bool full_first : {true, false}) {
      DistinctOf into = full_first ? full : small;
      into.merge(full_first ? DistinctOf(small) : DistinctOf(full));
      EXPECT_EQ(into.hashes, full.hashes);
      std::string blob;
      BlobWriter out(blob);
      into.encode(out);
      BlobReader in(blob);
      EXPECT_EQ(DistinctOf::decode(in).count(), full.count());
      EXPECT_TRUE(in.at_end() && !in.damaged());
    }
  }
}

TEST(ListOf, KeepsTheBeginningOfAnEndlessValueAndSaysSo) {
  ListOf list;
  list.add({}, 0, std::string(ListOf::kBytes + 1, 'x'));
  EXPECT_EQ(list.items[0].text.size(), ListOf::kBytes);
  EXPECT_TRUE(list.bounded);
}

TEST(Aggregation, ARowBelongsToSoManyGroupsAndNoMore) {
  FieldNames names;
  SourceText source;
  source.append("count", {}, false);
  Cursor cursor(source);
  Aggregation aggregation;
  ASSERT_TRUE(aggregation.parse_functions(cursor, names));
  for (const char* name : {"a", "b", "c"}) aggregation.add_by(names.intern(name));
  std::vector<Value> many(1000, Value(std::string_view("x")));
  Row row;
  for (const char* name : {"a", "b", "c"}) row.set(name, Value::multi(many));
  Arena arena;
  EvalContext context{.arena = arena};
  std::size_t keys = 0;
  aggregation.each_key(row, context, [&](std::string_view) { ++keys; });
  EXPECT_EQ(keys, Aggregation::kMostKeys);
  EXPECT_EQ(context.rows_cut, 1u);
}

TEST(DistinctOf, IsExactUpToItsBoundAndCloseBeyond) {
  DistinctOf distinct;
  for (std::size_t i = 0; i < DistinctOf::kExact; ++i) distinct.add(std::to_string(i));
  EXPECT_EQ(distinct.count(), DistinctOf::kExact);
  EXPECT_FALSE(is_bounded(distinct));
  for (std::size_t i = 0; i < 100'000; ++i) distinct.add(std::to_string(i));
  EXPECT_TRUE(is_bounded(distinct));
  EXPECT_NEAR(distinct.count(), 100'000, 4'000);
}

TEST(Aggregation, ARowNamesItsBoundedResults) {
  FieldNames names;
  SourceText source;
  source.append("count values(v) AS all list(v)", {}, false);
  Cursor cursor(source);
  Aggregation aggregation;
  ASSERT_TRUE(aggregation.parse_functions(cursor, names));
  Arena arena;
  EvalContext context{.arena = arena};
  GroupState::Parts parts;
  auto bounded_after = [&](std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) {
      std::string text = std::to_string(i);
      Row row;
      row.set("v", Value(std::string_view(text)));
      aggregation.add(row, context, {0, i, 0}, parts);
    }
    Row results;
    aggregation.set_results(parts, results, context);
    std::string text;
    append_text(results.get(kBoundedField), text);
    return text;
  };
  EXPECT_EQ(bounded_after(100), "");
  EXPECT_EQ(bounded_after(101), "list(v)");
  EXPECT_EQ(bounded_after(ValuesOf::kMost + 1), "all\nlist(v)");
}

// What stays of too many values depends on the values only: parts that were cut at different places agree.
TEST(ValuesOf, CutDoesNotDependOnTheOrder) {
  constexpr std::size_t kTimes = ValuesOf::kMost * 5 / 2;
  ValuesOf forward;
  for (std::size_t i = 0; i < kTimes; ++i) forward.add(std::to_string(i));
  ValuesOf backward;
  for (std::size_t i = kTimes; i > 0; --i) backward.add(std::to_string(i - 1));
  ValuesOf odd;
  ValuesOf even;
  for (std::size_t i = 0; i < kTimes; ++i) (i % 2 == 0 ? even : odd).add(std::to_string(i));
  even.merge(std::move(odd));
  EXPECT_TRUE(is_bounded(forward));
  EXPECT_EQ(forward.counts.size(), ValuesOf::kMost);
  EXPECT_EQ(written(forward), written(backward));
  EXPECT_EQ(written(forward), written(even));
}

TEST(ValuesOf, LargeTextsAreBoundedByBytes) {
  ValuesOf one;
  ValuesOf other;
  for (int i = 0; i < 8; ++i) {
    (i % 3 == 0 ? one : other).add(std::string(ValuesOf::kBytes / 3, static_cast<char>('a' + i)));
  }
  one.merge(std::move(other));
  EXPECT_EQ(one.counts.size(), 3);
  EXPECT_EQ(one.cut->front(), 'd');
}

// The first names in text order stay, whatever was added or merged first; what is left out is for good.
TEST(PartsOf, CutDoesNotDependOnTheOrder) {
  auto name = [](std::size_t i) { return "f" + std::to_string(100'000 + i); };
  constexpr std::size_t kAll = PartsOf::kMost + 50;
  PartsOf forward;
  PartsOf even;
  PartsOf odd;
  for (std::size_t i = 0; i < kAll; ++i) {
    std::get<CountOf>(*NamedPart::find_or_make(i % 2 == 0 ? even : odd, name(i), 0)).n++;
  }
  for (std::size_t i = kAll; i > 0; --i) {
    if (Accumulator* part = NamedPart::find_or_make(forward, name(i - 1), 0)) std::get<CountOf>(*part).n++;
  }
  odd.merge(std::move(even));
  EXPECT_EQ(odd.parts.size(), PartsOf::kMost);
  EXPECT_EQ(odd.cut, name(PartsOf::kMost));
  std::string merged;
  std::string single;
  BlobWriter merged_writer(merged);
  BlobWriter single_writer(single);
  odd.encode(merged_writer);
  forward.encode(single_writer);
  EXPECT_TRUE(merged == single);
}

TEST(PartsOf, NeverNestHoweverDamaged) {
  std::string blob;
  BlobWriter out(blob);
  constexpr int kDeep = 1'000'000;
  for (int i = 0; i < kDeep; ++i) {
    out.byte(10);  // parts
    out.byte(0);   // not cut
    out.number(1);
    out.text("");
  }
  BlobReader in(blob);
  static_cast<void>(decode_accumulator(in));
  EXPECT_TRUE(in.damaged());
}

TEST(ListOf, KeepsTheFirstHundred) {
  ListOf one;
  ListOf other;
  for (std::uint32_t i = 0; i < 150; ++i) (i % 2 == 0 ? one : other).add({i, 0, 0}, 0, std::to_string(i));
  one.merge(std::move(other));
  ASSERT_EQ(one.items.size(), ListOf::kMost);
  EXPECT_EQ(one.items.back().text, "99");
  EXPECT_TRUE(is_bounded(one));
}

TEST(QuantilesOf, StayCloseBeyondTheirBoundAndDoNotDependOnTheOrder) {
  QuantilesOf forward;
  QuantilesOf one;
  QuantilesOf other;
  for (int i = 1; i <= 50'000; ++i) {
    forward.add(i);
    (i % 3 == 0 ? one : other).add(50'001 - i);
  }
  one.merge(std::move(other));
  EXPECT_LE(forward.counts.size(), QuantilesOf::kMost);
  EXPECT_NEAR(*forward.at(90), 45'000, 90);
  EXPECT_EQ(written(forward), written(one));
}

}  // namespace
}  // namespace hecate::spl
