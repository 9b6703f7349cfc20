#pragma once

#include "pipeline/base/error.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  std::vector<std::pair<std::string, std::string>> headers = {};  // more of them
};

// `{"error": "…"}`.
[[nodiscard]] AdminAnswer error_answer(int status, std::string_view why);

// The admin port: routes answer from functions given to it. What lies under /api asks for the token
// (admin_access.h) unless the port listens on loopback only; all else is open. GET (and HEAD) only, but for
// /session, which is the server's own: GET says whether a login is needed, POST `{"token": "…"}` logs in and
// gives a cookie, DELETE logs out. What changes anything cannot be sent by another site's page: browsers ask
// before they send JSON or DELETE to another origin, and are refused. Limits: 64 connections, 8 KiB of
// header, 4 KiB of body, 30 s for a request and for its answer.
class AdminServer {
 public:
  // Runs on the server's own thread, one at a time; an exception answers 500.
  using Handler = std::function<AdminAnswer(const AdminRequest&)>;
  static constexpr std::chrono::seconds kTick{10};
  // `listen` is address:port. Binds at once; serves on a thread of its own until destroyed. `routes` are
  // whole paths. `trust_loopback` false: /api asks for the token on loopback too, as on any other address.
  // `tick` is called on the server's thread, at the start and then each `kTick`.
  [[nodiscard]] static Result<std::unique_ptr<AdminServer>> start(const std::string& listen,
                                                                  const std::string& token,
                                                                  std::map<std::string, Handler> routes,
                                                                  bool trust_loopback = true,
                                                                  std::function<void()> tick = {});
  virtual ~AdminServer() = default;
  [[nodiscard]] virtual int port() const = 0;
};

}  // namespace hecate::daemon
