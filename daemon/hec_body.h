#pragma once

#include "daemon/hec_service.h"
#include "daemon/hec_stream.h"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace hecate::daemon {

// Reads the bodies of one connection's requests, of any framing and encoding, and keeps them within bounds:
// each within a limit, packed and unpacked, and all that are on their way in within ingest.queue_bytes. For
// the listener's own sources only.
class HecBodyReader {
 public:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

  HecBodyReader(HecStream& stream, HecService& service) : stream_(stream), service_(service) {}
  ~HecBodyReader() { release(); }
  HecBodyReader(const HecBodyReader&) = delete;
  HecBodyReader& operator=(const HecBodyReader&) = delete;

  struct End {
    HecCode code = HecCode::success;  // else what is wrong with the body as a whole
    bool begun = false;               // some of it was taken from the stream
    bool read = false;                // nothing of it is left there
    bool gone = false;                // the sender is; there is nobody to answer
  };
  // Into `body`, unpacked. `expects_100`: the sender waits to be told to go on. What is read counts against
  // the common bound until `release`.
  Awaitable<End> take(Parser& parser, bool expects_100, HecEncoding encoding, std::size_t limit,
                      ingest::Buffer& body);
  void release() { charge(0); }

 private:
  enum class Read { complete, malformed, too_large, busy, gone };

  bool charge(std::size_t bytes);
  Awaitable<Read> read_sized(std::size_t length, ingest::Buffer& body);
  Awaitable<Read> read_chunked(Parser& parser, std::size_t limit, ingest::Buffer& body);
  Awaitable<HecCode> unpack(std::size_t limit, ingest::Buffer& body);

  HecStream& stream_;
  HecService& service_;
  std::size_t charged_ = 0;  // bytes of the body in hand that are counted in reading_bytes
};

}  // namespace hecate::daemon
