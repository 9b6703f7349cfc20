#include "pipeline/ingest/batch.h"

#include "pipeline/decode/raw.h"

#include <algorithm>

namespace hecate::ingest {

BatchResult BatchReader::read(const Batch& batch, Time arrived, const EventSink& event) {
  BatchResult result;
  decode::EnvelopeDefaults defaults{batch.host, batch.source, batch.sourcetype, batch.index, batch.time};
  switch (batch.format) {
    case BatchFormat::envelopes: {
      auto allowed = [&](std::string_view index) {
        return batch.indexes.empty() || std::ranges::find(batch.indexes, index) != batch.indexes.end();
      };
      result.envelope = envelopes_.read(batch.body.view(), defaults, allowed, event);
      break;
    }
    case BatchFormat::raw:
      result.envelope = decode::read_raw(batch.body.view(), defaults, event);
      break;
    case BatchFormat::syslog:
      result.syslog = syslog::read_messages(batch.body.view(), batch.frames, arrived, event);
      break;
  }
  return result;
}

}  // namespace hecate::ingest
