#include "daemon/buffer_pool.h"

#include <utility>

namespace hecate::daemon {

ingest::Buffer BufferPool::take() {
  if (buffers_.empty()) return {};
  ingest::Buffer buffer = std::move(buffers_.back());
  buffers_.pop_back();
  bytes_ -= buffer.capacity();
  buffer.clear();
  return buffer;
}

void BufferPool::give(ingest::Buffer buffer) {
  if (buffers_.size() >= kBuffers || bytes_ + buffer.capacity() > kBytes) return;
  bytes_ += buffer.capacity();
  buffers_.push_back(std::move(buffer));
}

}  // namespace hecate::daemon
