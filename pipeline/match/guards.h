#pragma once

#include "pipeline/match/scan_bits.h"
#include "pipeline/spl/condition.h"

#include <span>
#include <vector>

namespace hecate::match {

// Conditions that several scans have in common as a part that must hold: their data model, their event code,
// the source of the `sysmon` macro. Worked out once an event, one that does not hold rules out all of them.
// Immutable, thread-safe.
class Guards {
 public:
  Guards() = default;
  // One condition a scan, in the order of their numbers; they must outlive this.
  explicit Guards(std::span<const spl::Condition* const> conditions);

  // Takes those out of `candidates` whose condition cannot hold for the row.
  void rule_out(ScanBits& candidates, const spl::Row& row, spl::EvalContext& context) const;

  [[nodiscard]] std::size_t size() const { return guards_.size(); }

 private:
  struct Guard {
    const spl::Condition* condition;
    ScanBits scans;
  };
  std::vector<Guard> guards_;  // those of most scans first
};

}  // namespace hecate::match
