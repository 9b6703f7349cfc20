#pragma once

#include <memory>
#include <string>
#include <vector>

namespace hecate::testing {

// An HTTP proxy for tests, on 127.0.0.1 with a port and a thread of its own: it answers CONNECT, and joins
// each tunnel to one port of this machine, whatever host was asked for. Thread-safe.
class ProxyDouble {
 public:
  struct Request {
    std::string method, target, authorization;  // Proxy-Authorization
  };

  // Without `authorization` in a request it answers 407; empty: it asks for none.
  explicit ProxyDouble(int target_port, std::string authorization = "");
  ~ProxyDouble();

  [[nodiscard]] int port() const;
  [[nodiscard]] std::vector<Request> requests() const;

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace hecate::testing
