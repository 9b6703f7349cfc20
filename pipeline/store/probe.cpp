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

}  // namespace

JournalProbe::JournalProbe(prometheus::Registry& registry)
    : commits_(counter(registry, "hecate_journal_commits_total", "Commits of the journal that are on disk.")),
      rows_(counter(registry, "hecate_journal_rows_total",
                    "Merged pane rows written by the journal's commits.")),
      failures_(counter(registry, "hecate_journal_failures_total",
                        "Commits that failed; what they held was refused to its senders.")),
      duplicates_(counter(registry, "hecate_events_duplicate_total",
                          "Events that contributed once already and were left out (ingest.dedup).")),
      bytes_(prometheus::BuildGauge()
                 .Name("hecate_journal_bytes")
                 .Help("Size of the state database and its write-ahead log.")
                 .Register(registry)
                 .Add({})),
      seconds_(prometheus::BuildHistogram()
                   .Name("hecate_journal_commit_seconds")
                   .Help("Time of one commit of the journal, fsync included.")
                   .Register(registry)
                   .Add({}, prometheus::Histogram::BucketBoundaries{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                                                                    0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10})) {}

void JournalProbe::committed(std::size_t rows, std::chrono::duration<double> took) {
  commits_.Increment();
  rows_.Increment(static_cast<double>(rows));
  seconds_.Observe(took.count());
}

void JournalProbe::failed() {
  failures_.Increment();
}

void JournalProbe::found_duplicates(std::size_t events) {
  if (events > 0) duplicates_.Increment(static_cast<double>(events));
}

void JournalProbe::measure(const std::string& database_file) {
  double bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code absent;
    auto size = std::filesystem::file_size(database_file + suffix, absent);
    if (!absent) bytes += static_cast<double>(size);
  }
  bytes_.Set(bytes);
}

}  // namespace hecate::store
