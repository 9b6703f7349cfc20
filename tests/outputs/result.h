#pragma once

#include "pipeline/catalogue/catalogue.h"
#include "pipeline/spl/plan.h"
#include "pipeline/window/run_sink.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hecate::testing {

// A result row that owns what it shows.
class OwnedRow {
 public:
  void set(const std::string& name, const std::vector<std::string>& values);
  // The row with `keys` (names of its fields) as its identity; valid while this and no further `set`.
  [[nodiscard]] spl::ResultRow result(const std::vector<std::string>& keys = {},
                                      std::string_view group = {}) const;

 private:
  std::deque<std::string> texts_;
  std::deque<std::vector<Value>> lists_;
  spl::Row row_;
};

// The first detection of a YAML text, never compiled: findings ask for no plan. A bad text fails the test.
[[nodiscard]] catalogue::LoadedDetection detection(const std::string& yaml);

// The run of the window [11:50, 12:50) of 2026-04-27, scheduled for 13:00.
[[nodiscard]] window::Run run(const catalogue::LoadedDetection& detection, std::int64_t id = 1);

}  // namespace hecate::testing
