#pragma once

#include "outputs/retention.h"
#include "pipeline/base/clock.h"
#include "pipeline/window/run_sink.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace prometheus {
class Registry;
}

namespace hecate::outputs {

struct FindingOptions {
  std::string search_name_prefix = "ESCU - ";  // source and search_name are prefix + name + suffix
  std::string search_name_suffix = " - Rule";
  std::string host;  // `host` of what is posted; the machine's name when empty
  std::string risk_index = "risk";
  bool deliver = false;  // an output is configured: findings go into the outbox
  RetentionOptions retention;
};

// Told of each finding once it is visible; `json` is one line, as /api/findings shows it.
using FindingListener = std::function<void(std::string_view json)>;

// Makes findings of result rows and stores them: tables `finding`, `outbox`, `throttle` of the journal's
// database (schema.h). A finding has one id for ever: hash(detection, window, keys). A row whose id was told
// is told again, as the next revision, when other fields of it than counts and the like have changed
// (Revise); else only the stored text is brought up to date. What was told of a window and is no row of its
// newest run is withdrawn. Rows of detections that take no action are passed over. What an undone run of the
// same detection has left is cleared by the next. The runner's thread calls; a run that is done again needs
// an id or a search time of its own.
class Findings : public window::RunSink {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Findings>> make(store::Store& store, FindingOptions options,
                                                              prometheus::Registry& registry,
                                                              FindingListener listener);
};

// Brings the tables of this library up to date; the outbox and the findings both need them.
[[nodiscard]] Result<void> prepare_tables(store::Store& store);

}  // namespace hecate::outputs
