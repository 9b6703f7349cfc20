#include "pipeline/ingest/ingest.h"

#include "tests/ingest/fake_store.h"
#include "tests/support/testing.h"

#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace hecate::ingest {
namespace {

using testing::eventually;
using testing::FakeStore;

class IngestTest : public ::testing::Test {
 protected:
  std::unique_ptr<Ingest> make(IngestOptions options,
                               const std::string& search = "EventID=11 | stats count by Image") {
    auto loaded = catalogue::load_search("test", search, {});
    EXPECT_TRUE(loaded.refused.empty());
    auto ingest = Ingest::make(store, clock, time_bounds, options, registry, {"hec", "syslog"});
    ingest->set_feed({loaded.catalogue, {}});
    return ingest;
  }

  std::unique_ptr<Batch> batch(const std::string& body) {
    auto made = std::make_unique<Batch>();
    made->body.append(body);
    made->done = [this](const BatchResult& result) {
      std::lock_guard lock(mutex);
      results.push_back(result);
    };
    return made;
  }

  static std::string event(int code, const std::string& image, int second = 0) {
    return fmt::format(R"({{"time":{},"event":{{"EventID":{},"Image":"{}"}}}})", 1777290000 + second, code,
                       image);
  }

  [[nodiscard]] std::size_t finished() {
    std::lock_guard lock(mutex);
    return results.size();
  }

  [[nodiscard]] std::string metrics() { return prometheus::TextSerializer().Serialize(registry.Collect()); }

