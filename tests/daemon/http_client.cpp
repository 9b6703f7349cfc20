#include "tests/daemon/http_client.h"

#include <algorithm>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hecate::testing {

HttpClient::HttpClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  timeval limit{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

HttpClient::HttpClient(int port, const TlsSender::Options& tls)
    : tls_(std::make_unique<TlsSender>(port, tls)) {}

HttpClient::~HttpClient() {
  if (socket_ >= 0) ::close(socket_);
}

bool HttpClient::send(std::string_view bytes) {
  if (tls_) return tls_->send(bytes);
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool HttpClient::send_byte_by_byte(std::string_view bytes) {
  return std::ranges::all_of(bytes, [&](const char& byte) { return send({&byte, 1}); });
}

bool HttpClient::fill() {
  if (tls_) {
    std::string more = tls_->receive();
    read_ += more;
    return !more.empty();
  }
  char bytes[16 * 1024];
  ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  read_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

std::optional<HttpAnswer> HttpClient::receive(bool with_body) {
  std::size_t end = 0;
  while ((end = read_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  HttpAnswer answer;
  std::string head = read_.substr(0, end + 2);
  read_.erase(0, end + 4);
  answer.status = std::atoi(head.c_str() + head.find(' '));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    std::size_t line_end = head.find("\r\n", at);
    std::size_t colon = head.find(':', at);
    std::string name = head.substr(at, colon - at);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = head.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  auto length = static_cast<std::size_t>(std::atoll(answer.headers["content-length"].c_str()));
  if (!with_body) length = 0;
  while (read_.size() < length) {
    if (!fill()) return std::nullopt;
  }
  answer.body = read_.substr(0, length);
  read_.erase(0, length);
  return answer;
}

bool HttpClient::ended() const {
  char byte = 0;
  return read_.empty() && ::recv(socket_, &byte, 1, 0) == 0;
}

bool HttpClient::closed() {
  if (!read_.empty()) return false;
  if (tls_) return tls_->closed();
  char byte = 0;
  ssize_t got = ::recv(socket_, &byte, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

}  // namespace hecate::testing
