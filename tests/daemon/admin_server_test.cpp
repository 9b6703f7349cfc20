#include "daemon/admin_server.h"

#include "tests/daemon/http_client.h"

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using daemon::AdminAnswer;
using daemon::AdminRequest;
using daemon::AdminServer;

std::unique_ptr<AdminServer> serve(const std::string& listen, const std::string& token = "",
                                   bool trust_loopback = true) {
  std::map<std::string, AdminServer::Handler> routes = {
      {"/healthz",
       [](const AdminRequest&) {
         return AdminAnswer{200, "text/plain", "ok\n"};
       }},
      {"/api/findings",
       [](const AdminRequest& r) { return AdminAnswer{.body = "[" + r.parameter("since") + "]"}; }},
      {"/broken", [](const AdminRequest&) -> AdminAnswer { throw std::runtime_error("on purpose"); }},
  };
  auto server = AdminServer::start(listen, token, routes, trust_loopback);
  if (!server) throw std::runtime_error(server.error().message);
  return std::move(*server);
}

HttpAnswer ask(const AdminServer& server, const std::string& line, const std::string& headers = "") {
  HttpClient client(server.port());
  client.send(line + " HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n");
  return client.receive(!line.starts_with("HEAD")).value_or(HttpAnswer{});
}

TEST(AdminServer, AnswersFromItsRoutes) {
  auto server = serve("127.0.0.1:0");
  HttpAnswer answer = ask(*server, "GET /healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers["content-type"], "text/plain");
  EXPECT_EQ(answer.body, "ok\n");
}

TEST(AdminServer, ParametersAreDecoded) {
  auto server = serve("127.0.0.1:0");
  EXPECT_EQ(ask(*server, "GET /api/findings?limit=1&since=a%2Bb+c").body, "[a+b c]");
}

TEST(AdminServer, HeadHasNoBody) {
  auto server = serve("127.0.0.1:0");
  HttpClient client(server->port());
  client.send("HEAD /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
  auto head = client.receive(false);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->headers["content-length"], "3");
  auto get = client.receive();
  ASSERT_TRUE(get);
  EXPECT_EQ(get->body, "ok\n");
}

TEST(AdminServer, OnlyGetIsServed) {
  auto server = serve("127.0.0.1:0");
  EXPECT_EQ(ask(*server, "DELETE /healthz").status, 405);
}

TEST(AdminServer, AnotherPathIsNotFound) {
  auto server = serve("127.0.0.1:0");
  EXPECT_EQ(ask(*server, "GET /healthz/more").status, 404);
}

TEST(AdminServer, AHandlerThatThrowsAnswers500) {
  auto server = serve("127.0.0.1:0");
  EXPECT_EQ(ask(*server, "GET /broken").status, 500);
  EXPECT_EQ(ask(*server, "GET /healthz").status, 200);
}

TEST(AdminServer, LoopbackAsksForNoToken) {
  auto server = serve("127.0.0.1:0", "secret");
  EXPECT_EQ(ask(*server, "GET /api/findings").status, 200);
}

TEST(AdminServer, AnOpenPortAsksForTheToken) {
  auto server = serve("127.0.0.1:0", "secret", false);
  HttpAnswer refused = ask(*server, "GET /api/findings");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.body, R"({"error":"send `Authorization: Bearer <admin.token>`"})");
  EXPECT_EQ(ask(*server, "GET /api/findings", "Authorization: Bearer secreT\r\n").status, 401);
  EXPECT_EQ(ask(*server, "GET /api/findings", "Authorization: Bearer secret1\r\n").status, 401);
  EXPECT_EQ(ask(*server, "GET /api/nothing").status, 401);
  EXPECT_EQ(ask(*server, "GET /api/findings", "Authorization: Bearer secret\r\n").status, 200);
  EXPECT_EQ(ask(*server, "GET /healthz").status, 200);
}

TEST(AdminServer, AnOpenPortWithoutTokenKeepsTheApiShut) {
  auto server = serve("127.0.0.1:0", "", false);
  EXPECT_EQ(ask(*server, "GET /api/findings", "Authorization: Bearer \r\n").status, 401);
}

TEST(AdminServer, TellsWhyItCannotListen) {
  auto taken = serve("127.0.0.1:0");
  auto second = AdminServer::start("127.0.0.1:" + std::to_string(taken->port()), "", {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("admin.listen"), std::string::npos);
}

}  // namespace
}  // namespace hecate::testing
