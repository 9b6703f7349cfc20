#pragma once

#include "pipeline/base/error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace hecate::decode {

// The bytes of a file, unpacked: plain, gzip (several members too) or zstd, known by the first bytes. `-` is
// standard input. Reads forward only; one thread.
class ByteSource {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ByteSource>> open(const std::string& path);
  // Bytes [begin, end) of a plain file, or as many as there are.
  [[nodiscard]] static Result<std::unique_ptr<ByteSource>> open_part(const std::string& path,
                                                                     std::uint64_t begin, std::uint64_t end);
  virtual ~ByteSource() = default;
  // Fills up to `size` bytes (at least 1) and says how many; 0 at the end.
  [[nodiscard]] virtual Result<std::size_t> read(char* out, std::size_t size) = 0;
};

}  // namespace hecate::decode
