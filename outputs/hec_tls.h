#pragma once

#include "outputs/tls_files.h"
#include "pipeline/base/error.h"

#include <memory>

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
  HecTls(const HecEndpoint& endpoint, boost::asio::ssl::context context, FileStamps stamps);
  static FileStamps stamps(const HecEndpoint& endpoint);

  std::shared_ptr<const HecEndpoint> endpoint_;
  boost::asio::ssl::context context_;
  FileStamps stamps_;
};

}  // namespace hecate::outputs
