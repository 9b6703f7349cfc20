#include "daemon/hec_body.h"

#include "daemon/gzip.h"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace hecate::daemon {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

// A body is given room for this much at first, and more as it comes: a sender that only announces much gets
// little.
constexpr std::size_t kFirstRoom = 1024 * 1024;
constexpr std::size_t kChunkRoom = 64 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

// Says that this connection holds so many bytes of a body; false when all of them together hold too many.
bool HecBodyReader::charge(std::size_t bytes) {
  service_.reading_bytes += bytes - charged_;
  charged_ = bytes;
  return service_.reading_bytes <= service_.queue_bytes;
}

Awaitable<HecBodyReader::End> HecBodyReader::take(Parser& parser, bool expects_100, HecEncoding encoding,
                                                  std::size_t limit, ingest::Buffer& body) {
  End end;
  std::size_t length = 0;
  if (!parser.chunked()) length = static_cast<std::size_t>(parser.content_length().value_or(0));
  if (length > limit) {
    end.code = HecCode::too_large;
    co_return end;
  }
  end.begun = true;
  if (expects_100) {
    bool told = co_await stream_.write(kContinue);
    end.gone = !told;
    if (!told) co_return end;
  }
  Read read = Read::complete;
  if (parser.chunked()) {
    read = co_await read_chunked(parser, limit, body);
  } else {
    read = co_await read_sized(length, body);
  }
  end.gone = read == Read::gone;
  end.read = read == Read::complete;
  if (read == Read::too_large) end.code = HecCode::too_large;
  if (read == Read::busy) end.code = HecCode::busy;
  if (read == Read::malformed) end.code = HecCode::bad_request;
  if (end.read && encoding == HecEncoding::gzip && body.size() > 0) end.code = co_await unpack(limit, body);
  co_return end;
}

Awaitable<HecBodyReader::Read> HecBodyReader::read_sized(std::size_t length, ingest::Buffer& body) {
  std::size_t have = std::min(length, stream_.unread().size());
  body.reserve(std::min(length, kFirstRoom));
  body.append(stream_.unread().substr(0, have));
  stream_.use(have);
  while (body.size() < length) {
    if (!charge(body.size())) co_return Read::busy;
    if (body.size() == body.capacity()) body.reserve(std::min(length, 2 * body.size()));
    std::size_t room = std::min(length, body.capacity()) - body.size();
    stream_.wait_for(HecWait::progress);
    auto got = co_await stream_.read_into(body.data() + body.size(), room);
    if (!got) co_return Read::gone;
    body.resize(body.size() + *got);
  }
  co_return Read::complete;
}

Awaitable<HecBodyReader::Read> HecBodyReader::read_chunked(Parser& parser, std::size_t limit,
                                                           ingest::Buffer& body) {
  parser.eager(true);
  while (!parser.is_done()) {
    error_code error = http::error::need_more;
    std::string_view unread = stream_.unread();
    if (!unread.empty()) {
      body.reserve(body.size() + kChunkRoom);
      std::size_t room = body.capacity() - body.size();
      auto& target = parser.get().body();
      target.data = body.data() + body.size();
      target.size = room;
      stream_.use(parser.put(asio::buffer(unread.data(), unread.size()), error));
      body.resize(body.size() + room - target.size);
    }
    bool room = charge(body.size());
    if (body.size() > limit) co_return Read::too_large;
    if (!room) co_return Read::busy;
    if (error == http::error::need_more) {
      stream_.wait_for(HecWait::progress);
      bool more = co_await stream_.fill();
      if (!more) co_return stream_.is_full() ? Read::malformed : Read::gone;
    } else if (error && error != http::error::need_buffer) {
      co_return Read::malformed;
    }
  }
  co_return Read::complete;
}

Awaitable<HecCode> HecBodyReader::unpack(std::size_t limit, ingest::Buffer& body) {
  ingest::Buffer packed = std::exchange(body, service_.pool.take());
  GzipReader reader(packed.view(), limit);
  GzipReader::State state = reader.step(body);
  HecCode code = HecCode::success;
  while (state == GzipReader::State::more) {
    if (!charge(packed.size() + body.size())) {
      code = HecCode::busy;
      break;
    }
    // Others have their turn between two steps.
    co_await asio::post(stream_.executor(), use_awaitable);
    state = reader.step(body);
  }
  if (state == GzipReader::State::too_large) code = HecCode::too_large;
  if (state == GzipReader::State::corrupt) code = HecCode::invalid_format;
  service_.metrics.unpacked(body.size());
  service_.pool.give(std::move(packed));
  co_return code;
}

}  // namespace hecate::daemon
