#pragma once

#include "pipeline/base/arena.h"
#include "pipeline/window/local_tables.h"
#include "pipeline/window/run_sink.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hecate::window {

// Pushes the stored groups of one run's window through the detection's closing part and gives the rows to the
// sink. One thread; used for one run.
class Evaluation {
 public:
  // Called when the sink keeps many rows; writes them.
  using Flush = std::function<Result<void>()>;
  static constexpr std::size_t kRowsAWrite = 250;

  // `memory_budget`: bytes that the closing part may keep; over it the groups that are left are not looked
  // at.
  Evaluation(store::Database& reader, RunSink& sink, const Run& run, std::size_t memory_budget, Flush flush);

  // Every group of the window, or those of `keys` (sorted) that are there. Returns how many rows came out.
  [[nodiscard]] Result<std::size_t> whole_window();
  [[nodiscard]] Result<std::size_t> groups(const std::vector<std::string>& keys);
  // Why something was left out, here or when it came in: there was no room for it, or it cannot be read.
  // Empty: nothing was.
  [[nodiscard]] const std::string& incomplete() const { return context_.incomplete; }
  // What outputlookup has written.
  [[nodiscard]] LocalTables::Written take_written() { return std::move(context_.written); }
  [[nodiscard]] const std::vector<store::DeltaKey>& damaged() const { return damaged_; }

 private:
  [[nodiscard]] Result<void> read_groups(const spl::Scan& scan, spl::GroupVisitor visit);
  [[nodiscard]] Result<std::size_t> finish();
  void row(const spl::ResultRow& row);
  // The sample of the group that a row shows; null where there is none.
  [[nodiscard]] const store::Sample* sample_of(const spl::ResultRow& row);
  [[nodiscard]] bool read_group(std::string_view key, spl::GroupState& state, store::Sample& sample);
  void note(Result<void> result);

  store::Database& reader_;
  RunSink& sink_;
  const Run& run_;
  Flush flush_;
  std::vector<store::DeltaKey> damaged_;
  Arena arena_;
  spl::EvalContext context_;
  std::uint64_t scan_;
  std::int64_t from_minute_, to_minute_;
  std::optional<std::vector<std::int64_t>> minutes_;  // those that hold anything, once they were asked for

  std::string_view current_key_;  // of the group being pushed
  const store::Sample* current_sample_ = nullptr;
  store::Sample fetched_;  // of a group that was pushed before
  std::size_t rows_ = 0;
  Result<void> result_;  // the first error; nothing is told after it
};

}  // namespace hecate::window
