#pragma once

#include "daemon/text_row.h"
#include "pipeline/base/error.h"
#include "pipeline/event/event_view.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hecate::daemon {

// A file of events that a test reads, as the catalogue's `attack_data` names it.
struct Dataset {
  std::string data;  // a URL, or a path
  std::string source, sourcetype, host, index;
};

// An event written into a test.
struct TestEvent {
  std::string raw;
  std::optional<Time> time;
  std::string host, source, sourcetype, index;
};

// One entry of the `tests:` of a detection (docs/testing-detections.md).
struct DetectionTest {
  std::string name;
  std::string file;  // where it stands
  int line = 1;
  std::string wrong;              // why it cannot be run; empty: it can
  std::string manual;             // why only people can run it
  std::vector<Dataset> datasets;  // `attack_data`
  std::vector<TestEvent> events;  // `events`
  std::optional<SearchTime> window;
  // `rows`: each with some of a row's fields; one that is to be absent has no values. Not given: one row or
  // more, whatever it is.
  std::optional<std::vector<TextRow>> rows;
  std::optional<std::size_t> row_count;  // `rows: 3`
  bool in_order = false;                 // `ordered: true`: the rows come in this order
};

// The tests of one detection that is in `file` (with others, perhaps): those in the file itself and those of
// the file beside it, `x.test.yml` for `x.yml`. The error is of that file as a whole.
[[nodiscard]] Result<std::vector<DetectionTest>> read_tests(const std::string& detection,
                                                            const std::string& file);

}  // namespace hecate::daemon
