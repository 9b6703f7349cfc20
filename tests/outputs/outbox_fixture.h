#pragma once

#include "outputs/outbox.h"
#include "tests/support/hec_double.h"
#include "tests/support/testing.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <prometheus/registry.h>

namespace hecate::testing {

using Lines = std::vector<std::string>;

// An outbox on a store of its own; run 1 is done.
class OutboxFixture : public ::testing::Test {
 protected:
  void SetUp() override;

  void execute(const std::string& sql);
  void add_run(int run, bool done);
  // Envelopes that have waited for five seconds.
  void queue(const Lines& payloads, int run = 1);
  // Back-offs and pauses of milliseconds. The time limit on answers is the real one: a test in which an
  // endpoint does not answer sets its own.
  static outputs::OutboxOptions options_for(const Lines& urls);
  void start_outbox(const outputs::OutboxOptions& options);
  [[nodiscard]] std::int64_t number(const std::string& sql);
  [[nodiscard]] std::int64_t left() { return number("SELECT count(*) FROM outbox"); }
  // Whether the metrics have this line.
  [[nodiscard]] bool shows(const std::string& line);

  TemporaryFolder folder_;
  ManualClock clock_;
  prometheus::Registry registry_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Database> reader_;
  std::unique_ptr<outputs::Outbox> outbox_;
};

// The label of its metrics.
[[nodiscard]] inline std::string label_of(const HecDouble& hec) {
  return "endpoint=\"127.0.0.1:" + std::to_string(hec.port()) + "\"";
}

// `count` different payloads.
[[nodiscard]] Lines many(int count);

}  // namespace hecate::testing
