#include "pipeline/decode/byte_source.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace hecate::decode {

namespace {

constexpr std::size_t kPackedBlock = 256 * 1024;

// The file itself; the first bytes can be looked at without being taken.
class PlainSource final : public ByteSource {
 public:
  PlainSource(int file, std::string path) : file_(file), path_(std::move(path)) {}
  ~PlainSource() override {
    if (file_ != STDIN_FILENO) ::close(file_);
  }
  PlainSource(const PlainSource&) = delete;
  PlainSource& operator=(const PlainSource&) = delete;

  Result<std::string_view> look() {
    while (head_.size() < 4) {
      char bytes[4];
      auto count = read_file(bytes, 4 - head_.size());
      if (!count) return std::unexpected(count.error());
      if (*count == 0) break;
      head_.append(bytes, *count);
    }
    return std::string_view(head_);
  }

  // From here on, and no more than `size` bytes.
  Result<void> limit(std::uint64_t begin, std::uint64_t size) {
    left_ = size;
    if (::lseek(file_, static_cast<off_t>(begin), SEEK_SET) >= 0) return {};
    return fail(fmt::format("cannot read {} from byte {} on: {}", path_, begin, std::strerror(errno)));
  }

  Result<std::size_t> read(char* out, std::size_t size) override {
    if (head_.empty()) return read_file(out, size);
    std::size_t count = head_.copy(out, size);
    head_.erase(0, count);
    return count;
  }

 private:
  Result<std::size_t> read_file(char* out, std::size_t size) {
    for (;;) {
      ssize_t count = ::read(file_, out, std::min<std::uint64_t>(size, left_));
      if (count >= 0) {
        left_ -= static_cast<std::uint64_t>(count);
        return static_cast<std::size_t>(count);
      }
      if (errno != EINTR) return fail(fmt::format("cannot read {}: {}", path_, std::strerror(errno)));
    }
  }

  int file_;
  std::string path_;
  std::string head_;
  std::uint64_t left_ = UINT64_MAX;  // bytes to read yet; more than a file has: to its end
};

// What the two unpackers share: a block of packed bytes, refilled when it is used up.
class PackedSource : public ByteSource {
 public:
  PackedSource(std::unique_ptr<ByteSource> source, std::string path)
      : path_(std::move(path)), source_(std::move(source)), block_(kPackedBlock) {}

 protected:
  // False at the end of the file.
  Result<bool> refill() {
    auto count = source_->read(block_.data(), block_.size());
    if (!count) return std::unexpected(count.error());
    size_ = *count;
    return size_ > 0;
  }
  [[nodiscard]] std::unexpected<Error> damaged() const {
    return fail(fmt::format("{} cannot be unpacked: it is damaged or cut off; copy it again", path_));
  }

  std::string path_;
  std::unique_ptr<ByteSource> source_;
  std::vector<char> block_;
  std::size_t size_ = 0;
};

class GzipSource final : public PackedSource {
 public:
  using PackedSource::PackedSource;
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  // False when there is no memory.
  bool start() { return inflateInit2(&stream_, 15 + 16) == Z_OK; }

  Result<std::size_t> read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        auto more = refill();
        if (!more) return std::unexpected(more.error());
        if (!*more) return between_members_ ? Result<std::size_t>(0) : damaged();
        stream_.next_in = reinterpret_cast<Bytef*>(block_.data());
        stream_.avail_in = static_cast<uInt>(size_);
      }
      between_members_ = false;
      int code = inflate(&stream_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        between_members_ = true;
        inflateReset(&stream_);
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return damaged();
      }
    }
    return size - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool between_members_ = false;
};

class ZstdSource final : public PackedSource {
 public:
  using PackedSource::PackedSource;

  Result<std::size_t> read(char* out, std::size_t size) override {
    ZSTD_outBuffer to{out, size, 0};
    while (to.pos == 0) {
      if (from_.pos == from_.size) {
        auto more = refill();
        if (!more) return std::unexpected(more.error());
        if (!*more) return frame_open_ ? damaged() : Result<std::size_t>(0);
        from_ = {block_.data(), size_, 0};
      }
      std::size_t code = ZSTD_decompressStream(stream_.get(), &to, &from_);
      if (ZSTD_isError(code) != 0) return damaged();
      frame_open_ = code != 0;
    }
    return to.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
  ZSTD_inBuffer from_{nullptr, 0, 0};
  bool frame_open_ = false;
};

Result<std::unique_ptr<PlainSource>> open_plain(const std::string& path) {
  int file = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  return std::make_unique<PlainSource>(file, path);
}

}  // namespace

Result<std::unique_ptr<ByteSource>> ByteSource::open_part(const std::string& path, std::uint64_t begin,
                                                          std::uint64_t end) {
  auto plain = open_plain(path);
  if (!plain) return std::unexpected(plain.error());
  if (auto limited = (*plain)->limit(begin, end - begin); !limited) return std::unexpected(limited.error());
  return *std::move(plain);
}

Result<std::unique_ptr<ByteSource>> ByteSource::open(const std::string& path) {
  auto opened = open_plain(path);
  if (!opened) return std::unexpected(opened.error());
  auto plain = *std::move(opened);
  auto head = plain->look();
  if (!head) return std::unexpected(head.error());
  if (head->starts_with("\x1f\x8b")) {
    auto gzip = std::make_unique<GzipSource>(std::move(plain), path);
    if (!gzip->start()) return fail("no memory to unpack " + path);
    return gzip;
  }
  if (head->starts_with("\x28\xb5\x2f\xfd")) return std::make_unique<ZstdSource>(std::move(plain), path);
  return plain;
}

}  // namespace hecate::decode