  FakeStore store;
  testing::ManualClock clock;
  match::SharedTimeBounds time_bounds;
  prometheus::Registry registry;
  std::mutex mutex;
  std::vector<BatchResult> results;
};

TEST_F(IngestTest, ABatchThatContributesIsAnsweredAfterItsCommit) {
  auto ingest = make({.workers = 1});
  auto one = batch(event(11, "a.exe"));
  ASSERT_TRUE(ingest->submit(one));
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  EXPECT_EQ(finished(), 0u);
  store.commit(store::Store::Outcome::committed);
  ASSERT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_TRUE(results[0].stored);
  EXPECT_EQ(results[0].envelope.events, 1u);
  EXPECT_NE(metrics().find("hecate_events_evaluated_total{input=\"hec\"} 1\n"), std::string::npos);
  EXPECT_NE(metrics().find("hecate_matches_total{detection=\"test\"} 1\n"), std::string::npos);
}

TEST_F(IngestTest, CountsWhatFlows) {
  class Counting final : public sources::Sources {
   public:
    std::shared_ptr<sources::WorkerTally> add_worker() override { return tally; }
    std::vector<sources::Candidates*> watch(const std::vector<std::string>& detections) override {
      return std::vector<sources::Candidates*>(detections.size(), &candidates);
    }
    void gather() override {}
    Result<void> save() override { return {}; }
    View view() override { return {}; }
    std::shared_ptr<sources::WorkerTally> tally = std::make_shared<sources::WorkerTally>(10);
    sources::Candidates candidates;
  } counting;
  store.at_once = true;
  auto loaded = catalogue::load_search("test", "EventID=11 Image=*evil.exe | stats count by Image", {});
  auto ingest = Ingest::make(store, clock, time_bounds, {.workers = 0}, registry, {"hec"}, &counting);
  ingest->set_feed({loaded.catalogue, {}});
  auto one = batch(event(11, "a.exe") + event(12, "b.exe"));
  ASSERT_TRUE(ingest->submit(one));
  EXPECT_EQ(counting.candidates.last, 0);
  // It is tried, though it does not match.
  auto two = batch(event(11, "evil.exe.txt"));
  ASSERT_TRUE(ingest->submit(two));
  EXPECT_EQ(counting.candidates.last, clock.now());
  auto taken = counting.tally->tally.take();
  ASSERT_EQ(taken.sources.size(), 1u);
  EXPECT_EQ(taken.sources[0].events, 3u);
}

TEST_F(IngestTest, ABatchIsToldToBeEvaluatedBeforeItsCommit) {
  auto ingest = make({.workers = 1});
  std::atomic<int> evaluated{0};
  auto one = batch(event(11, "a.exe"));
  one->evaluated = [&](const BatchResult& result) { evaluated += static_cast<int>(result.envelope.events); };
  ASSERT_TRUE(ingest->submit(one));
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  EXPECT_EQ(evaluated, 1);
  EXPECT_EQ(finished(), 0u);
  store.commit(store::Store::Outcome::committed);
  ASSERT_TRUE(eventually([&] { return finished() == 1; }));
  auto nothing = batch(event(1, "a.exe"));
  nothing->evaluated = [&](const BatchResult&) {
    EXPECT_EQ(finished(), 1u) << "`done` comes after it";
    ++evaluated;
  };
  ASSERT_TRUE(ingest->submit(nothing));
  ASSERT_TRUE(eventually([&] { return finished() == 2; }));
  EXPECT_EQ(evaluated, 2);
}

// Tried on two events: not on the third, which lacks its text.
TEST_F(IngestTest, WhatADetectionCostsIsCounted) {
  auto ingest = make({.workers = 1}, R"(EventID=11 Image="*rare.exe" | stats count by Image)");
  auto one = batch(event(11, "rare.exe") + event(1, "rare.exe") + event(11, "b.exe"));
  ASSERT_TRUE(ingest->submit(one));
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  store.commit(store::Store::Outcome::committed);
  ASSERT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_NE(metrics().find("hecate_candidates_total{detection=\"test\"} 2\n"), std::string::npos)
      << metrics();
  EXPECT_NE(metrics().find("hecate_matches_total{detection=\"test\"} 1\n"), std::string::npos);
  // The first event is always one of those that are timed.
  EXPECT_NE(metrics().find("hecate_match_seconds_total{detection=\"test\"} "), std::string::npos);
  EXPECT_EQ(metrics().find("hecate_match_seconds_total{detection=\"test\"} 0\n"), std::string::npos);
}

TEST_F(IngestTest, RawTextIsEvaluated) {
  auto ingest = make({.workers = 1});
  auto raw = batch("{\"EventID\":11,\"Image\":\"a.exe\"}\n{\"EventID\":11,\"Image\":\"a.exe\"}\nnothing\n");
  raw->format = BatchFormat::raw;
  raw->time = 1777290000 * kSecond;
  ASSERT_TRUE(ingest->submit(raw));
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  store.commit(store::Store::Outcome::committed);
  ASSERT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_EQ(results[0].events(), 3u);
  EXPECT_NE(metrics().find("hecate_events_evaluated_total{input=\"hec\"} 3\n"), std::string::npos);
  EXPECT_NE(metrics().find("hecate_matches_total{detection=\"test\"} 2\n"), std::string::npos);
}

TEST_F(IngestTest, ABatchThatContributesNothingIsAnsweredAtOnce) {
  auto ingest = make({.workers = 1});
  auto one = batch(event(1, "a.exe"));
  ASSERT_TRUE(ingest->submit(one));
  EXPECT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_EQ(store.pending(), 0u);
}

TEST_F(IngestTest, WhatTheDiskRefusedIsToldAndNotCountedAsEvaluated) {
  auto ingest = make({.workers = 1});
  auto one = batch(event(11, "a.exe"));
  ASSERT_TRUE(ingest->submit(one));
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  store.commit(store::Store::Outcome::failed);
  ASSERT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_FALSE(results[0].stored);
  EXPECT_NE(metrics().find("hecate_events_evaluated_total{input=\"hec\"} 0\n"), std::string::npos);
  EXPECT_NE(metrics().find("hecate_events_rejected_total{input=\"hec\",reason=\"not_stored\"} 1\n"),
            std::string::npos);
  EXPECT_NE(metrics().find("hecate_matches_total{detection=\"test\"} 0\n"), std::string::npos);
}

// Messages of syslog, as its listener hands them on.
std::unique_ptr<Batch> syslog_batch(const std::vector<std::string>& messages) {
  auto made = std::make_unique<Batch>();
  made->format = BatchFormat::syslog;
  made->input = 1;
  made->kept = true;
  made->frames.defaults = std::make_shared<syslog::EventDefaults>();
  for (const std::string& message : messages) {
    made->frames.list.push_back(
        {static_cast<std::uint32_t>(made->body.size()), static_cast<std::uint32_t>(message.size()), 0});
    made->body.append(message);
  }
  return made;
}

std::string message(int code, const std::string& image) {
  return fmt::format(R"(<14>Apr 27 11:59:58 ws-1 sysmon: {{"EventID":{},"Image":"{}"}})", code, image);
}

TEST_F(IngestTest, MessagesOfSyslogAreEventsOfTheirOwnInput) {
  auto ingest = make({.workers = 1});
  auto one = syslog_batch({message(11, "a.exe"), "<14>", message(1, "b.exe"), message(11, "a.exe")});
  one->done = [this](const BatchResult& result) {
    std::lock_guard lock(mutex);
    results.push_back(result);
  };
  ASSERT_TRUE(ingest->submit(one));
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  store.commit(store::Store::Outcome::committed);
  ASSERT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_EQ(results[0].events(), 3u);
  EXPECT_EQ(results[0].syslog.blank, 1u);
  EXPECT_EQ(store.merged.size(), 1u);
  EXPECT_EQ(store.merged.begin()->first.minute, from_civil(2026, 4, 27, 11, 59) / kMinute);
  // At rest: received = evaluated + rejected.
  for (std::string line :
       {"received_total{input=\"syslog\"} 4", "evaluated_total{input=\"syslog\"} 3",
        "rejected_total{input=\"syslog\",reason=\"event_blank\"} 1", "received_total{input=\"hec\"} 0"})
    EXPECT_NE(metrics().find("hecate_events_" + line + "\n"), std::string::npos) << line;
}

// Nobody sends them again but who submitted them, so nothing is rejected and nothing counts twice.
TEST_F(IngestTest, KeptMessagesThatWereNotStoredCountOnce) {
  auto ingest = make({.workers = 1});
  for (auto outcome : {store::Store::Outcome::failed, store::Store::Outcome::committed}) {
    auto one = syslog_batch({message(11, "a.exe")});
    one->done = [this](const BatchResult& result) {
      std::lock_guard lock(mutex);
      results.push_back(result);
    };
    ASSERT_TRUE(ingest->submit(one));
    ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
    store.commit(outcome);
    ingest->barrier();
    // Whoever keeps it may have to drop it, and then counts it as dropped.
    if (outcome == store::Store::Outcome::failed) {
      EXPECT_NE(metrics().find("hecate_events_received_total{input=\"syslog\"} 0\n"), std::string::npos);
    }
  }
  EXPECT_FALSE(results[0].stored);
  EXPECT_TRUE(results[1].stored);
  for (std::string line : {"received_total{input=\"syslog\"} 1", "evaluated_total{input=\"syslog\"} 1"})
    EXPECT_NE(metrics().find("hecate_events_" + line + "\n"), std::string::npos) << line;
  EXPECT_EQ(metrics().find("not_stored"), std::string::npos);
  EXPECT_NE(metrics().find("hecate_queue_bytes{input=\"syslog\"} 0\n"), std::string::npos);
}

TEST_F(IngestTest, AdmissionIsAllOrNothing) {
  std::string body = event(11, "a.exe");
  auto ingest = make({.workers = 1, .queue_bytes = body.size() + 10});
  auto one = batch(body);
  auto two = batch(body);
  ASSERT_TRUE(ingest->submit(one));
  EXPECT_FALSE(ingest->submit(two));
  EXPECT_NE(two, nullptr);  // still the caller's
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  store.commit(store::Store::Outcome::committed);
  ASSERT_TRUE(eventually([&] { return ingest->queued_bytes() == 0; }));
  EXPECT_TRUE(ingest->submit(two));
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  store.commit(store::Store::Outcome::committed);
}

TEST_F(IngestTest, EventsBeforeACutOffOneCount) {
  auto ingest = make({.workers = 1});
  std::string whole = event(11, "a.exe") + event(11, "b.exe", 1) + event(11, "c.exe", 2);
  auto one = batch(whole.substr(0, whole.size() - 9));
  ASSERT_TRUE(ingest->submit(one));
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  store.commit(store::Store::Outcome::committed);
  ASSERT_TRUE(eventually([&] { return finished() == 1; }));
  EXPECT_EQ(results[0].envelope.error, decode::EnvelopeError::invalid_format);
  EXPECT_EQ(results[0].envelope.bad_event, 2u);
  EXPECT_EQ(store.merged.size(), 2u);
  // At rest: received = evaluated + rejected.
  EXPECT_NE(metrics().find("hecate_events_received_total{input=\"hec\"} 3\n"), std::string::npos);
  EXPECT_NE(metrics().find("hecate_events_evaluated_total{input=\"hec\"} 2\n"), std::string::npos);
  EXPECT_NE(metrics().find("hecate_events_rejected_total{input=\"hec\",reason=\"invalid_format\"} 1\n"),
            std::string::npos);
}

TEST_F(IngestTest, ABarrierWaitsForTheCommitOfWhatCameBefore) {
  auto ingest = make({.workers = 2});
  auto one = batch(event(11, "a.exe"));
  ASSERT_TRUE(ingest->submit(one));
  std::atomic<bool> passed{false};
  std::thread barrier([&] {
    ingest->barrier();
    passed = true;
  });
  ASSERT_TRUE(eventually([&] { return store.pending() == 1; }));
  EXPECT_FALSE(passed);
  store.commit(store::Store::Outcome::committed);
  barrier.join();
  EXPECT_TRUE(passed);
}

// The same events through no worker, one and four, in batches of different cuts: the same groups and counts.
TEST_F(IngestTest, OneWorkerAndManyGiveTheSameGroups) {
  store.at_once = true;
  std::vector<std::string> encoded;
  for (int workers : {0, 1, 4}) {
    store.merged.clear();
    {
      auto ingest =
          make({.workers = workers}, "EventID=11 | stats count min(_time) max(_time) values(host) by Image");
      std::string body;
      for (int i = 0; i < 2000; ++i) {
        body += event(i % 3 == 0 ? 1 : 11, fmt::format("{}.exe", i % 37), (i * 7919) % 600);
        if (i % (40 + workers) == 0) {
          auto next = batch(body);
          ASSERT_TRUE(ingest->submit(next));
          body.clear();
        }
      }
      auto last = batch(body);
      ASSERT_TRUE(ingest->submit(last));
      ingest->barrier();
    }
    std::vector<std::string> groups;
    for (const auto& [key, delta] : store.merged) {
      std::string state;
      delta.state.encode(state);
      groups.push_back(fmt::format("{} {} {} {}", key.minute, key.group, state, delta.sample.time));
    }
    std::ranges::sort(groups);
    EXPECT_GT(groups.size(), 200u);
    encoded.push_back(fmt::format("{}", fmt::join(groups, "\n")));
  }
  EXPECT_EQ(encoded[0], encoded[1]);
  EXPECT_EQ(encoded[1], encoded[2]);
}

TEST_F(IngestTest, ANewCatalogueHoldsFromTheNextBatchOn) {
  store.at_once = true;
  auto ingest = make({.workers = 1});
  auto one = batch(event(1, "a.exe"));
  ASSERT_TRUE(ingest->submit(one));
  ingest->barrier();
  EXPECT_TRUE(store.merged.empty());
  ingest->set_feed({catalogue::load_search("test", "EventID=1 | stats count by Image", {}).catalogue, {}});
  auto two = batch(event(1, "a.exe"));
  ASSERT_TRUE(ingest->submit(two));
  ingest->barrier();
  EXPECT_EQ(store.merged.size(), 1u);
}

}  // namespace
}  // namespace hecate::ingest
