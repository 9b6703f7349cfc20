#include "daemon/gzip.h"

#include <algorithm>

#include <zlib.h>

namespace hecate::daemon {

namespace {

constexpr std::size_t kStep = 1024 * 1024;
constexpr int kGzipOnly = 16 + MAX_WBITS;

}  // namespace

struct GzipReader::Stream {
  z_stream z{};
  bool usable = false;
};

GzipReader::GzipReader(std::string_view packed, std::size_t limit)
    : stream_(std::make_unique<Stream>()), limit_(limit) {
  z_stream& z = stream_->z;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  stream_->usable = inflateInit2(&z, kGzipOnly) == Z_OK;
}

GzipReader::~GzipReader() {
  if (stream_->usable) inflateEnd(&stream_->z);
}

GzipReader::State GzipReader::step(ingest::Buffer& out) {
  if (!stream_->usable) return State::corrupt;
  z_stream& z = stream_->z;
  // One byte beyond the limit is asked for: only when it comes is the body too large.
  std::size_t before = out.size();
  std::size_t room = std::min(kStep, limit_ + 1 - before);
  out.reserve(std::max(before + room, std::min(2 * before, limit_ + 1)));
  z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
  z.avail_out = static_cast<uInt>(room);
  int result = inflate(&z, Z_NO_FLUSH);
  out.resize(before + room - z.avail_out);
  if (out.size() > limit_) return State::too_large;
  if (result == Z_STREAM_END) return next_member();
  if (result != Z_OK) return State::corrupt;  // Z_BUF_ERROR too: the body is cut off
  return z.avail_out == 0 || z.avail_in > 0 ? State::more : State::corrupt;
}

GzipReader::State GzipReader::next_member() {
  z_stream& z = stream_->z;
  // Some writers pad the end with zeros.
  while (z.avail_in > 0 && *z.next_in == 0) {
    ++z.next_in;
    --z.avail_in;
  }
  if (z.avail_in == 0) return State::done;
  return inflateReset(&z) == Z_OK ? State::more : State::corrupt;
}

}  // namespace hecate::daemon
