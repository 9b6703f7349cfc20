#include "pipeline/window/timetable.h"

#include "absl/container/flat_hash_set.h"
#include "pipeline/window/journal_rows.h"

#include <algorithm>
#include <map>

#include <spdlog/spdlog.h>

namespace hecate::window {
namespace {

void lower(absl::flat_hash_map<std::uint64_t, Time>& times, std::uint64_t scan, Time time) {
  Time& known = times.try_emplace(scan, time).first->second;
  known = std::min(known, time);
}

}  // namespace

Result<void> Timetable::take_up(std::shared_ptr<const catalogue::Catalogue> catalogue, store::Store& store,
                                store::Database& reader, Time now) {
  auto known = read_progress(reader);
  if (!known) return std::unexpected(known.error());
  auto ends = read_run_ends(reader);
  if (!ends) return std::unexpected(ends.error());
  std::vector<Scheduled> detections;
  std::map<std::string, Progress> changed;
  for (const auto& detection : catalogue->detections) {
    auto& scheduled = detections.emplace_back(catalogue, &detection);
    auto found = known->extract(scheduled.name());
    bool ahead = false;
    Progress progress = found ? found.mapped() : Progress{.last_run = now, .search = scheduled.search_id()};
    if (progress.last_run > now) {
      spdlog::warn(
          "detection \"{}\" has run for {}, which is ahead of the clock: one of the two clocks was wrong; "
          "it goes on from now",
          scheduled.name(), format_iso(progress.last_run));
      progress.last_run = now;
      ahead = true;
    }
    if (!found) progress.first = detection.schedule.window(detection.schedule.cron.next(now)).earliest;
    auto end = ends->find(scheduled.name());
    bool another_search = progress.search != scheduled.search_id() && progress.search != kUnknownSearch;
    if (another_search || (!found && end != ends->end())) progress.since = now;
    bool to_write = !found || ahead || progress.search != scheduled.search_id();
    progress.search = scheduled.search_id();
    if (to_write) changed.emplace(scheduled.name(), progress);
    scheduled.since = progress.since;
    scheduled.first = progress.first;
    scheduled.set_last_run(progress.last_run);
    scheduled.closed = detection.schedule.window(progress.last_run).latest;
    if (end != ends->end()) scheduled.closed = std::max(scheduled.closed, end->second);
  }
  if (!changed.empty() || !known->empty()) {
    auto written = store.write_and_wait([&](store::Database& database) -> Result<void> {
      for (const auto& [name, progress] : changed) {
        if (auto done = write_progress(database, name, progress); !done) return done;
      }
      for (const auto& [name, progress] : *known) {
        if (auto done = remove_progress(database, name); !done) return done;
      }
      return {};
    });
    if (!written) return written;
  }
  keep_finishing(detections, now);
  detections_ = std::move(detections);
  catalogue_ = std::move(catalogue);
  return {};
}

// What was running and is another search now keeps the windows that have begun; its successor takes the rest.
void Timetable::keep_finishing(std::vector<Scheduled>& detections, Time now) {
  std::vector<Scheduled> finishing;
  for (const auto& before : detections_) {
    auto after = std::ranges::find(detections, before.name(), &Scheduled::name);
    if (after == detections.end()) continue;
    if (!before.current()) {
      finishing.push_back(before);
    } else if (before.search_id() != after->search_id()) {
      finishing.push_back(before);
      finishing.back().until = now;
      while (after->next_window().earliest < now) after->set_last_run(after->next_run);
    }
  }
  std::ranges::move(finishing, std::back_inserter(detections));
}

// Runs missed while stopped wait until shippers have had time to send what they kept meanwhile, and those
// that come after them wait with them.
Time Timetable::due(const Scheduled& scheduled) const {
  if (!scheduled.has_runs()) return kNever;
  bool missed = scheduled.next_run < started_;
  return missed ? std::max(scheduled.next_run, started_ + grace_) : scheduled.next_run;
}

Time Timetable::next_due() const {
  Time next = kNever;
  for (const auto& scheduled : detections_) next = std::min(next, due(scheduled));
  return next;
}

Scheduled* Timetable::next_to_run(Time now, const std::set<const Scheduled*>& passed_over) {
  Scheduled* next = nullptr;
  for (auto& scheduled : detections_) {
    if (due(scheduled) > now || passed_over.contains(&scheduled)) continue;
    if (!next || scheduled.next_run < next->next_run) next = &scheduled;
  }
  return next;
}

void Timetable::pass_over(Time time) {
  for (auto& scheduled : detections_)
    if (scheduled.next_run < time) scheduled.set_last_run(time - 1);
}

bool Timetable::drop_finished(Time time) {
  auto finished = [time](const Scheduled& scheduled) {
    return !scheduled.has_runs() && scheduled.detection->schedule.window(scheduled.last_run).latest < time;
  };
  return std::erase_if(detections_, finished) > 0;
}

catalogue::Feed Timetable::feed() const {
  catalogue::Feed feed{catalogue_, {}};
  absl::flat_hash_set<std::uint64_t> fed;
  for (const auto& scheduled : detections_) {
    if (!scheduled.current()) continue;
    for (const auto& scan : scheduled.scans()) fed.insert(scan->id());
  }
  for (const auto& scheduled : detections_) {
    if (scheduled.current()) continue;
    for (std::size_t i = 0; i < scheduled.scans().size(); ++i) {
      if (!fed.insert(scheduled.scans()[i]->id()).second) continue;
      auto part =
          std::ranges::find(feed.finishing, scheduled.catalogue, &catalogue::Feed::Finishing::catalogue);
      if (part == feed.finishing.end()) part = feed.finishing.insert(part, {scheduled.catalogue, {}});
      auto detection = scheduled.detection - scheduled.catalogue->detections.data();
      part->parts.push_back({static_cast<std::size_t>(detection), i});
    }
  }
  return feed;
}

match::TimeBounds Timetable::bounds(Time lateness, Time future_skew) const {
  match::TimeBounds bounds;
  bounds.lateness = lateness;
  bounds.future_skew = future_skew;
  for (const auto& scheduled : detections_) {
    // A window to come may reach further back than the first one did: its earliest was changed.
    Time begin =
        scheduled.has_runs() ? std::min(scheduled.first, scheduled.next_window().earliest) : scheduled.first;
    for (const auto& scan : scheduled.scans()) {
      lower(bounds.first_window, scan->id(), begin);
      if (scheduled.has_runs()) lower(bounds.needed_from, scan->id(), scheduled.next_window().earliest);
    }
  }
  for (const auto& [scan, first] : bounds.first_window)
    bounds.newest_first_window = std::max(bounds.newest_first_window, first);
  return bounds;
}

absl::flat_hash_map<std::uint64_t, Time> Timetable::oldest_needed(Time now) const {
  absl::flat_hash_map<std::uint64_t, Time> oldest;
  for (const auto& scheduled : detections_) {
    auto window = scheduled.has_runs() ? scheduled.next_window()
                                       : scheduled.detection->schedule.window(scheduled.last_run);
    // The window that ends now may be run again for an event that is just not too late.
    Time earliest = std::min(now - (window.latest - window.earliest), window.earliest);
    for (const auto& scan : scheduled.scans()) lower(oldest, scan->id(), earliest);
  }
  return oldest;
}

}  // namespace hecate::window
