#pragma once

#include "daemon/explanation_output.h"
#include "pipeline/fields/event_fields.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace hecate::daemon {

// Looks at events one by one for one detection, counts for how many each of its clauses holds, and keeps
// those that come nearest. One thread. What it is made of must outlive it.
class EventExplainer {
 public:
  // `most`: how many events are kept; 0: all.
  EventExplainer(const catalogue::LoadedDetection& detection,
                 std::shared_ptr<const catalogue::Catalogue> catalogue, std::size_t most);

  void look_at(const EventView& event, Time arrived);
  [[nodiscard]] const ClauseTally& tally() const { return tally_; }
  // Those that were kept, in the order in which they came.
  [[nodiscard]] std::vector<ExplainedEvent> explained();

 private:
  struct Kept {
    double nearness;
    std::uint64_t number;
    Time arrived;
    OwnedEvent event;
  };
  [[nodiscard]] spl::EvalContext context_of(Arena& arena, const EventView& event, Time arrived) const;
  [[nodiscard]] ExplainedEvent explain(const Kept& kept);

  const catalogue::LoadedDetection& detection_;
  std::shared_ptr<const catalogue::Catalogue> catalogue_;
  std::unique_ptr<fields::EventFields> fields_;
  std::unique_ptr<const match::Prefilter> prefilter_;
  std::unique_ptr<match::Prefilter::Scratch> scratch_;
  std::size_t most_;
  ClauseTally tally_;
  std::vector<Kept> kept_;  // the nearest first
};

}  // namespace hecate::daemon
