#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hecate::testing {

// A HEC endpoint for tests, on 127.0.0.1 with a port of its own and a thread of its own: it keeps every
// request that it read whole, and answers as it is told. Thread-safe.
class HecDouble {
 public:
  struct Request {
    std::string target;
    std::string authorization;
    std::string content_type;
    std::string channel;  // X-Splunk-Request-Channel
    std::string cookie;
    std::string proxy_authorization;
    std::string body;
    int connection = 0;  // counted from 1
  };

  struct Answer {
    enum class Kind {
      reply,  // with status and body
      reset,  // close the connection without an answer
      cut,    // close it in the middle of the answer's body
      never,  // keep it open and say nothing
    };
    Kind kind = Kind::reply;
    int status = 200;
    std::string body = R"({"text":"Success","code":0})";
    bool close = false;  // after the answer
    std::vector<std::pair<std::string, std::string>> headers = {};
  };
  [[nodiscard]] static Answer success() { return {}; }
  [[nodiscard]] static Answer reply(int status, std::string body) {
    return {.status = status, .body = std::move(body)};
  }
  [[nodiscard]] static Answer busy() { return reply(503, R"({"text":"Server is busy","code":9})"); }
  [[nodiscard]] static Answer reset() { return {.kind = Answer::Kind::reset}; }
  [[nodiscard]] static Answer cut() { return {.kind = Answer::Kind::cut}; }
  [[nodiscard]] static Answer never() { return {.kind = Answer::Kind::never}; }
  [[nodiscard]] static Answer success_and_close() { return {.close = true}; }

  // Speaks TLS when a certificate and its key (PEM files) are given, and asks its clients for a certificate
  // of `client_ca` when that is.
  explicit HecDouble(const std::string& certificate = "", const std::string& key = "",
                     const std::string& client_ca = "");
  ~HecDouble();

  // How the requests from now on are answered; they are numbered from 0 over the double's life. Before it is
  // called: with success.
  using Script = std::function<Answer(const Request& request, std::size_t number)>;
  void answer(Script script);
  // The next `count` requests are cut off by a reset in the middle of their body; they are not kept.
  void cut_bodies(int count);
  // Bodies that are larger are answered 413 unread, and the connection is closed.
  void refuse_over(std::size_t bytes);

  [[nodiscard]] int port() const;
  [[nodiscard]] std::string url() const;  // http://127.0.0.1:port or https://…
  [[nodiscard]] std::vector<Request> requests() const;
  // The lines of all bodies of events that were answered with status 200, in order: one HEC envelope each.
  [[nodiscard]] std::vector<std::string> accepted() const;
  [[nodiscard]] int connections() const;

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace hecate::testing
