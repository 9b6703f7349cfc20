#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace hecate {

// Memory that is given out piece by piece and taken back all at once: the texts that evaluating one event,
// or one run, makes. `reset` keeps the first block, so that a worker in steady state never calls malloc.
// Not thread-safe: one owner.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `size` bytes, aligned to 8; never null, valid until reset.
  [[nodiscard]] char* allocate(std::size_t size) {
    size = (size + 7) & ~std::size_t{7};
    if (size > left_ || next_ == nullptr) grow(size);
    char* piece = next_;
    next_ += size;
    left_ -= size;
    used_ += size;
    return piece;
  }

  [[nodiscard]] std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* piece = allocate(text.size());
    std::memcpy(piece, text.data(), text.size());
    return {piece, text.size()};
  }

  template <typename T>
  [[nodiscard]] T* array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 8);
    return reinterpret_cast<T*>(allocate(count * sizeof(T)));
  }

  // Everything that was given out becomes invalid.
  void reset();

  // Bytes given out since the last reset.
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  void grow(std::size_t size);

  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  std::vector<Block> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t used_ = 0;
};

}  // namespace hecate
