#pragma once

#include "outputs/address_lookup.h"
#include "outputs/hec_tls.h"
#include "outputs/hec_url.h"
#include "outputs/proxy.h"
#include "pipeline/base/error.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hecate::outputs {

// What is at the other end, and on the way to it.
struct HttpPeer {
  HecUrl url;
  std::optional<HecTls> tls;  // for https
  std::optional<Proxy> proxy;
  Lookup lookup;
  std::chrono::milliseconds timeout;          // for each answer
  std::chrono::milliseconds connect_timeout;  // for each step until there is a connection
};

struct HttpRequest {
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::string retry_after, date;     // headers, as they stand
  std::vector<std::string> cookies;  // `name=value` of each Set-Cookie
};

// One keep-alive HTTP/1.1 connection, opened when it is needed and again after an error: straight, or through
// a proxy (CONNECT for https, the whole URL as target for http). Blocking; one thread.
class HttpConnection {
 public:
  [[nodiscard]] static std::unique_ptr<HttpConnection> make(HttpPeer peer);
  virtual ~HttpConnection() = default;
  // An Error means that no answer came: the request may or may not have been taken.
  [[nodiscard]] virtual Result<HttpResponse> post(const HttpRequest& request) = 0;
  // Makes a running or future `post` return at once with an error; thread-safe.
  virtual void cancel() = 0;
};

}  // namespace hecate::outputs
