#include "outputs/hec_tls.h"

#include "outputs/hec_client.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace hecate::outputs {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

Result<void> trust(ssl::context& context, const HecEndpoint& endpoint) {
  error_code error;
  context.set_verify_mode(endpoint.verify ? ssl::verify_peer : ssl::verify_none, error);
  if (endpoint.ca_file.empty()) {
    context.set_default_verify_paths(error);
    if (error) return fail(fmt::format("the system's CA certificates cannot be read ({})", error.message()));
    return {};
  }
  return trust_file(context, "outputs.hec.ca_file", endpoint.ca_file);
}

Result<void> identify(ssl::context& context, const HecEndpoint& endpoint) {
  if (endpoint.cert_file.empty()) {
    if (endpoint.key_file.empty()) return {};
    return fail("outputs.hec.key_file is given without outputs.hec.cert_file; give the certificate too");
  }
  return use_certificate(context, "outputs.hec.", endpoint.cert_file, endpoint.key_file);
}

Result<ssl::context> make_context(const HecEndpoint& endpoint) {
  ssl::context context = make_tls_context(ssl::context::tls_client);
  if (auto done = trust(context, endpoint); !done) return std::unexpected(done.error());
  if (auto done = identify(context, endpoint); !done) return std::unexpected(done.error());
  return context;
}

}  // namespace

Result<HecTls> HecTls::load(const HecEndpoint& endpoint) {
  FileStamps before = stamps(endpoint);
  auto context = make_context(endpoint);
  if (!context) return std::unexpected(context.error());
  return HecTls(endpoint, std::move(*context), std::move(before));
}

HecTls::HecTls(const HecEndpoint& endpoint, ssl::context context, FileStamps stamps)
    : endpoint_(std::make_shared<const HecEndpoint>(endpoint)),
      context_(std::move(context)),
      stamps_(std::move(stamps)) {}

ssl::context& HecTls::context() {
  FileStamps now = stamps(*endpoint_);
  if (now == stamps_) return context_;
  stamps_ = std::move(now);
  auto renewed = make_context(*endpoint_);
  if (renewed)
    context_ = std::move(*renewed);
  else
    spdlog::error("the changed certificates are not taken, the old ones stay: {}", renewed.error().message);
  return context_;
}

FileStamps HecTls::stamps(const HecEndpoint& endpoint) {
  return FileStamps({endpoint.ca_file, endpoint.cert_file, endpoint.key_file});
}

}  // namespace hecate::outputs
