#pragma once

// A HEC client as small as the senders of bench/ need it: one connection, one request at a time. Uses nothing
// but the system.
#include <cstdlib>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

// To 127.0.0.1; -1 when there is nobody.
inline int connect_to(int port) {
  int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  (void)::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return connection;
  ::close(connection);
  return -1;
}

inline bool send_all(int connection, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    ssize_t n = ::send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

// The status of the next answer; 0 when the connection ended.
inline int read_status(int connection) {
  std::string text;
  char buffer[2048];
  while (true) {
    std::size_t head = text.find("\r\n\r\n");
    std::size_t length = text.find("Content-Length: ");
    if (head != std::string::npos && length < head &&
        text.size() >= head + 4 + std::strtoul(text.c_str() + length + 16, nullptr, 10))
      return std::atoi(text.c_str() + 9);
    ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
    if (got <= 0) return 0;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

// Sends `body` to the event endpoint; the status of the answer, 0 when there was none.
inline int post(int connection, const std::string& token, const std::string& body) {
  bool out = send_all(connection,
                      "POST /services/collector/event HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Splunk " +
                          token + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n") &&
             send_all(connection, body);
  return out ? read_status(connection) : 0;
}

}  // namespace bench
