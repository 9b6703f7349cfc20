#include "pipeline/store/probe.h"

#include <filesystem>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace hecate::store {
namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

std::map<Failure, prometheus::Counter*> failures(prometheus::Registry& registry) {
  auto& family = prometheus::BuildCounter()
                     .Name("hecate_journal_failures_total")
                     .Help("Commits that failed, by reason; what they held was refused to its senders.")
                     .Register(registry);
  std::map<Failure, prometheus::Counter*> counters;
  for (Failure each : kFailures) counters[each] = &family.Add({{"reason", std::string(to_text(each))}});
  return counters;
}

}  // namespace

JournalProbe::JournalProbe(prometheus::Registry& registry)
    : commits_(counter(registry, "hecate_journal_commits_total", "Commits of the journal that are on disk.")),
      rows_(counter(registry, "hecate_journal_rows_total",
                    "Contributions to groups that the journal's commits hold, merged within each.")),
      log_bytes_(counter(registry, "hecate_journal_log_bytes_total",
                         "Bytes that the journal's commits appended to the write-ahead log.")),
      failures_(failures(registry)),
      damaged_(counter(registry, "hecate_journal_damaged_rows_total",
                       "Pane rows that could not be merged and went to the table damaged.")),
      duplicates_(counter(registry, "hecate_events_duplicate_total",
                          "Events that contributed once already and were left out (ingest.dedup).")),
      over_budget_(
          counter(registry, "hecate_journal_over_budget_groups_total",
                  "Groups of a commit not taken because their search has used up its budget on disk; the "
                  "runs of their windows are incomplete.")),
      bytes_(gauge(registry, "hecate_journal_bytes", "Size of the state database and its write-ahead log.")),
      tail_(gauge(registry, "hecate_journal_tail_bytes",
                  "Committed contributions that wait to be folded into the panes.")),
      free_(gauge(registry, "hecate_journal_disk_free_bytes", "What is left on the disk of state.path.")),
      seconds_(prometheus::BuildHistogram()
                   .Name("hecate_journal_commit_seconds")
                   .Help("Time of one commit of the journal, fsync included.")
                   .Register(registry)
                   .Add({}, prometheus::Histogram::BucketBoundaries{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                                                                    0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10})) {}

void JournalProbe::committed(std::size_t rows, std::size_t log_bytes, std::chrono::duration<double> took) {
  commits_.Increment();
  rows_.Increment(static_cast<double>(rows));
  log_bytes_.Increment(static_cast<double>(log_bytes));
  seconds_.Observe(took.count());
}

void JournalProbe::failed(Failure why) {
  failures_.at(why)->Increment();
}

void JournalProbe::put_aside(std::size_t damaged_rows) {
  if (damaged_rows > 0) damaged_.Increment(static_cast<double>(damaged_rows));
}

void JournalProbe::found_duplicates(std::size_t events) {
  if (events > 0) duplicates_.Increment(static_cast<double>(events));
}

void JournalProbe::over_budget(std::size_t groups) {
  if (groups > 0) over_budget_.Increment(static_cast<double>(groups));
}

void JournalProbe::waiting(std::size_t bytes) {
  tail_.Set(static_cast<double>(bytes));
}

void JournalProbe::measure(const std::string& database_file) {
  double bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code absent;
    auto size = std::filesystem::file_size(database_file + suffix, absent);
    if (!absent) bytes += static_cast<double>(size);
  }
  bytes_.Set(bytes);
  std::error_code unknown;
  auto space = std::filesystem::space(std::filesystem::path(database_file).parent_path(), unknown);
  if (!unknown) free_.Set(static_cast<double>(space.available));
}

}  // namespace hecate::store
