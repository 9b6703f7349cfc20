#pragma once

#include "pipeline/base/error.h"
#include "pipeline/event/event_view.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::decode {

enum class InputFormat { automatic, json, xml, text, hec };

// Reads a file of events (`-`: standard input; .gz and .zst are unpacked, known by their first bytes) and
// hands out one EventView after another, valid until the next. json: one JSON object, or one JSON string
// holding a text event, after another; text: blocks of classic text, each from its date and `LogName=` on, or
// one event a line; xml: `<Event …>…</Event>` elements, line breaks allowed inside; hec:
// HEC envelopes, as a request body has them. `automatic` looks at the first bytes: `{` with an `event` key is
// hec, a date with `LogName=` behind it text. Reads in pieces: memory does not grow with the file. Arrival
// numbers count from 0, in a `part` too.
struct FileStats {
  std::uint64_t events = 0;
  std::uint64_t malformed = 0;  // pieces that were no event; skipped
  std::uint64_t bytes = 0;      // after unpacking
};

// What events without metadata of their own get.
struct FileDefaults {
  std::string host, source, sourcetype, index;
};

// Bytes of a file, from where an event begins to where one ends.
struct FilePart {
  std::uint64_t begin = 0;
  std::uint64_t end = UINT64_MAX;  // beyond the last byte: to the end
};
struct FileParts {
  InputFormat format = InputFormat::automatic;  // as recognised, where there are several
  std::vector<FilePart> parts;
};
// Up to `most` parts of about the same size that can be read beside one another and hold what the file holds:
// of a plain file of JSON or HEC envelopes with some MiB, cut where one line ends an object and the next
// begins one. Any other file is one part.
[[nodiscard]] Result<FileParts> split_file(const std::string& path, InputFormat format, std::size_t most);

using ProgressSink = std::function<void(const FileStats&)>;  // called about once every 4 MiB

[[nodiscard]] Result<FileStats> read_events(const std::string& path, InputFormat format,
                                            const FileDefaults& defaults,
                                            const std::function<void(EventView&)>& event,
                                            const ProgressSink& progress = {}, const FilePart& part = {});

}  // namespace hecate::decode
