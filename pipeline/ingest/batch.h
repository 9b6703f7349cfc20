#pragma once

#include "pipeline/base/time.h"
#include "pipeline/decode/envelope.h"
#include "pipeline/event/event_view.h"
#include "pipeline/ingest/buffer.h"
#include "pipeline/syslog/reader.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace hecate::ingest {

// What the bytes of a batch are, and so who reads them.
enum class BatchFormat : std::uint8_t {
  envelopes,  // a HEC event request
  raw,        // a HEC raw request
  syslog,     // messages, where `frames` says
};

// How a batch ended, told to whoever sent it.
struct BatchResult {
  decode::EnvelopeResult envelope = {};  // of envelopes and raw text
  syslog::ReadResult syslog = {};        // of syslog
  bool stored = true;                    // false: the disk refused; it must come again as a whole

  [[nodiscard]] std::uint64_t events() const { return envelope.events + syslog.events; }
};

// Events on their way through: bytes, what events take where they say nothing themselves, and whom to tell.
// Owned by one thread at a time.
struct Batch {
  Buffer body;  // padded
  BatchFormat format = BatchFormat::envelopes;
  std::size_t input = 0;  // which of Ingest's inputs it came from

  // Of envelopes and raw text.
  std::string host, source, sourcetype, index;  // defaults
  Time time = EventView::kNoTime;               // default
  std::span<const std::string> indexes;         // those that envelopes may name, none: any; outlive the batch

  // Of syslog.
  syslog::Frames frames;

  // Whoever submits it keeps it until it is stored, since its sender cannot send it again: what the disk
  // refused is then not counted at all, neither as received nor as rejected.
  bool kept = false;

  // Runs once, on a worker, when the events are evaluated and before what they contribute is stored; for a
  // sender that asks later whether it is. May be empty.
  std::move_only_function<void(const BatchResult&)> evaluated;
  // Runs once, after `evaluated`: on a worker when nothing was contributed, else on the journal's thread
  // after the commit.
  std::move_only_function<void(const BatchResult&)> done;
};

// Walks the bytes of batches, whatever their format, and hands out their events one by one. One a worker: its
// buffers are reused, and the views handed out are valid until the next one.
class BatchReader {
 public:
  using EventSink = std::function<void(EventView&)>;
  // `arrived`: the present, for messages that leave out the year.
  [[nodiscard]] BatchResult read(const Batch& batch, Time arrived, const EventSink& event);

 private:
  decode::EnvelopeReader envelopes_;
};

}  // namespace hecate::ingest
