// The byte stream of a syslog connection: the messages do not depend on how it is cut into reads. The first
// byte chooses the longest message, the second the size of a read.
#include "pipeline/syslog/framer.h"
#include "tests/fuzz/input.h"

#include <string>

namespace hecate::syslog {
namespace {

struct Outcome {
  std::vector<std::string> messages;
  std::uint64_t counted = 0, lines = 0, truncated = 0;
  bool whole = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view stream, std::size_t most, std::size_t piece) {
  Framer framer(most);
  Outcome outcome;
  auto keep = [&](std::string_view bytes, const std::vector<Frame>& frames, std::size_t begin) {
    std::size_t at = begin;
    for (const Frame& frame : frames) {
      fuzz::require(frame.begin >= at && frame.begin + std::size_t{frame.size} <= bytes.size(),
                    "messages lie in the bytes that were read, one behind the other");
      fuzz::require(frame.size <= most, "no message is longer than the limit");
      at = frame.begin + frame.size;
      outcome.messages.emplace_back(bytes.substr(frame.begin, frame.size));
    }
  };
  std::string rest;
  for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
    constexpr std::size_t kBefore = 3;  // frames do not begin at 0 in a batch
    fuzz::Input bytes(std::string(kBefore, 'x') + rest + std::string(stream.substr(0, piece)));
    std::size_t needed = framer.needed();
    std::vector<Frame> frames;
    std::size_t end = framer.read(bytes.view(), kBefore, frames);
    fuzz::require(end >= kBefore && end <= bytes.view().size(), "the rest is what was read, or a part of it");
    fuzz::require(frames.empty() || bytes.view().size() - kBefore >= needed,
                  "no message ends before the bytes that it needs have come");
    keep(bytes.view(), frames, kBefore);
    rest = bytes.view().substr(end);
    fuzz::require(rest.empty() || framer.needed() > rest.size() || rest.size() < 12,
                  "an unfinished message needs more than there is");
  }
  std::vector<Frame> frames;
  fuzz::Input bytes(rest);
  outcome.whole = framer.finish(bytes.view(), 0, frames);
  keep(bytes.view(), frames, 0);
  outcome.counted = framer.counts().counted;
  outcome.lines = framer.counts().lines;
  outcome.truncated = framer.counts().truncated;
  fuzz::require(outcome.counted + outcome.lines == outcome.messages.size(), "each message is counted once");
  return outcome;
}

}  // namespace
}  // namespace hecate::syslog

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hecate;
  std::string_view stream = fuzz::as_text(data, size);
  std::size_t most = 1U + fuzz::take_byte(stream);
  std::size_t piece = 1U + fuzz::take_byte(stream);
  syslog::Outcome whole = syslog::read(stream, most, size + 1);
  fuzz::require(syslog::read(stream, most, 1) == whole, "byte by byte gives what the whole gives");
  fuzz::require(syslog::read(stream, most, piece) == whole, "pieces give what the whole gives");
  return 0;
}
