#pragma once

#include "pipeline/base/clock.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/ingest/batch.h"
#include "pipeline/match/time_bounds.h"
#include "pipeline/sources/sources.h"
#include "pipeline/store/store.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Registry;
}

namespace hecate::ingest {

struct IngestOptions {
  int workers = 1;                              // 0: batches run to their end on the thread that submits
  std::size_t queue_bytes = 256 * 1024 * 1024;  // of bodies admitted and not yet answered
  // Each event contributes once, however often it is sent: told by its host and raw text within its minute.
  bool dedup = false;
};

// Takes batches in, has workers evaluate their events against the catalogue, and hands what they contribute
// to the journal. Everything here is thread-safe.
class Ingest {
 public:
  // `bounds` says which times of events are taken; it must outlive this. `inputs`: the names, for metrics, of
  // the ways in; a batch says which it came by. `sources` (outlives this; null: nobody) is told what flows.
  [[nodiscard]] static std::unique_ptr<Ingest> make(store::Store& store, const Clock& clock,
                                                    const match::SharedTimeBounds& bounds,
                                                    IngestOptions options, prometheus::Registry& registry,
                                                    const std::vector<std::string>& inputs,
                                                    sources::Sources* sources = nullptr);
  virtual ~Ingest() = default;  // finishes what was admitted

  // All or nothing: false means the queue is full (or stopping) and the batch was not taken.
  [[nodiscard]] virtual bool submit(std::unique_ptr<Batch>& batch) = 0;

  // What events are evaluated against, from the next batch on.
  virtual void set_feed(const catalogue::Feed& feed) = 0;

  // Waits until everything admitted before the call has been evaluated and, where it contributed, committed.
  virtual void barrier() = 0;

  [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
};

}  // namespace hecate::ingest
