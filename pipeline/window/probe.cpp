#include "pipeline/window/probe.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace hecate::window {
namespace {

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const char* name,
                                                  const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

}  // namespace

RunnerProbe::RunnerProbe(prometheus::Registry& registry)
    : runs_(counters(registry, "hecate_window_runs_total", "Scheduled runs that are done, by detection.")),
      rows_(counters(registry, "hecate_window_rows_total",
                     "Result rows of runs, early ones too, by detection.")),
      lags_(prometheus::BuildGauge()
                .Name("hecate_window_lag_seconds")
                .Help("How long ago the newest run that is done was due, by detection.")
                .Register(registry)),
      next_(prometheus::BuildGauge()
                .Name("hecate_window_next_run_seconds")
                .Help("When the next run is to begin, in seconds since 1970, by detection; one in the past "
                      "is overdue.")
                .Register(registry)),
      seconds_(prometheus::BuildHistogram()
                   .Name("hecate_window_run_seconds")
                   .Help("Time of one scheduled run, from reading its state to its commit.")
                   .Register(registry)
                   .Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5,
                                                                    10, 30, 60, 300})),
      spent_(counters(registry, "hecate_window_seconds_total",
                      "Time that a detection's runs took: scheduled ones, those done again, early ones.")),
      made_up_(counters(registry, "hecate_window_made_up_total",
                        "Runs that were due while hecate was stopped and were done after.")
                   .Add({})),
      dropped_early_(
          counters(registry, "hecate_window_early_dropped_total",
                   "Groups not looked at for first_match because too many waited; their scheduled run "
                   "tells them.")
              .Add({})),
      late_(counters(registry, "hecate_window_late_groups_total",
                     "Groups of a commit that came into a window that was run already; it is run again.")
                .Add({})),
      again_(counters(registry, "hecate_window_reruns_total",
                      "Runs done again because events came late, by detection.")),
      incomplete_(counters(registry, "hecate_window_incomplete_total",
                           "Runs that lack events of their window, by detection.")),
      removed_aside_(
          counters(registry, "hecate_aside_removed_total",
                   "Events kept aside that were removed because of their age or number (retention).")
              .Add({})) {}

void RunnerProbe::ran(const std::string& detection, std::size_t rows, std::chrono::duration<double> took,
                      bool made_up) {
  runs_.Add({{"detection", detection}}).Increment();
  rows_.Add({{"detection", detection}}).Increment(static_cast<double>(rows));
  seconds_.Observe(took.count());
  if (made_up) made_up_.Increment();
}

void RunnerProbe::told_early(const std::string& detection, std::size_t rows) {
  rows_.Add({{"detection", detection}}).Increment(static_cast<double>(rows));
}

void RunnerProbe::spent(const std::string& detection, std::chrono::duration<double> time) {
  spent_.Add({{"detection", detection}}).Increment(time.count());
}

void RunnerProbe::lag(const std::string& detection, Time behind, Time next_due) {
  lags_.Add({{"detection", detection}}).Set(static_cast<double>(behind) / kSecond);
  next_.Add({{"detection", detection}}).Set(static_cast<double>(next_due) / kSecond);
}

void RunnerProbe::forget_lag(const std::string& detection) {
  for (auto* family : {&lags_, &next_}) family->Remove(&family->Add({{"detection", detection}}));
}

void RunnerProbe::know(const std::string& detection) {
  for (auto* family : {&runs_, &rows_, &spent_, &again_, &incomplete_})
    family->Add({{"detection", detection}});
}

void RunnerProbe::ran_again(const std::string& detection) {
  again_.Add({{"detection", detection}}).Increment();
}

void RunnerProbe::incomplete(const std::string& detection) {
  incomplete_.Add({{"detection", detection}}).Increment();
}

void RunnerProbe::removed_aside(std::int64_t events) {
  if (events > 0) removed_aside_.Increment(static_cast<double>(events));
}

void RunnerProbe::late(std::size_t groups) {
  if (groups > 0) late_.Increment(static_cast<double>(groups));
}

void RunnerProbe::dropped_early(std::size_t groups) {
  dropped_early_.Increment(static_cast<double>(groups));
}

}  // namespace hecate::window
