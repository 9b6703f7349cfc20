#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hecate::syslog {

// One message in a run of bytes: [begin, begin + size), without its octet count or the line break behind it.
struct Frame {
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
  std::uint32_t sender = 0;  // which of the batch's senders; the framer leaves it 0
};

// Finds the messages in the byte stream of one TCP or TLS connection (RFC 6587, RFC 5425). Each frame says by
// its begin how it ends: a count of octets and a blank before what looks like a message (`<`, `{`, `@` or a
// byte order mark) is octet counting; anything else ends at a line feed or a NUL. Line feeds, carriage
// returns and NULs between frames are skipped. A message longer than the limit is cut there, its rest is
// skipped. One a connection; no bytes are copied or kept.
class Framer {
 public:
  explicit Framer(std::size_t max_message) : max_message_(max_message) {}

  // Appends the frames that end in `bytes`, from `begin` on, and says where the unfinished rest begins. What
  // follows in the stream must come behind that rest: [rest, end) has to stand in front of it next time.
  [[nodiscard]] std::size_t read(std::string_view bytes, std::size_t begin, std::vector<Frame>& frames);
  // The stream has ended in good order, and [begin, end) is the unfinished rest: a line without its end is a
  // frame, octets that are missing make none. False: something was left that is no frame.
  [[nodiscard]] bool finish(std::string_view bytes, std::size_t begin, std::vector<Frame>& frames);

  // How many bytes the unfinished rest must have before it can be a frame, as far as that is known.
  [[nodiscard]] std::size_t needed() const { return needed_; }

  struct Counts {
    std::uint64_t counted = 0;    // frames with an octet count
    std::uint64_t lines = 0;      // frames that a line feed or NUL ended
    std::uint64_t truncated = 0;  // of both: those that were cut
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Search;
  [[nodiscard]] bool read_counted(std::string_view bytes, std::size_t& at, std::size_t head,
                                  std::size_t length, std::vector<Frame>& frames);
  [[nodiscard]] bool read_line(std::string_view bytes, std::size_t& at, Search& search,
                               std::vector<Frame>& frames);
  void take(std::size_t begin, std::size_t size, std::vector<Frame>& frames);

  std::size_t max_message_;
  std::size_t skip_ = 0;        // octets of a cut message that are still to come
  bool skipping_line_ = false;  // the rest of a cut line is still to come
  std::size_t searched_ = 0;    // bytes of the rest that hold no line end
  std::size_t needed_ = 1;
  Counts counts_;
};

}  // namespace hecate::syslog
