#include "pipeline/window/evaluation.h"

#include "pipeline/store/pane_sizes.h"

namespace hecate::window {

Evaluation::Evaluation(store::Database& reader, RunSink& sink, const Run& run, std::size_t memory_budget,
                       Flush flush)
    : reader_(reader),
      sink_(sink),
      run_(run),
      flush_(std::move(flush)),
      context_{.arena = arena_,
               // A scheduled search's own time is when it was due, so that a run made up later says the same.
               .now = run.early ? run.search_time : run.window.scheduled,
               .earliest = run.window.earliest,
               .latest = run.window.latest,
               .held_most = memory_budget},
      scan_(run.detection.plan->scan().id()),
      from_minute_(floor_to(run.window.earliest, kMinute) / kMinute),
      to_minute_(floor_to(run.window.latest, kMinute) / kMinute) {}

Result<std::size_t> Evaluation::whole_window() {
  note(spl::run(
      *run_.detection.plan, context_,
      [this](const spl::Scan& scan, spl::GroupVisitor visit) { return read_groups(scan, visit); },
      [this](const spl::ResultRow& result) { row(result); }));
  return finish();
}

Result<void> Evaluation::read_groups(const spl::Scan& scan, spl::GroupVisitor visit) {
  auto dropped = store::read_dropped(reader_, scan.id(), from_minute_, to_minute_);
  if (!dropped) return std::unexpected(dropped.error());
  if (*dropped > 0) context_.incomplete = "contributions were dropped for want of room on disk";
  std::size_t damaged = damaged_.size();
  auto read = store::read_groups(
      reader_, scan.id(), from_minute_, to_minute_,
      [&](std::string_view key, spl::GroupState&& state, const store::Sample& sample) {
        current_key_ = key;
        current_sample_ = &sample;
        bool more = visit(key, state);
        current_sample_ = nullptr;
        return more && result_.has_value();
      },
      &damaged_);
  if (damaged_.size() > damaged) context_.incomplete = "stored groups were damaged and put aside";
  return read;
}

Result<std::size_t> Evaluation::groups(const std::vector<std::string>& keys) {
  auto closing = run_.detection.plan->close(context_, [this](const spl::ResultRow& result) { row(result); });
  for (const auto& key : keys) {
    spl::GroupState state;
    store::Sample sample;
    bool found = read_group(key, state, sample);
    if (!result_) break;
    if (!found) continue;
    current_key_ = key;
    current_sample_ = &sample;
    closing->group(key, state);
    current_sample_ = nullptr;
    arena_.reset();
  }
  if (result_) closing->finish();
  return finish();
}

Result<std::size_t> Evaluation::finish() {
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
