#pragma once

#include "pipeline/base/error.h"
#include "pipeline/spl/row.h"
#include "pipeline/store/delta.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::outputs {

class JsonWriter;

// Fields of an event that is posted: names sorted, the values of each in order.
using Fields = std::map<std::string, std::vector<std::string>>;

// What a finding has of the events: the result row, and the event that its group shows. Owns its texts. It is
// written into the finding's body, and read from there when something is posted of it.
struct Evidence {
  Fields row;
  std::optional<store::Sample> sample;  // its raw text up to 32 KiB

  [[nodiscard]] static Evidence of(const spl::Row& row, const store::Sample* sample);
  // The keys `row` and `sample` of an object that is being written.
  void write(JsonWriter& json) const;
  // Of a body; an error where it is damaged.
  [[nodiscard]] static Result<Evidence> parse(std::string_view body);

  // The row's values of a field, else those of the sample.
  [[nodiscard]] std::vector<std::string> values(std::string_view field) const;
  // They, joined; `unknown` where there are none.
  [[nodiscard]] std::string text(std::string_view field) const;
  // A template with its `$field$` filled.
  [[nodiscard]] std::string filled(std::string_view text) const;
};

// `a, b`.
[[nodiscard]] std::string join(const std::vector<std::string>& values);

}  // namespace hecate::outputs
