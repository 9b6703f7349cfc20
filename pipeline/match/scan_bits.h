#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hecate::match {

// A set of scans, one bit each, by their numbers. Sets that meet are of the same size.
class ScanBits {
 public:
  explicit ScanBits(std::size_t scans = 0) : words_((scans + 63) / 64, 0) {}

  void add(std::size_t scan) { words_[scan / 64] |= std::uint64_t{1} << (scan % 64); }
  void add(const ScanBits& others) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= others.words_[i];
  }
  void clear() { std::fill(words_.begin(), words_.end(), 0); }
  void keep(const ScanBits& others) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= others.words_[i];
  }
  void remove(const ScanBits& others) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~others.words_[i];
  }
  [[nodiscard]] bool empty() const {
    std::uint64_t any = 0;
    for (std::uint64_t word : words_) any |= word;
    return any == 0;
  }
  [[nodiscard]] bool meets(const ScanBits& others) const {
    std::uint64_t both = 0;
    for (std::size_t i = 0; i < words_.size(); ++i) both |= words_[i] & others.words_[i];
    return both != 0;
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t count = 0;
    for (std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
    return count;
  }
  // In the order of their numbers.
  template <typename Visitor>
  void for_each(const Visitor& visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1)
        visit(i * 64 + static_cast<std::size_t>(std::countr_zero(word)));
    }
  }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace hecate::match
