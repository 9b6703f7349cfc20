#pragma once

#include "pipeline/base/error.h"
#include "pipeline/base/time.h"

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/ssl/context.hpp>

// Certificates and keys in PEM files, for either end of TLS connections. Errors name the configuration's key.
namespace hecate::outputs {

// Whether files are still those that were read: told by name, time, size and inode.
class FileStamps {
 public:
  explicit FileStamps(const std::vector<std::string>& files);
  bool operator==(const FileStamps&) const = default;

 private:
  struct Stamp {
    std::string file;
    std::int64_t written = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    bool operator==(const Stamp&) const = default;
  };
  std::vector<Stamp> stamps_;
};

// TLS 1.2 and up.
[[nodiscard]] boost::asio::ssl::context make_tls_context(boost::asio::ssl::context::method method);

// The other end's certificate must come from one of these authorities.
[[nodiscard]] Result<void> trust_file(boost::asio::ssl::context& context, const std::string& key,
                                      const std::string& file);

// Our own certificate, with those between it and its authority, and its key; `key_file` empty: it stands in
// `cert_file`. `at` is what stands before `cert_file` and `key_file` in the configuration: `outputs.hec.`.
[[nodiscard]] Result<void> use_certificate(boost::asio::ssl::context& context, const std::string& at,
                                           const std::string& cert_file, const std::string& key_file);

// Whether the certificate that `use_certificate` took is one of this time: neither expired nor for later.
[[nodiscard]] Result<void> is_current(boost::asio::ssl::context& context, const std::string& at,
                                      const std::string& cert_file, Time now);

}  // namespace hecate::outputs
