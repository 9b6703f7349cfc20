#include "pipeline/window/evaluation.h"

#include "pipeline/store/pane_sizes.h"

namespace hecate::window {

Evaluation::Evaluation(store::Database& reader, RunSink& sink, const Run& run, std::size_t memory_budget,
                       Flush flush)
    : reader_(reader),
      sink_(sink),
      run_(run),
      memory_budget_(memory_budget),
      flush_(std::move(flush)),
      context_{.arena = arena_,
               // A scheduled search's own time is when it was due, so that a run made up later says the same.
               .now = run.early ? run.search_time : run.window.scheduled,
               .earliest = run.window.earliest,
               .latest = run.window.latest},
      closing_(run.detection.plan->close(context_, [this](const spl::ResultRow& result) { row(result); })),
      scan_(run.detection.plan->scan()->id()),
      from_minute_(floor_to(run.window.earliest, kMinute) / kMinute),
      to_minute_(floor_to(run.window.latest, kMinute) / kMinute) {}

Result<std::size_t> Evaluation::whole_window() {
  auto dropped = store::read_dropped(reader_, scan_, from_minute_, to_minute_);
  if (!dropped) return std::unexpected(dropped.error());
  incomplete_ = *dropped > 0;
  note(store::read_groups(
      reader_, scan_, from_minute_, to_minute_,
      [this](std::string_view key, spl::GroupState&& state, const store::Sample& sample) {
        group(key, state, sample);
        if (context_.held_bytes > memory_budget_) incomplete_ = true;
        return result_.has_value() && context_.held_bytes <= memory_budget_;
      },
      &damaged_));
  if (!damaged_.empty()) incomplete_ = true;
  return finish();
}

Result<std::size_t> Evaluation::groups(const std::vector<std::string>& keys) {
  for (const auto& key : keys) {
    spl::GroupState state;
    store::Sample sample;
    bool found = read_group(key, state, sample);
    if (!result_) break;
    if (found) group(key, state, sample);
  }
  return finish();
}

void Evaluation::group(std::string_view key, const spl::GroupState& state, const store::Sample& sample) {
  current_key_ = key;
  current_sample_ = &sample;
  closing_->group(key, state);
  current_sample_ = nullptr;
  arena_.reset();
}

Result<std::size_t> Evaluation::finish() {
  if (result_) closing_->finish();
  if (!result_) return std::unexpected(result_.error());
  return rows_;
}

void Evaluation::row(const spl::ResultRow& row) {
  if (!result_) return;
  ++rows_;
  const store::Sample* sample = sample_of(row);
  if (!result_) return;
  sink_.row(run_, row, sample);
  if (sink_.pending() >= kRowsAWrite) note(flush_());
}

const store::Sample* Evaluation::sample_of(const spl::ResultRow& row) {
  if (row.group.empty()) return nullptr;
  const store::Sample* sample = current_sample_;
  if (!sample || row.group != current_key_) {
    spl::GroupState state;
    sample = read_group(row.group, state, fetched_) ? &fetched_ : nullptr;
  }
  return sample && !sample->empty() ? sample : nullptr;
}

// The window's minutes are read once: what comes into others is late.
bool Evaluation::read_group(std::string_view key, spl::GroupState& state, store::Sample& sample) {
  if (!minutes_) {
    auto minutes = store::read_minutes(reader_, scan_, from_minute_, to_minute_);
    if (!minutes) note(std::unexpected(minutes.error()));
    if (!minutes) return false;
    minutes_ = *std::move(minutes);
  }
  auto found = store::read_group(reader_, scan_, *minutes_, key, state, sample, &damaged_);
  if (!found) note(std::unexpected(found.error()));
  return found && *found;
}

void Evaluation::note(Result<void> result) {
  if (result_ && !result) result_ = std::move(result);
}

}  // namespace hecate::window
