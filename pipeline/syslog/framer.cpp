#include "pipeline/syslog/framer.h"

#include <algorithm>
#include <cstring>

namespace hecate::syslog {

namespace {

constexpr std::size_t kMostDigits = 9;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What the begin of a frame says about its end.
struct Count {
  enum class Kind { none, unknown, octets } kind = Kind::none;  // unknown: more bytes will tell
  std::size_t head = 0;                                         // bytes before the message
  std::size_t length = 0;                                       // of the message
};

Count read_count(std::string_view bytes) {
  if (bytes.front() < '1' || bytes.front() > '9') return {};
  std::size_t at = 0;
  std::size_t length = 0;
  for (; at < bytes.size() && is_digit(bytes[at]); ++at) {
    if (at == kMostDigits) return {};
    length = length * 10 + static_cast<std::size_t>(bytes[at] - '0');
  }
  if (at == bytes.size()) return {.kind = Count::Kind::unknown};
  if (bytes[at++] != ' ') return {};
  if (at == bytes.size()) return {.kind = Count::Kind::unknown};
  bool message = std::string_view("<{@\xEF").contains(bytes[at]);
  if (!message) return {};
  return {Count::Kind::octets, at, length};
}

}  // namespace

// Where the next line feed and the next NUL are, each looked for once.
struct Framer::Search {
  std::string_view bytes;
  std::size_t line_feed = 0;
  std::size_t nul = 0;
  bool known = false;

  // The first of both from `at` on; the size where there is none.
  std::size_t line_end(std::size_t at) {
    if (!known || line_feed < at) line_feed = find('\n', at);
    if (!known || nul < at) nul = find('\0', at);
    known = true;
    return std::min(line_feed, nul);
  }
  [[nodiscard]] std::size_t find(char c, std::size_t at) const {
    const void* found = std::memchr(bytes.data() + at, c, bytes.size() - at);
    return found == nullptr ? bytes.size()
                            : static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
  }
};

std::size_t Framer::read(std::string_view bytes, std::size_t begin, std::vector<Frame>& frames) {
  Search search{bytes};
  std::size_t at = begin;
  needed_ = 1;
  while (at < bytes.size()) {
    if (skip_ > 0) {
      std::size_t skipped = std::min(skip_, bytes.size() - at);
      skip_ -= skipped;
      at += skipped;
      continue;
    }
    if (skipping_line_) {
      std::size_t end = search.line_end(at);
      skipping_line_ = end == bytes.size();
      at = std::min(end + 1, bytes.size());
      continue;
    }
    if (char c = bytes[at]; c == '\n' || c == '\r' || c == '\0') {
      ++at;
      continue;
    }
    Count count = read_count(bytes.substr(at));
    if (count.kind == Count::Kind::unknown) break;
    bool whole = count.kind == Count::Kind::octets ? read_counted(bytes, at, count.head, count.length, frames)
                                                   : read_line(bytes, at, search, frames);
    if (!whole) break;
  }
  return at;
}

bool Framer::read_counted(std::string_view bytes, std::size_t& at, std::size_t head, std::size_t length,
                          std::vector<Frame>& frames) {
  std::size_t kept = std::min(length, max_message_);
  if (bytes.size() - at < head + kept) {
    needed_ = head + kept;
    return false;
  }
  ++counts_.counted;
  if (length > kept) ++counts_.truncated;
  take(at + head, kept, frames);
  at += head + kept;
  skip_ = length - kept;
  return true;
}

bool Framer::read_line(std::string_view bytes, std::size_t& at, Search& search, std::vector<Frame>& frames) {
  std::size_t end = search.line_end(at + searched_);
  std::size_t size = end - at;
  bool ended = end < bytes.size();
  // A carriage return may be the begin of the line end.
  if (!ended && size <= max_message_ + (bytes.ends_with('\r') ? 1 : 0)) {
    searched_ = size;
    needed_ = size + 1;
    return false;
  }
  searched_ = 0;
  ++counts_.lines;
  if (ended && bytes[end - 1] == '\r') --size;
  if (size > max_message_) ++counts_.truncated;
  take(at, std::min(size, max_message_), frames);
  at = ended ? end + 1 : at + max_message_;
  skipping_line_ = !ended;
  return true;
}

void Framer::take(std::size_t begin, std::size_t size, std::vector<Frame>& frames) {
  frames.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(size)});
}

bool Framer::finish(std::string_view bytes, std::size_t begin, std::vector<Frame>& frames) {
  if (begin == bytes.size()) return true;
  if (read_count(bytes.substr(begin)).kind == Count::Kind::octets) return false;
  std::size_t size = bytes.size() - begin;
  if (bytes.back() == '\r') --size;
  ++counts_.lines;
  if (size > max_message_) ++counts_.truncated;
  take(begin, std::min(size, max_message_), frames);
  return true;
}

}  // namespace hecate::syslog
