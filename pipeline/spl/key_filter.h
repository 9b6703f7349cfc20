#pragma once

#include "pipeline/spl/planned.h"

#include <cstdint>

namespace hecate::spl {

// Planned::key_filter at work: whether a group may give a row at all, told from the event before anything of
// it is kept. What it says depends on a few texts alone and is remembered for those that come again, for each
// thread. Immutable, thread-safe.
class KeyFilter {
 public:
  // `scan`: the id of its scan. The plan must outlive it.
  KeyFilter(const Planned& planned, std::uint64_t scan) : planned_(planned), scan_(scan) {}

  // False when no group of the row will be shown. A row that belongs to several passes.
  [[nodiscard]] bool lets_by(const Row& row, EvalContext& context) const;

 private:
  [[nodiscard]] bool passes(std::size_t step, Row& row, EvalContext& context) const;

  const Planned& planned_;
  std::uint64_t scan_;
};

}  // namespace hecate::spl
