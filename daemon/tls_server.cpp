#include "daemon/tls_server.h"

#include "pipeline/base/clock.h"

#include <ctime>

#include <openssl/ssl.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>

namespace hecate::daemon {

namespace {

namespace ssl = boost::asio::ssl;

outputs::FileStamps stamps_of(const TlsFiles& files) {
  return outputs::FileStamps({files.cert_file, files.key_file, files.client_ca_file});
}

// Clients are told whose certificates are taken; without one they are turned away.
Result<void> ask_clients(ssl::context& context, const TlsFiles& files, const std::string& at) {
  if (files.client_ca_file.empty()) return {};
  std::string key = at + "client_ca_file";
  if (auto done = outputs::trust_file(context, key, files.client_ca_file); !done) return done;
  auto* names = SSL_load_client_CA_file(files.client_ca_file.c_str());
  if (names == nullptr) return fail(key + ": " + files.client_ca_file + " holds no certificates in PEM form");
  SSL_CTX_set_client_CA_list(context.native_handle(), names);
  boost::system::error_code ignored;
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, ignored);
  return {};
}

}  // namespace

Result<ssl::context> TlsServer::make_context(const TlsFiles& files, const std::string& at) {
  ssl::context context = outputs::make_tls_context(ssl::context::tls_server);
  if (auto done = outputs::use_certificate(context, at, files.cert_file, files.key_file); !done)
    return std::unexpected(done.error());
  if (auto done = ask_clients(context, files, at); !done) return std::unexpected(done.error());
  SSL_CTX* native = context.native_handle();
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Sessions are not resumed: a client whose certificate is not taken any more would come in by an old one.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(native, 0);
  // An idle connection keeps no buffers.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Result<std::unique_ptr<TlsServer>> TlsServer::load(TlsFiles files, std::string at, const std::string& input,
                                                   prometheus::Registry& registry) {
  outputs::FileStamps before = stamps_of(files);
  auto context = make_context(files, at);
  if (!context) return std::unexpected(context.error());
  std::unique_ptr<TlsServer> server(
      new TlsServer(std::move(files), std::move(at), std::move(*context), std::move(before)));
  server->failed_ = &prometheus::BuildCounter()
                         .Name("hecate_tls_handshakes_failed_total")
                         .Help("TLS handshakes that clients broke off, or that were refused to them")
                         .Register(registry)
                         .Add({{"input", input}});
  server->expiry_ = &prometheus::BuildGauge()
                         .Name("hecate_tls_certificate_expiry_seconds")
                         .Help("When the certificate that is shown runs out, in seconds since 1970")
                         .Register(registry)
                         .Add({{"input", input}});
  server->show_expiry();
  server->warn_of_expiry();
  return server;
}

Result<void> TlsServer::check(const TlsFiles& files, const std::string& at, Time now) {
  auto context = make_context(files, at);
  if (!context) return std::unexpected(context.error());
  return outputs::is_current(*context, at, files.cert_file, now);
}

TlsServer::TlsServer(TlsFiles files, std::string at, ssl::context context, outputs::FileStamps stamps)
    : files_(std::move(files)),
      at_(std::move(at)),
      context_(std::move(context)),
      stamps_(std::move(stamps)) {}

ssl::context& TlsServer::context() {
  refresh();
  return context_;
}

void TlsServer::refresh() {
  outputs::FileStamps now = stamps_of(files_);
  if (now == stamps_) return;
  stamps_ = std::move(now);
  auto renewed = make_context(files_, at_);
  if (!renewed) {
    return spdlog::error("the changed certificates are not taken, the old ones stay: {}",
                         renewed.error().message);
  }
  context_ = std::move(*renewed);
  show_expiry();
  spdlog::info("{}cert_file: the changed certificate is shown from now on", at_);
  warn_of_expiry();
}

void TlsServer::warn_of_expiry() {
  auto current = outputs::is_current(context_, at_, files_.cert_file, SystemClock().now());
  if (!current) spdlog::error("{}", current.error().message);
}

void TlsServer::handshake_failed() {
  failed_->Increment();
}

void TlsServer::show_expiry() {
  const X509* certificate = SSL_CTX_get0_certificate(context_.native_handle());
  std::tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return;
  expiry_->Set(static_cast<double>(timegm(&end)));
}

}  // namespace hecate::daemon
