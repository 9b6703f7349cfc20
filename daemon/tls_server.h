#pragma once

#include "outputs/tls_files.h"
#include "pipeline/base/error.h"
#include "pipeline/base/time.h"

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

namespace prometheus {
class Counter;
class Gauge;
class Registry;
}  // namespace prometheus

namespace hecate::daemon {

// What a listener shows to those who connect by TLS, and whom it lets in. PEM files.
struct TlsFiles {
  std::string cert_file;       // with the certificates between it and its authority
  std::string key_file;        // empty: the key stands in cert_file
  std::string client_ca_file;  // authorities of the clients' certificates; empty: clients need none
};

// The server's side of TLS for one listener: TLS 1.2 and up. Files that change are read again; if they cannot
// be used, that is logged and the old ones stay. Counts failed handshakes and shows when the certificate runs
// out. One thread.
class TlsServer {
 public:
  // Refuses files that cannot be read, are no PEM, or do not fit together; a certificate that has expired is
  // logged and shown all the same, since some senders do not verify it. `at`: what stands before the keys in
  // the configuration, for messages: `inputs.hec.tls.`. `input`: the listener's name in metrics.
  [[nodiscard]] static Result<std::unique_ptr<TlsServer>> load(TlsFiles files, std::string at,
                                                               const std::string& input,
                                                               prometheus::Registry& registry);

  // Without a listener: what `load` refuses, and certificates that are not of this time.
  [[nodiscard]] static Result<void> check(const TlsFiles& files, const std::string& at, Time now);

  // For a new connection. Connections hold on to the context that they began with.
  [[nodiscard]] boost::asio::ssl::context& context();
  // Looks whether the files changed; a listener without connections calls it now and then.
  void refresh();
  void handshake_failed();

 private:
  TlsServer(TlsFiles files, std::string at, boost::asio::ssl::context context, outputs::FileStamps stamps);
  static Result<boost::asio::ssl::context> make_context(const TlsFiles& files, const std::string& at);
  void show_expiry();
  void warn_of_expiry();

  TlsFiles files_;
  std::string at_;
  boost::asio::ssl::context context_;
  outputs::FileStamps stamps_;
  prometheus::Counter* failed_ = nullptr;
  prometheus::Gauge* expiry_ = nullptr;
};

}  // namespace hecate::daemon
