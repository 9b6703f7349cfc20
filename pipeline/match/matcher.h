#pragma once

#include "pipeline/base/arena.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/event/event_view.h"
#include "pipeline/fields/event_fields.h"
#include "pipeline/match/costs.h"
#include "pipeline/match/guards.h"
#include "pipeline/match/prefilter.h"
#include "pipeline/match/time_bounds.h"
#include "pipeline/store/delta.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hecate::match {

// The scans of a catalogue, each once: detections whose streaming parts mean the same share one. Immutable,
// shared by all workers.
struct ScanSet {
  struct Entry {
    std::shared_ptr<const spl::Scan> scan;
    std::vector<std::size_t> detections;  // indexes into catalogue->detections
    // Findings show the group's first event: false for scans of subsearches only.
    bool keeps_sample = false;
    std::vector<std::string> sample_fields;  // of it, for findings
  };
  explicit ScanSet(std::shared_ptr<const catalogue::Catalogue> loaded);
  // Of one detection only, by its index; of some scans only.
  ScanSet(std::shared_ptr<const catalogue::Catalogue> loaded, std::size_t detection);
  ScanSet(std::shared_ptr<const catalogue::Catalogue> loaded, std::span<const catalogue::Feed::Part> parts);

  std::shared_ptr<const catalogue::Catalogue> catalogue;
  std::vector<Entry> scans;
  std::unique_ptr<const Prefilter> prefilter;  // by index into scans
  Guards guards;                               // likewise
};

// Whether events are looked over for literals before they are decoded, and for what rules out many scans at
// once before these are run. Off: the slow twin, for tests.
enum class Prefiltering : std::uint8_t { on, off };

// Which pane an event's contribution goes to.
enum class Panes : std::uint8_t {
  by_minute,   // of the event's time: the stream
  one_window,  // all in minute 0: `hecate search`, one window over all time
};

// Evaluates events one after another against all scans. One a worker: everything it needs for an event is
// reused, so that an event that matches nothing allocates nothing.
class Matcher {
 public:
  Matcher(std::shared_ptr<const ScanSet> scans, Panes panes, Prefiltering prefiltering = Prefiltering::on,
          Costs::Stopwatch stopwatch = Costs::steady_nanoseconds);
  ~Matcher();

  // From the next event on; null, as at the start: every time is taken.
  void set_time_bounds(std::shared_ptr<const TimeBounds> bounds);

  // Adds what `event` contributes to `deltas`; to its panes, or aside where its time is out of bounds.
  // `arrived` is the last resort for the event's time. False when a candidate's payload was not what its
  // shape says; it is evaluated with the fields it gave.
  bool evaluate(const EventView& event, Time arrived, store::DeltaSet& deltas);

  [[nodiscard]] const ScanSet& scans() const { return *scans_; }
  // Events that each scan took since the last clear_matches, by the scan's index.
  [[nodiscard]] const std::vector<std::uint64_t>& matches() const { return matches_; }
  void clear_matches() { matches_.assign(matches_.size(), 0); }
  // Events that the prefilter and the guards let through to each scan, and what they cost.
  [[nodiscard]] Costs& costs() { return costs_; }
  struct Counts {
    std::uint64_t late = 0;      // events put aside, each once however many scans would have taken it
    std::uint64_t future = 0;    // likewise
    std::uint64_t rows_cut = 0;  // rows that belonged to more groups than one may
  };
  // Since the last time.
  [[nodiscard]] Counts take_counts() { return std::exchange(counts_, {}); }
  // Events that some scan was a candidate for, and that were decoded, in all.
  [[nodiscard]] std::uint64_t decoded() const { return decoded_; }

 private:
  bool take(std::size_t scan, const EventView& event, bool keeps_sample, spl::EvalContext& context,
            store::DeltaSet& deltas);
  bool put_aside(std::size_t scan, const EventView& event, spl::EvalContext& context,
                 TimeBounds::Verdict verdict, store::DeltaSet& deltas);

  std::shared_ptr<const ScanSet> scans_;
  std::shared_ptr<const TimeBounds> bounds_;
  std::vector<TimeBounds::OfScan> bounds_of_scans_;  // by index
  Panes panes_;
  Arena arena_;
  std::unique_ptr<fields::EventFields> fields_;
  std::unique_ptr<Prefilter::Scratch> prefilter_;  // null: off
  ScanBits all_scans_, candidates_;
  Costs costs_;
  std::vector<std::uint64_t> matches_;
  Counts counts_;
  std::uint64_t decoded_ = 0;
};

}  // namespace hecate::match
