#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace hecate::spl {

// The bytes of encoded states: whole numbers as LEB128 (7 bits a byte, the lowest first), doubles as their 8
// bytes, texts as length and bytes. The order of things is told where they are encoded.
class BlobWriter {
 public:
  explicit BlobWriter(std::string& out) : out_(out) {}

  void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value) | 0x80U);
    byte(static_cast<std::uint8_t>(value));
  }
  void fixed(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) byte(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void real(double value) { fixed(std::bit_cast<std::uint64_t>(value)); }
  void text(std::string_view value) {
    number(value.size());
    out_.append(value);
  }

 private:
  std::string& out_;
};

// Reads what BlobWriter wrote. What does not fit sets `damaged` for good and reads as nothing; callers ask
// once, at the end. Texts point into the blob.
class BlobReader {
 public:
  explicit BlobReader(std::string_view blob) : left_(blob) {}

  [[nodiscard]] std::uint8_t byte() {
    if (left_.empty()) return spoil();
    auto value = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  [[nodiscard]] std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      std::uint8_t next = byte();
      value |= std::uint64_t{next & 0x7FU} << shift;
      if (next < 0x80) return value;
    }
    return spoil();
  }
  // A number of things that take up at least one byte each: never more than there are bytes left, so that a
  // damaged count cannot make anyone reserve memory for it.
  [[nodiscard]] std::size_t count() {
    std::uint64_t value = number();
    return value <= left_.size() ? static_cast<std::size_t>(value) : spoil();
  }
  [[nodiscard]] std::uint64_t fixed() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }
  [[nodiscard]] double real() { return std::bit_cast<double>(fixed()); }
  [[nodiscard]] std::string_view text() {
    std::size_t size = count();
    std::string_view value = left_.substr(0, size);
    left_.remove_prefix(value.size());
    return value;
  }

  void reject() { spoil(); }
  [[nodiscard]] bool damaged() const { return damaged_; }
  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  std::uint8_t spoil() {
    damaged_ = true;
    left_ = {};
    return 0;
  }

  std::string_view left_;
  bool damaged_ = false;
};

}  // namespace hecate::spl
