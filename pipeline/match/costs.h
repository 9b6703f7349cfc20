#pragma once

#include "pipeline/match/scan_bits.h"

#include <cstdint>
#include <random>
#include <vector>

namespace hecate::match {

// What it costs to look at events, by scan: how many each scan was tried on, and the time that took. Every
// event is counted; one in kEventsASample, chosen by chance, is timed and stands for so many. An event's
// decoding is shared by all scans that the prefilter let through, since they are why it was decoded. One a
// matcher; nothing here allocates.
class Costs {
 public:
  static constexpr std::int64_t kEventsASample = 64;
  // Nanoseconds since any moment, never going back.
  using Stopwatch = std::int64_t (*)();
  static std::int64_t steady_nanoseconds();

  Costs(std::size_t scans, Stopwatch stopwatch);

  // An event's decoding begins. Whether it is one that is timed: then `decoded` follows, and `timed` each
  // scan.
  [[nodiscard]] bool begin();
  // The prefilter let these through: not none.
  void decoded(const ScanBits& candidates);
  void tried(std::size_t scan) { ++of_[scan].events; }
  void tried(const ScanBits& scans) { touched_.add(scans); }
  void timed(std::size_t scan);

  struct Cost {
    std::uint64_t events = 0;
    std::int64_t nanoseconds = 0;  // estimated
  };
  // Visits (scan, Cost) of the scans that had some since the last time, and forgets it.
  template <typename Visitor>
  void take(const Visitor& visit) {
    touched_.for_each([&](std::size_t scan) { visit(scan, of_[scan]); });
    touched_.for_each([&](std::size_t scan) { of_[scan] = {}; });
    touched_.clear();
  }

 private:
  Stopwatch stopwatch_;
  std::vector<Cost> of_;
  ScanBits touched_;
  std::int64_t since_ = 0;
  std::int64_t skipped_ = 0;  // events until the next that is timed
  std::minstd_rand random_;
};

}  // namespace hecate::match
