#pragma once

#include "daemon/detection_tests.h"
#include "pipeline/catalogue/catalogue.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hecate::daemon {

// What came of one test.
struct TestOutcome {
  enum class Verdict : std::uint8_t {
    passed,
    failed,   // the rows are not those expected
    broken,   // it could not be run: the test itself, or its data
    skipped,  // its data is not here, and that is allowed
  };
  Verdict verdict = Verdict::passed;
  std::vector<std::string> message;  // lines: why, and what differs
  std::uint64_t events = 0;          // read
  std::size_t rows = 0;              // found
};

// Where the files of `attack_data` are.
struct AttackData {
  std::string folder;          // a copy of Splunk's attack_data, or of a part of it; empty: none
  bool allow_missing = false;  // a file that is not there skips its test
};

// Where a dataset is on this machine: as a path beside the file that names it, as one of its own, or in the
// folder, by the longest end of its path (`datasets/attack_techniques/T1003/x.log`, `T1003/x.log`) that
// exists there, packed (.gz, .zst) or not. Empty: nowhere.
[[nodiscard]] std::string find_dataset(const std::string& data, const std::string& beside,
                                       const std::string& folder);

// Runs a test of one detection of a catalogue, over all its events as one window.
[[nodiscard]] TestOutcome run_test(const DetectionTest& test,
                                   const std::shared_ptr<const catalogue::Catalogue>& catalogue,
                                   std::size_t detection, const AttackData& data);

// How the rows found differ from those expected, a line each: empty when they do not. Each row expected takes
// one that was found and has its fields; more must not be there. Lines begin with `-` for what was expected
// and `+` for what was found.
[[nodiscard]] std::vector<std::string> compare_rows(const std::vector<TextRow>& expected,
                                                    const std::vector<TextRow>& found, bool in_order);

}  // namespace hecate::daemon
