#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// Rows of texts under named fields, as a CSV file has them. Immutable once filled; then thread-safe.
class LookupTable {
 public:
  explicit LookupTable(std::vector<std::string> fields) : fields_(std::move(fields)) {}

  // A cell for each field; an empty one reads as none. All cells together stay under 4 GiB.
  void add(const std::vector<std::string_view>& cells);

  [[nodiscard]] const std::vector<std::string>& fields() const { return fields_; }
  // The number of the field of this name, with case.
  [[nodiscard]] std::optional<std::size_t> column(std::string_view field) const;
  [[nodiscard]] std::size_t rows() const { return fields_.empty() ? 0 : ends_.size() / fields_.size(); }
  [[nodiscard]] std::string_view cell(std::size_t row, std::size_t column) const {
    std::size_t at = row * fields_.size() + column;
    std::uint32_t begin = at == 0 ? 0 : ends_[at - 1];
    return std::string_view(text_).substr(begin, ends_[at] - begin);
  }
  // Of fields and rows, the same in every build: tables of one hash hold the same.
  [[nodiscard]] std::uint64_t hash() const;
  [[nodiscard]] std::size_t bytes() const {
    return text_.capacity() + ends_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::vector<std::string> fields_;
  std::string text_;                 // all cells, row by row
  std::vector<std::uint32_t> ends_;  // of each cell in text_
};

}  // namespace hecate::spl
