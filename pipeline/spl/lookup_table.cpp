#include "pipeline/spl/lookup_table.h"

#include "pipeline/spl/group_key.h"

#include <algorithm>

namespace hecate::spl {

void LookupTable::add(const std::vector<std::string_view>& cells) {
  for (std::string_view cell : cells) {
    text_ += cell;
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }
}

std::optional<std::size_t> LookupTable::column(std::string_view field) const {
  auto found = std::ranges::find(fields_, field);
  if (found == fields_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - fields_.begin());
}

std::uint64_t LookupTable::hash() const {
  std::string all;
  all.reserve(text_.size() + 2 * ends_.size());
  for (const std::string& field : fields_) append_key_value(field, all);
  for (std::size_t row = 0; row < rows(); ++row)
    for (std::size_t column = 0; column < fields_.size(); ++column) append_key_value(cell(row, column), all);
  return stable_hash(all);
}

}  // namespace hecate::spl
