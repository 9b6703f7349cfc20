#include "outputs/tls_files.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <sys/stat.h>

namespace hecate::outputs {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

// Says why a file cannot be read, before OpenSSL says it less well.
Result<void> readable(const std::string& key, const std::string& file) {
  errno = 0;
  if (std::ifstream in(file, std::ios::binary); in && in.peek() != std::ifstream::traits_type::eof())
    return {};
  return fail(fmt::format("{}: {} cannot be read ({}); it must be a PEM file that hecate may read", key, file,
                          errno == 0 ? "it is empty" : std::strerror(errno)));
}

std::unexpected<Error> no_pem(const std::string& key, const std::string& file, std::string_view what,
                              const error_code& error) {
  return fail(fmt::format("{}: {} holds no {} in PEM form ({})", key, file, what, error.message()));
}

std::optional<Time> to_time(const ASN1_TIME* time) {
  std::tm civil{};
  if (ASN1_TIME_to_tm(time, &civil) != 1) return std::nullopt;
  return timegm(&civil) * kSecond;
}

}  // namespace

FileStamps::FileStamps(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    struct stat status{};
    Stamp& stamp = stamps_.emplace_back(Stamp{.file = file});
    if (file.empty() || ::stat(file.c_str(), &status) != 0) continue;
    stamp.written = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
    stamp.inode = status.st_ino;
    stamp.size = status.st_size;
  }
}

ssl::context make_tls_context(ssl::context::method method) {
  ssl::context context(method);
  error_code ignored;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                          ssl::context::no_tlsv1_1,
                      ignored);
  return context;
}

Result<void> trust_file(ssl::context& context, const std::string& key, const std::string& file) {
  if (auto read = readable(key, file); !read) return read;
  error_code error;
  context.load_verify_file(file, error);
  if (error) return no_pem(key, file, "certificates", error);
  return {};
}

Result<void> use_certificate(ssl::context& context, const std::string& at, const std::string& cert_file,
                             const std::string& own_key_file) {
  const std::string& key_file = own_key_file.empty() ? cert_file : own_key_file;
  if (auto read = readable(at + "cert_file", cert_file); !read) return read;
  if (auto read = readable(at + "key_file", key_file); !read) return read;
  error_code error;
  // Else OpenSSL asks for the password of a key on the terminal.
  context.set_password_callback([](std::size_t, ssl::context::password_purpose) { return ""; }, error);
  context.use_certificate_chain_file(cert_file, error);
  if (error) return no_pem(at + "cert_file", cert_file, "certificate", error);
  context.use_private_key_file(key_file, ssl::context::pem, error);
  bool fits = error.value() == 0 ||
              ERR_GET_REASON(static_cast<unsigned long>(error.value())) != X509_R_KEY_VALUES_MISMATCH;
  if (fits && error) return no_pem(at + "key_file", key_file, "private key without a password", error);
  if (!fits || SSL_CTX_check_private_key(context.native_handle()) != 1) {
    return fail(fmt::format(
        "{}key_file: the key in {} does not belong to the certificate in {}; give the pair that was issued "
        "together",
        at, key_file, cert_file));
  }
  return {};
}

Result<void> is_current(ssl::context& context, const std::string& at, const std::string& cert_file,
                        Time now) {
  const X509* certificate = SSL_CTX_get0_certificate(context.native_handle());
  if (certificate == nullptr) return {};
  std::optional<Time> begin = to_time(X509_get0_notBefore(certificate));
  std::optional<Time> end = to_time(X509_get0_notAfter(certificate));
  constexpr std::string_view kHint =
      "whoever verifies it does not connect; put a renewed one in its place, or set this machine's clock";
  if (end && *end < now) {
    return fail(fmt::format("{}cert_file: the certificate in {} expired at {}: {}", at, cert_file,
                            format_iso(*end), kHint));
  }
  if (begin && *begin > now) {
    return fail(fmt::format("{}cert_file: the certificate in {} is good only from {} on: {}", at, cert_file,
                            format_iso(*begin), kHint));
  }
  return {};
}

}  // namespace hecate::outputs
