#pragma once

#include "pipeline/ingest/buffer.h"

#include <cstddef>
#include <vector>

namespace hecate::daemon {

// Buffers on their way back into use, so that steady traffic does not allocate. Bounded in number and in
// bytes. One thread.
class BufferPool {
 public:
  [[nodiscard]] ingest::Buffer take();
  void give(ingest::Buffer buffer);

 private:
  static constexpr std::size_t kBuffers = 64;
  static constexpr std::size_t kBytes = 64 * 1024 * 1024;
  std::vector<ingest::Buffer> buffers_;
  std::size_t bytes_ = 0;
};

}  // namespace hecate::daemon
