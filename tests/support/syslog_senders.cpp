#include "tests/support/syslog_senders.h"

#include <algorithm>
#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hecate::testing {

namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

TcpSender::TcpSender(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address = loopback(port);
  int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  timeval limit{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

bool TcpSender::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::size_t TcpSender::send_what_goes(std::string_view bytes) const {
  ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

bool TcpSender::takes_more(std::chrono::milliseconds within) const {
  pollfd socket{.fd = socket_, .events = POLLOUT, .revents = 0};
  return ::poll(&socket, 1, static_cast<int>(within.count())) == 1;
}

void TcpSender::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void TcpSender::reset() {
  linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

bool TcpSender::closed() const {
  char byte = 0;
  ssize_t got = ::recv(socket_, &byte, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

TlsSender::TlsSender(int port, const Options& options)
    : tcp_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(nullptr) {
  SSL_CTX_set_max_proto_version(context_, options.most_version);
  // The library would not offer old versions by itself.
  SSL_CTX_set_security_level(context_, 0);
  SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
  SSL_CTX_load_verify_locations(context_, options.ca_file.c_str(), nullptr);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  if (!options.cert_file.empty()) {
    SSL_CTX_use_certificate_chain_file(context_, options.cert_file.c_str());
    SSL_CTX_use_PrivateKey_file(context_, options.key_file.c_str(), SSL_FILETYPE_PEM);
  }
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, tcp_.socket());
  connected_ = SSL_connect(ssl_) == 1;
}

TlsSender::~TlsSender() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  ERR_clear_error();
}

bool TlsSender::send(std::string_view bytes) {
  return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
}

std::string TlsSender::records_of(std::string_view bytes) {
  BIO* wire = SSL_get_wbio(ssl_);
  BIO_up_ref(wire);
  SSL_set0_wbio(ssl_, BIO_new(BIO_s_mem()));
  (void)send(bytes);
  char* begin = nullptr;
  long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &begin);
  std::string records(begin, static_cast<std::size_t>(size));
  SSL_set0_wbio(ssl_, wire);
  return records;
}

std::string TlsSender::receive() {
  std::string bytes(16 * 1024, '\0');
  int got = SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max(got, 0)));
  return bytes;
}

void TlsSender::close() {
  SSL_shutdown(ssl_);
  tcp_.close();
}

bool TlsSender::closed() {
  char byte = 0;
  return SSL_read(ssl_, &byte, 1) <= 0;
}

std::string TlsSender::shown() const {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  unsigned char* der = nullptr;
  int size = i2d_X509(certificate, &der);
  std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(std::max(size, 0)));
  OPENSSL_free(der);
  X509_free(certificate);
  return text;
}

UdpSender::UdpSender(int port) : socket_(::socket(AF_INET, SOCK_DGRAM, 0)) {
  sockaddr_in address = loopback(port);
  (void)::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

UdpSender::~UdpSender() {
  ::close(socket_);
}

bool UdpSender::send(std::string_view message) const {
  return ::send(socket_, message.data(), message.size(), 0) == static_cast<ssize_t>(message.size());
}

std::string counted(std::string_view message) {
  return std::to_string(message.size()) + " " + std::string(message);
}

}  // namespace hecate::testing
