#pragma once

#include "pipeline/spl/source.h"

#include <string_view>
#include <vector>

namespace hecate::catalogue {

// The way back from a place in a YAML text value to the place in the file where it was written, whatever the
// style: plain, quoted (folded over lines, with escapes), or a block. Found by walking along both; where the
// two cannot be brought together, every place is that of the value's start.
class ScalarPlaces {
 public:
  ScalarPlaces() = default;
  // `line` and `column` (from 0) are where YAML says that the value begins in `file`: its quote or `|` if it
  // has one.
  ScalarPlaces(std::string_view file, int line, int column, std::string_view value);
  // Where the reader of the file knows the place of each byte of the value.
  ScalarPlaces(spl::Position start, std::vector<spl::Position> places, std::string_view value);

  // Of `in_value`, a line and column (both from 1) in the value's own text.
  [[nodiscard]] spl::Position in_file(spl::Position in_value) const;
  [[nodiscard]] spl::Position begin() const { return in_file({1, 1}); }

 private:
  void walk(std::string_view file, std::size_t at, std::string_view value);

  spl::Position start_;
  std::vector<spl::Position> places_;     // of each byte of the value
  std::vector<std::size_t> line_starts_;  // offsets in the value
};

}  // namespace hecate::catalogue
