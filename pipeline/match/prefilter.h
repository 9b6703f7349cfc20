#pragma once

#include "pipeline/event/event_view.h"
#include "pipeline/fields/event_fields.h"
#include "pipeline/match/scan_bits.h"
#include "pipeline/spl/condition.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hecate::match {

// Texts of which at least one must stand in the raw event: lower case, ASCII, without characters that JSON or
// XML may write otherwise.
using Literals = std::vector<std::string>;
// Those that `condition` implies: one of each must stand there whenever it holds. The strictest first; none
// when it implies nothing. Only of fields whose values stand in the event (FieldRules::origin).
[[nodiscard]] std::vector<Literals> required_literals(const spl::Condition& condition,
                                                      const fields::FieldRules& rules);

// Finds the scans that an event may satisfy by one search of its raw text for all their literals.
// It may pass too much, never too little: scans without literals are candidates for every event, and an event
// that hides letters in \u escapes, or brings HEC `fields`, is a candidate for every scan. Immutable,
// thread-safe.
class Prefilter {
 public:
  // What each scan requires, in the order of their numbers; the first kMostRequired of it are looked for.
  static std::unique_ptr<const Prefilter> build(std::span<const std::vector<Literals>> scans);
  static constexpr std::size_t kMostRequired = 3;
  virtual ~Prefilter() = default;

  // The memory of one thread for scanning; reused for each event.
  class Scratch {
   public:
    virtual ~Scratch() = default;
    // Puts the candidate scans into `candidates`, a set of all scans' size, in place of what it held.
    virtual void find(const EventView& event, ScanBits& candidates) = 0;
  };
  [[nodiscard]] virtual std::unique_ptr<Scratch> make_scratch() const = 0;
};

}  // namespace hecate::match
