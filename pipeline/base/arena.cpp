#include "pipeline/base/arena.h"

#include <algorithm>

namespace hecate {

namespace {
constexpr std::size_t kFirstBlock = 16 * 1024;
constexpr std::size_t kLargestBlock = 1024 * 1024;
}  // namespace

void Arena::grow(std::size_t size) {
  std::size_t next = blocks_.empty() ? kFirstBlock : std::min(blocks_.back().size * 2, kLargestBlock);
  Block block{.bytes = nullptr, .size = std::max(next, size)};
  block.bytes = std::make_unique_for_overwrite<char[]>(block.size);
  next_ = block.bytes.get();
  left_ = block.size;
  blocks_.push_back(std::move(block));
}

void Arena::reset() {
  used_ = 0;
  if (blocks_.empty()) return;
  blocks_.resize(1);
  next_ = blocks_[0].bytes.get();
  left_ = blocks_[0].size;
}

}  // namespace hecate
