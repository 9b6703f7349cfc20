#pragma once

#include "pipeline/catalogue/deployment.h"
#include "pipeline/catalogue/detection.h"
#include "pipeline/catalogue/scalar_places.h"
#include "pipeline/catalogue/yaml_reader.h"
#include "pipeline/spl/source.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::catalogue {

// A detection as its file has it, before deployments and overrides.
struct ReadDetection {
  Detection detection;
  std::optional<Deployment> own;  // the file's `deployment:`
  std::optional<ScalarPlaces>
      search_places;            // where the search stands in the file; none: it is no part of one
  spl::Position position;       // of the document
  std::string off;              // why its file does not have it run; empty: it does
  std::vector<Wrong> warnings;  // what is read and is likely not what was meant
};

// Reads one document in any of the catalogue's three forms; throws Wrong. `text` is that of the whole file.
[[nodiscard]] ReadDetection read_detection(const MapReader& yaml, std::string_view text,
                                           const std::string& file);

// `3600s`, `60m`, `1h`, `1d`, up to 366 days; nothing for anything else.
[[nodiscard]] std::optional<Time> parse_period(std::string_view text);

// What went wrong in one document; `name` where it told so much.
struct DocumentError {
  std::string name;
  spl::Position position;
  std::string message;
};

// Walks the documents of a YAML text. An empty one is passed over; one that `document` throws Wrong for is
// told to `error`, and the rest goes on; what is not YAML at all ends the walk with an error.
void read_documents(std::string_view text, const std::function<void(const MapReader&)>& document,
                    const std::function<void(DocumentError)>& error);

}  // namespace hecate::catalogue
