#pragma once

#include "pipeline/store/store.h"
#include "tests/store/counts.h"
#include "tests/support/testing.h"

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <prometheus/registry.h>

namespace hecate::store::testing {

using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

class StoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = Store::open(folder / "state", clock, registry, options);
    EXPECT_TRUE(store) << store.error().message;
    return store ? *std::move(store) : nullptr;
  }
  std::string refusal() {
    auto store = Store::open(folder / "state", clock, registry, options);
    return store ? "it was opened" : store.error().message;
  }
  static Store::Outcome commit(Store& store, DeltaSet&& deltas) {
    std::promise<Store::Outcome> outcome;
    store.submit(std::move(deltas), [&](Store::Outcome result) { outcome.set_value(result); });
    return outcome.get_future().get();
  }
  // One that sees in `pane` all that was handed in.
  static std::unique_ptr<Database> reader_of(Store& store) {
    auto folded = store.fold();
    EXPECT_TRUE(folded) << folded.error().message;
    auto reader = store.reader();
    EXPECT_TRUE(reader) << reader.error().message;
    return reader ? *std::move(reader) : nullptr;
  }
  static Counts counts(Store& store, std::uint64_t scan, std::int64_t from, std::int64_t to) {
    return read_counts(*reader_of(store), scan, from, to);
  }
  // Over all labels, or only where one of them has the value `label`.
  double metric(const std::string& name, const std::string& label = {}) {
    double sum = -1;
    for (const auto& family : registry.Collect()) {
      if (family.name != name) continue;
      sum = 0;
      for (const auto& value : family.metric) {
        auto has = [&](const auto& each) { return each.value == label; };
        if (!label.empty() && std::ranges::none_of(value.label, has)) continue;
        sum += value.counter.value + value.gauge.value + static_cast<double>(value.histogram.sample_count);
      }
    }
    return sum;
  }

  StoreOptions options;
  hecate::testing::TemporaryFolder folder;
  hecate::testing::ManualClock clock;
  prometheus::Registry registry;
};

}  // namespace hecate::store::testing
