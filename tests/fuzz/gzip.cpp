// A gzip body: never more than the limit comes out, and what zlib packed comes out as it was. The first two
// bytes choose the limit, in KiB.
#include "daemon/gzip.h"

#include "tests/fuzz/input.h"
#include "tests/support/gzip.h"

namespace hecate::daemon {
namespace {

GzipReader::State unpack(std::string_view packed, std::size_t limit, ingest::Buffer& out) {
  fuzz::Input input(packed);
  GzipReader reader(input.view(), limit);
  GzipReader::State state = GzipReader::State::more;
  while (state == GzipReader::State::more) {
    std::size_t before = out.size();
    state = reader.step(out);
    fuzz::require(out.size() <= limit + 1, "one byte beyond the limit is the most that comes out");
    fuzz::require(state != GzipReader::State::more || out.size() > before || packed.size() > 1,
                  "a step that goes on has done something");
  }
  fuzz::require((state == GzipReader::State::too_large) == (out.size() > limit),
                "too large is what is over the limit");
  return state;
}

}  // namespace
}  // namespace hecate::daemon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hecate;
  using State = daemon::GzipReader::State;
  std::string_view bytes = fuzz::as_text(data, size);
  std::size_t limit = (fuzz::take_byte(bytes) + 256U * (fuzz::take_byte(bytes) % 8U)) * 1024U;
  ingest::Buffer out;
  (void)daemon::unpack(bytes, limit, out);

  std::string packed = testing::gzip(bytes);
  ingest::Buffer whole;
  fuzz::require(daemon::unpack(packed, bytes.size(), whole) == State::done && whole.view() == bytes,
                "what was packed comes out as it was");
  ingest::Buffer cut;
  if (!bytes.empty())
    fuzz::require(daemon::unpack(packed, bytes.size() - 1, cut) == State::too_large, "the limit is exact");
  ingest::Buffer torn;
  fuzz::require(daemon::unpack(std::string_view(packed).substr(0, packed.size() - 1), bytes.size(), torn) ==
                    State::corrupt,
                "what is cut off is corrupt");
  return 0;
}
