#pragma once

#include "tests/support/syslog_senders.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hecate::testing {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// One TCP connection to 127.0.0.1 that sends exactly the bytes it is given. Blocking; gives up after 20 s.
class HttpClient {
 public:
  explicit HttpClient(int port);
  HttpClient(int port, const TlsSender::Options& tls);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // False when the other side has closed.
  bool send(std::string_view bytes);
  bool send_byte_by_byte(std::string_view bytes);
  // The next answer; nullopt when the connection ends before it is whole. `with_body` is false after HEAD.
  [[nodiscard]] std::optional<HttpAnswer> receive(bool with_body = true);
  // True when the other side closes the connection and sends nothing more.
  [[nodiscard]] bool closed();
  // Likewise, and in good order: it was not reset.
  [[nodiscard]] bool ended() const;
  [[nodiscard]] TlsSender& tls() { return *tls_; }

 private:
  bool fill();
  int socket_ = -1;
  std::unique_ptr<TlsSender> tls_;  // null: plain
  std::string read_;
};

}  // namespace hecate::testing
