#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace hecate::testing {

// A sender by TCP on 127.0.0.1; blocking, gives up after 20 s.
class TcpSender {
 public:
  explicit TcpSender(int port);
  ~TcpSender() { close(); }
  TcpSender(const TcpSender&) = delete;
  TcpSender& operator=(const TcpSender&) = delete;

  bool send(std::string_view bytes) const;
  // As much as goes without waiting; how much that was.
  [[nodiscard]] std::size_t send_what_goes(std::string_view bytes) const;
  // Whether any more goes within that time.
  [[nodiscard]] bool takes_more(std::chrono::milliseconds within) const;
  void close();
  void reset();  // without good order
  // Whether the other side has closed.
  [[nodiscard]] bool closed() const;
  [[nodiscard]] int socket() const { return socket_; }

 private:
  int socket_;
};

// Likewise by TLS.
class TlsSender {
 public:
  struct Options {
    std::string ca_file = {}, cert_file = {}, key_file = {};
    int most_version = TLS1_3_VERSION;
  };
  TlsSender(int port, const Options& options);
  ~TlsSender();
  TlsSender(const TlsSender&) = delete;
  TlsSender& operator=(const TlsSender&) = delete;

  // False where the handshake failed. With TLS 1.3 a refusal shows in the first read only.
  [[nodiscard]] bool connected() const { return connected_; }
  bool send(std::string_view bytes);
  // What `send` would put on the wire, for a test that sends it in pieces; it must be sent before anything
  // else.
  [[nodiscard]] std::string records_of(std::string_view bytes);
  bool send_on_the_wire(std::string_view records) const { return tcp_.send(records); }
  // What there is, as soon as there is some; empty at the end.
  [[nodiscard]] std::string receive();
  void close();
  [[nodiscard]] bool closed();
  [[nodiscard]] std::string shown() const;  // the certificate of the server, as it is

 private:
  TcpSender tcp_;
  SSL_CTX* context_;
  SSL* ssl_;
  bool connected_ = false;
};

// By UDP.
class UdpSender {
 public:
  explicit UdpSender(int port);
  ~UdpSender();
  UdpSender(const UdpSender&) = delete;
  UdpSender& operator=(const UdpSender&) = delete;
  bool send(std::string_view message) const;

 private:
  int socket_;
};

// A message as RFC 6587 counts its octets.
[[nodiscard]] std::string counted(std::string_view message);

}  // namespace hecate::testing
