#include "pipeline/ingest/buffer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace hecate::ingest {

void Buffer::reserve(std::size_t size) {
  if (size <= capacity_) return;
  std::size_t capacity = std::max(size, capacity_ + capacity_ / 2);
  char* grown = static_cast<char*>(std::realloc(bytes_.get(), capacity + kPadding));
  if (grown == nullptr) throw std::bad_alloc();
  (void)bytes_.release();
  bytes_.reset(grown);
  capacity_ = capacity;
}

void Buffer::resize(std::size_t size) {
  reserve(size);
  size_ = size;
  if (bytes_) std::memset(bytes_.get() + size, 0, kPadding);
}

void Buffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::size_t at = size_;
  resize(at + bytes.size());
  std::memcpy(bytes_.get() + at, bytes.data(), bytes.size());
}

}  // namespace hecate::ingest
