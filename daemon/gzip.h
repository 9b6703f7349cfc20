#pragma once

#include "pipeline/ingest/buffer.h"

#include <cstddef>
#include <memory>
#include <string_view>

namespace hecate::daemon {

// Unpacks one gzip body (several members one after another read as one) in steps, so that a large body does
// not hold up the network thread, and never to more than `limit` bytes, whatever the body promises.
class GzipReader {
 public:
  enum class State {
    more,       // call `step` again
    done,       // all is unpacked
    too_large,  // more than `limit` bytes come out
    corrupt,    // not gzip, damaged, or cut off
  };

  // `packed` must live as long as the reader.
  GzipReader(std::string_view packed, std::size_t limit);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  // Appends about a mebibyte to `out`.
  [[nodiscard]] State step(ingest::Buffer& out);

 private:
  struct Stream;
  [[nodiscard]] State next_member();
  std::unique_ptr<Stream> stream_;
  std::size_t limit_;
};

}  // namespace hecate::daemon
