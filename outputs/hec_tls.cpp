#include "outputs/hec_tls.h"

#include "outputs/hec_client.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

namespace hecate::outputs {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

// Says why a file cannot be read, before OpenSSL says it less well.
Result<void> readable(std::string_view key, const std::string& file) {
  errno = 0;
  if (std::ifstream in(file, std::ios::binary); in && in.peek() != std::ifstream::traits_type::eof())
    return {};
  return fail(
      fmt::format("outputs.hec.{}: {} cannot be read ({}); it must be a PEM file that hecate may read", key,
                  file, errno == 0 ? "it is empty" : std::strerror(errno)));
}

std::unexpected<Error> no_pem(std::string_view key, const std::string& file, std::string_view what,
                              const error_code& error) {
  return fail(
      fmt::format("outputs.hec.{}: {} holds no {} in PEM form ({})", key, file, what, error.message()));
}

Result<void> trust(ssl::context& context, const HecEndpoint& endpoint) {
  error_code error;
  context.set_verify_mode(endpoint.verify ? ssl::verify_peer : ssl::verify_none, error);
  if (endpoint.ca_file.empty()) {
    context.set_default_verify_paths(error);
    if (error) return fail(fmt::format("the system's CA certificates cannot be read ({})", error.message()));
    return {};
  }
  if (auto read = readable("ca_file", endpoint.ca_file); !read) return read;
  context.load_verify_file(endpoint.ca_file, error);
  if (error) return no_pem("ca_file", endpoint.ca_file, "certificates", error);
  return {};
}

Result<void> identify(ssl::context& context, const HecEndpoint& endpoint) {
  if (endpoint.cert_file.empty()) {
    if (endpoint.key_file.empty()) return {};
    return fail("outputs.hec.key_file is given without outputs.hec.cert_file; give the certificate too");
  }
  const std::string& key_file = endpoint.key_file.empty() ? endpoint.cert_file : endpoint.key_file;
  if (auto read = readable("cert_file", endpoint.cert_file); !read) return read;
  if (auto read = readable("key_file", key_file); !read) return read;
  error_code error;
  // Else OpenSSL asks for the password of a key on the terminal.
  context.set_password_callback([](std::size_t, ssl::context::password_purpose) { return ""; }, error);
  context.use_certificate_chain_file(endpoint.cert_file, error);
  if (error) return no_pem("cert_file", endpoint.cert_file, "certificate", error);
  context.use_private_key_file(key_file, ssl::context::pem, error);
  bool fits = error.value() == 0 ||
              ERR_GET_REASON(static_cast<unsigned long>(error.value())) != X509_R_KEY_VALUES_MISMATCH;
  if (fits && error) return no_pem("key_file", key_file, "private key without a password", error);
  if (!fits || SSL_CTX_check_private_key(context.native_handle()) != 1) {
    return fail(fmt::format(
        "outputs.hec.key_file: the key in {} does not belong to the certificate in {}; give the pair that "
        "was issued together",
        key_file, endpoint.cert_file));
  }
  return {};
}

Result<ssl::context> make_context(const HecEndpoint& endpoint) {
  ssl::context context(ssl::context::tls_client);
  error_code error;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                          ssl::context::no_tlsv1_1,
                      error);
  if (auto done = trust(context, endpoint); !done) return std::unexpected(done.error());
  if (auto done = identify(context, endpoint); !done) return std::unexpected(done.error());
  return context;
}

}  // namespace

Result<HecTls> HecTls::load(const HecEndpoint& endpoint) {
  auto before = stamps(endpoint);
  auto context = make_context(endpoint);
  if (!context) return std::unexpected(context.error());
  return HecTls(endpoint, std::move(*context), std::move(before));
}

HecTls::HecTls(const HecEndpoint& endpoint, ssl::context context, std::vector<Stamp> stamps)
    : endpoint_(std::make_shared<const HecEndpoint>(endpoint)),
      context_(std::move(context)),
      stamps_(std::move(stamps)) {}

ssl::context& HecTls::context() {
  auto now = stamps(*endpoint_);
  if (now == stamps_) return context_;
  stamps_ = std::move(now);
  auto renewed = make_context(*endpoint_);
  if (renewed)
    context_ = std::move(*renewed);
  else
    spdlog::error("the changed certificates are not taken, the old ones stay: {}", renewed.error().message);
  return context_;
}

std::vector<HecTls::Stamp> HecTls::stamps(const HecEndpoint& endpoint) {
  std::vector<Stamp> stamps;
  for (const std::string& file : {endpoint.ca_file, endpoint.cert_file, endpoint.key_file}) {
    struct stat status {};
    Stamp& stamp = stamps.emplace_back(Stamp{.file = file});
    if (file.empty() || ::stat(file.c_str(), &status) != 0) continue;
    stamp.written = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
    stamp.inode = status.st_ino;
    stamp.size = status.st_size;
  }
  return stamps;
}

}  // namespace hecate::outputs
