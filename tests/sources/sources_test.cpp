#include "pipeline/sources/sources.h"

#include "tests/support/testing.h"

#include <atomic>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace hecate::sources {
namespace {

class SourcesTest : public ::testing::Test {
 protected:
  void open(SourceOptions options = {}) {
    sources.reset();
    store.reset();
    registry = std::make_unique<prometheus::Registry>();
    auto opened = store::Store::open(folder.path(), clock, *registry);
    ASSERT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
    auto made = Sources::open(*store, clock, options, *registry);
    ASSERT_TRUE(made) << made.error().message;
    sources = std::move(*made);
  }
  void arrive(WorkerTally& worker, const std::string& host, const std::string& channel = "Security") const {
    EventView view;
    view.host = host;
    std::string source = "XmlWinEventLog:" + channel;
    view.source = source;
    view.envelope_time = clock.now() - 2 * kSecond;
    std::lock_guard lock(worker.mutex);
    worker.tally.add(view, clock.now());
  }
  [[nodiscard]] std::string metrics() const {
    return prometheus::TextSerializer().Serialize(registry->Collect());
  }
  [[nodiscard]] bool has_metric(const std::string& line) const {
    return metrics().find(line + "\n") != std::string::npos;
  }

  hecate::testing::TemporaryFolder folder;
  hecate::testing::ManualClock clock;
  std::unique_ptr<prometheus::Registry> registry;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Sources> sources;
};

TEST_F(SourcesTest, BringsTheWorkersTogether) {
  open();
  auto one = sources->add_worker();
  auto two = sources->add_worker();
  arrive(*one, "dc1");
  arrive(*two, "dc1");
  arrive(*two, "dc2", "System");
  auto view = sources->view();
  ASSERT_EQ(view.sources.size(), 2u);
  EXPECT_EQ(view.sources[0].source.events, 2u);
  EXPECT_EQ(view.sources[0].state, Source::State::fresh);
  EXPECT_TRUE(has_metric(R"(hecate_source_events_total{channel="Security",host="dc1"} 2)")) << metrics();
  EXPECT_TRUE(has_metric(R"(hecate_source_lag_seconds_bucket{channel="System",le="1"} 0)"));
  EXPECT_TRUE(has_metric(R"(hecate_source_lag_seconds_bucket{channel="System",le="2"} 1)"));
  EXPECT_TRUE(has_metric(R"(hecate_sources{state="new"} 2)"));
}

TEST_F(SourcesTest, TellsWhoFellSilentAlsoAcrossARestart) {
  open();
  auto worker = sources->add_worker();
  for (int minute = 0; minute < 25 * 60; ++minute) {
    arrive(*worker, "dc1");
    arrive(*worker, "dc2");
    clock.advance(kMinute);
    sources->gather();
  }
  ASSERT_TRUE(sources->save());
  clock.advance(3 * kHour);
  open();
  worker = sources->add_worker();
  EXPECT_TRUE(has_metric(R"(hecate_sources{state="silent"} 0)"));
  for (int minute = 0; minute < 20; ++minute) {
    arrive(*worker, "dc2");
    clock.advance(kMinute);
  }
  sources->gather();
  EXPECT_TRUE(has_metric(R"(hecate_sources{state="silent"} 1)")) << metrics();
  EXPECT_TRUE(has_metric(R"(hecate_source_silent{channel="Security",host="dc1"} 1)"));
  EXPECT_TRUE(has_metric(R"(hecate_source_silent{channel="Security",host="dc2"} 0)"));
  EXPECT_EQ(sources->view().sources[0].source.events, 1500u);
}

TEST_F(SourcesTest, SeriesAreBoundedAndGoWithTheirSource) {
  open({.series = 2});
  auto worker = sources->add_worker();
  for (int i = 0; i < 40; ++i) arrive(*worker, fmt::format("h{}", i), fmt::format("channel {}", i));
  sources->gather();
  std::string text = metrics();
  auto count = [&](const std::string& what) {
    std::size_t times = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++times;
    return times;
  };
  EXPECT_EQ(count("hecate_source_events_total{"), 2u);
  EXPECT_EQ(count("hecate_source_silent{"), 2u);
  EXPECT_EQ(count("hecate_source_lag_seconds_count{"), 31u);
  EXPECT_TRUE(has_metric(R"(hecate_source_lag_seconds_count{channel="other"} 10)")) << text;
  EXPECT_EQ(sources->view().sources.size(), 40u);
  ASSERT_TRUE(sources->save());
  clock.advance(8 * kDay);
  arrive(*worker, "late");
  sources->gather();
  sources->gather();
  text = metrics();
  EXPECT_EQ(count("hecate_source_events_total{"), 1u);
  ASSERT_TRUE(sources->save());
  open();
  auto view = sources->view();
  ASSERT_EQ(view.sources.size(), 1u);
  EXPECT_EQ(view.sources[0].source.host, "late");
}

TEST_F(SourcesTest, ANameThatIsNoTextDoesNotSpoilTheScrape) {
  open();
  auto worker = sources->add_worker();
  arrive(*worker, "a\xff\"\n");
  sources->gather();
  EXPECT_NE(metrics().find(R"(host="a?\"\n")"), std::string::npos) << metrics();
}

TEST_F(SourcesTest, AFullTableCountsWhatItDoesNotTake) {
  open({.most = 1});
  auto worker = sources->add_worker();
  arrive(*worker, "a");
  arrive(*worker, "b");
  sources->gather();
  arrive(*worker, "c");
  sources->gather();
  EXPECT_TRUE(has_metric("hecate_source_untracked_events_total 2"));
  EXPECT_EQ(sources->view().untracked_events, 2u);
}

TEST_F(SourcesTest, ListsDetectionsThatHadNoCandidateForADay) {
  open();
  auto watched = sources->watch({"a", "b"});
  clock.advance(20 * kHour);
  watched[1]->last = clock.now();
  EXPECT_FALSE(sources->view().detections[0].silent);
  clock.advance(4 * kHour);
  EXPECT_TRUE(sources->view().detections[0].silent);
  EXPECT_FALSE(sources->view().detections[1].silent);
  EXPECT_TRUE(has_metric("hecate_detections_without_candidates 1"));
  ASSERT_TRUE(sources->save());
  // A restart, and a third one that is new.
  open();
  (void)sources->watch({});
  watched = sources->watch({"a", "b", "c"});
  auto view = sources->view();
  ASSERT_EQ(view.detections.size(), 3u);
  EXPECT_TRUE(view.detections[0].silent);
  EXPECT_EQ(view.detections[1].last, clock.now() - 4 * kHour);
  EXPECT_FALSE(view.detections[2].silent);
  // One that goes and comes back starts anew.
  (void)sources->watch({"b"});
  (void)sources->watch({"a", "b"});
  EXPECT_FALSE(sources->view().detections[0].silent);
}

TEST_F(SourcesTest, WorkersCountWhileOthersLook) {
  open();
  std::atomic<int> ready = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&, worker = sources->add_worker()] {
      ++ready;
      for (int n = 0; n < 2000; ++n) arrive(*worker, fmt::format("h{}", n % 7));
    });
  while (ready < 2) sources->gather();
  for (int i = 0; i < 20; ++i) {
    (void)sources->view();
    EXPECT_TRUE(sources->save());
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t events = 0;
  for (const auto& row : sources->view().sources) events += row.source.events;
  EXPECT_EQ(events, 4000u);
}

}  // namespace
}  // namespace hecate::sources
