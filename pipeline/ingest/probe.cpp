#include "pipeline/ingest/probe.h"

namespace hecate::ingest {

namespace {

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, const char* name,
                                                  const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

}  // namespace

InputProbe::InputProbe(prometheus::Registry& registry, std::string input)
    : received(counters(registry, "hecate_events_received_total",
                        "Events that came in, by input; the one that stopped a request counts too.")
                   .Add({{"input", input}})),
      evaluated(
          counters(registry, "hecate_events_evaluated_total",
                   "Events that were evaluated against all detections and whose contribution is on disk.")
              .Add({{"input", input}})),
      malformed(
          counters(registry, "hecate_events_malformed_total",
                   "Events that a search could match whose payload is not what its form says; evaluated "
                   "with the fields they gave.")
              .Add({{"input", input}})),
      queue_bytes(prometheus::BuildGauge()
                      .Name("hecate_queue_bytes")
                      .Help("Bytes of batches that were admitted and are not yet answered.")
                      .Register(registry)
                      .Add({{"input", input}})),
      input_(std::move(input)),
      rejections_(counters(
          registry, "hecate_events_rejected_total",
          "Events that came in and were not evaluated, by input and reason: received = evaluated + these.")) {
}

prometheus::Counter& InputProbe::rejected(std::string_view reason) {
  return rejections_.Add({{"input", input_}, {"reason", std::string(reason)}});
}

Probe::Probe(prometheus::Registry& registry)
    : rows_cut(counters(registry, "hecate_rows_cut_total",
                        "Rows whose lists of BY values make more groups than one row may have; the rest is "
                        "left out.")
                   .Add({})),
      aside(counters(registry, "hecate_events_aside_total",
                     "Events that a search would have taken but for their time, by reason: late (its "
                     "windows are closed for longer than the lateness bound) or future. They are kept "
                     "aside.")),
      late(aside.Add({{"reason", "late"}})),
      future(aside.Add({{"reason", "future"}})),
      candidates(counters(registry, "hecate_candidates_total",
                          "Events that a detection's search was tried on: the prefilter let them through.")),
      seconds(counters(registry, "hecate_match_seconds_total",
                       "Time that it took to try a detection's search on events, its part of decoding them "
                       "included; estimated from one event in 64. Detections of one streaming part each "
                       "show all of it.")),
      matches(counters(registry, "hecate_matches_total",
                       "Events that satisfied the streaming part of a detection's search and are on disk.")) {
}

}  // namespace hecate::ingest
