#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace hecate::ingest {

// Bytes of a request, with room behind them that may be read (simdjson's padding). Grows, never shrinks, so
// that it can be reused. Not initialised. One owner.
class Buffer {
 public:
  static constexpr std::size_t kPadding = 64;

  [[nodiscard]] char* data() { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

  // Room for `size` bytes in all, keeping what is there.
  void reserve(std::size_t size);
  // Sets the size; new bytes are not initialised. The padding behind them is zeroed.
  void resize(std::size_t size);
  void append(std::string_view bytes);
  void clear() { size_ = 0; }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<char, Free> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace hecate::ingest
