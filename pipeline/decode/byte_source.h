#pragma once

#include "pipeline/base/error.h"

#include <cstddef>
#include <memory>
#include <string>

namespace hecate::decode {

// The bytes of a file, unpacked: plain, gzip (several members too) or zstd, known by the first bytes. `-` is
// standard input. Reads forward only; one thread.
class ByteSource {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ByteSource>> open(const std::string& path);
  virtual ~ByteSource() = default;
  // Fills up to `size` bytes (at least 1) and says how many; 0 at the end.
  [[nodiscard]] virtual Result<std::size_t> read(char* out, std::size_t size) = 0;
};

}  // namespace hecate::decode
