#pragma once

#include "daemon/test_runner.h"

#include <string>
#include <vector>

namespace hecate::daemon {

// One test that was run.
struct TestedCase {
  std::string detection, name, file;
  int line = 1;
  double seconds = 0;
  TestOutcome outcome;
};

// The report that CI systems read: a test suite for each detection. Cases of one detection follow each other.
[[nodiscard]] std::string junit_xml(const std::vector<TestedCase>& cases);

}  // namespace hecate::daemon
