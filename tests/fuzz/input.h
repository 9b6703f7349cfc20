#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace hecate::fuzz {

// A copy of its own size, so that AddressSanitizer sees the first byte read beyond it; with `padding`, as
// much as readers may touch (ingest::Buffer), filled with `filler`.
class Input {
 public:
  explicit Input(std::string_view bytes, std::size_t padding = 0, char filler = '\0')
      : bytes_(new char[bytes.size() + padding]), size_(bytes.size()) {
    bytes.copy(bytes_.get(), size_);
    std::fill_n(bytes_.get() + size_, padding, filler);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes the first byte off, for what a target chooses beside its bytes.
inline std::uint8_t take_byte(std::string_view& bytes) {
  if (bytes.empty()) return 0;
  auto byte = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  return byte;
}

// A rule that holds for every input; the run ends where it does not.
inline void require(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "broken rule: %s\n", rule);
  std::abort();
}

// Whether a view that was handed out lies in what it was read from.
inline bool inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace hecate::fuzz
