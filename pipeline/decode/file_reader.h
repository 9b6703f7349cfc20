#pragma once

#include "pipeline/base/error.h"
#include "pipeline/event/event_view.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace hecate::decode {

enum class InputFormat { automatic, json, xml, text, hec };

// Reads a file of events (`-`: standard input; .gz and .zst are unpacked, known by their first bytes) and
// hands out one EventView after another, valid until the next. json: one JSON object, or one JSON string
// holding a text event, after another; text: blocks of classic text, each from its date and `LogName=` on, or
// one event a line; xml: `<Event …>…</Event>` elements, line breaks allowed inside; hec:
// HEC envelopes, as a request body has them. `automatic` looks at the first bytes: `{` with an `event` key is
// hec, a date with `LogName=` behind it text. Reads in pieces: memory does not grow with the file. Arrival
// numbers count from 0.
struct FileStats {
  std::uint64_t events = 0;
  std::uint64_t malformed = 0;  // pieces that were no event; skipped
  std::uint64_t bytes = 0;      // after unpacking
};

// What events without metadata of their own get.
struct FileDefaults {
  std::string host, source, sourcetype, index;
};

using ProgressSink = std::function<void(const FileStats&)>;  // called about once every 4 MiB

[[nodiscard]] Result<FileStats> read_events(const std::string& path, InputFormat format,
                                            const FileDefaults& defaults,
                                            const std::function<void(EventView&)>& event,
                                            const ProgressSink& progress = {});

}  // namespace hecate::decode
