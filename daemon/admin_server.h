#pragma once

#include "pipeline/base/error.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace hecate::daemon {

struct AdminRequest {
  std::string path;                                                  // without the query
  std::string query;                                                 // undecoded, without `?`
  [[nodiscard]] std::string parameter(std::string_view name) const;  // decoded; empty when absent
};
struct AdminAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

// The admin port: routes answer from functions given to it. /metrics, /healthz, /readyz are open; what lies
// under /api asks for `Authorization: Bearer <admin.token>` unless the port listens on loopback only. GET
// (and HEAD) only. Limits: 64 connections, 8 KiB of header, 30 s for a request and for its answer.
class AdminServer {
 public:
  // Runs on the server's own thread, one at a time; an exception answers 500.
  using Handler = std::function<AdminAnswer(const AdminRequest&)>;
  // `listen` is address:port. Binds at once; serves on a thread of its own until destroyed. `routes` are
  // whole paths. `trust_loopback` false: /api asks for the token on loopback too, as on any other address.
  [[nodiscard]] static Result<std::unique_ptr<AdminServer>> start(const std::string& listen,
                                                                  const std::string& token,
                                                                  std::map<std::string, Handler> routes,
                                                                  bool trust_loopback = true);
  virtual ~AdminServer() = default;
  [[nodiscard]] virtual int port() const = 0;
};

}  // namespace hecate::daemon
