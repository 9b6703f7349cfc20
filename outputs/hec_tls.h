#pragma once

#include "pipeline/base/error.h"

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ssl/context.hpp>

namespace hecate::outputs {

struct HecEndpoint;

// What a TLS connection to an endpoint rests on: whom it trusts, and the client's own certificate. One
// thread.
class HecTls {
 public:
  // Refuses files that cannot be read, are no PEM, or do not fit together.
  [[nodiscard]] static Result<HecTls> load(const HecEndpoint& endpoint);

  // For a new connection. Files that changed since are read again; if they cannot be used, that is logged and
  // the old ones stay.
  [[nodiscard]] boost::asio::ssl::context& context();

 private:
  // When a file was written last, and which it was.
  struct Stamp {
    std::string file;
    std::int64_t written = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    bool operator==(const Stamp&) const = default;
  };
  HecTls(const HecEndpoint& endpoint, boost::asio::ssl::context context, std::vector<Stamp> stamps);
  static std::vector<Stamp> stamps(const HecEndpoint& endpoint);

  std::shared_ptr<const HecEndpoint> endpoint_;
  boost::asio::ssl::context context_;
  std::vector<Stamp> stamps_;
};

}  // namespace hecate::outputs
