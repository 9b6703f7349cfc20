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
      {"/healthz", [](const AdminRequest&) { return AdminAnswer{200, "text/plain", "ok\n"}; }},
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
  client.send(line + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
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

// By POST /session.
HttpAnswer log_in(const AdminServer& server, const std::string& token, const std::string& headers = "") {
  std::string body = R"({"token":")" + token + R"("})";
  HttpClient client(server.port());
  client.send("POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + headers +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  return client.receive().value_or(HttpAnswer{});
}

std::string cookie_of(const HttpAnswer& answer) {
  std::string set = answer.headers.at("set-cookie");
  return "Cookie: other=1; " + set.substr(0, set.find(';')) + "\r\n";
}

TEST(AdminServer, ALoginGivesACookieThatOpensTheApiUntilTheLogout) {
  auto server = serve("127.0.0.1:0", "secret", false);
  HttpAnswer wrong = log_in(*server, "other");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_FALSE(wrong.headers.contains("set-cookie"));
  HttpAnswer right = log_in(*server, "secret");
  ASSERT_EQ(right.status, 204);
  EXPECT_TRUE(right.headers["set-cookie"].starts_with("hecate_" + std::to_string(server->port()) + "="));
  EXPECT_TRUE(right.headers["set-cookie"].ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
  std::string cookie = cookie_of(right);
  EXPECT_EQ(ask(*server, "GET /api/findings", cookie).status, 200);
  EXPECT_EQ(ask(*server, "GET /session", cookie).body,
            R"({"required":true,"token_configured":true,"logged_in":true})");
  HttpAnswer out = ask(*server, "DELETE /session", cookie);
  EXPECT_EQ(out.status, 204);
  EXPECT_NE(out.headers["set-cookie"].find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(ask(*server, "GET /api/findings", cookie).status, 401);
  EXPECT_EQ(ask(*server, "GET /session", cookie).body,
            R"({"required":true,"token_configured":true,"logged_in":false})");
}

TEST(AdminServer, BehindTlsTheCookieIsSecure) {
  auto server = serve("127.0.0.1:0", "secret", false);
  EXPECT_TRUE(
      log_in(*server, "secret", "X-Forwarded-Proto: https\r\n").headers["set-cookie"].ends_with("; Secure"));
}

TEST(AdminServer, AnotherSitesPageCannotLogIn) {
  auto server = serve("127.0.0.1:0", "secret", false);
  EXPECT_EQ(log_in(*server, "secret", "Sec-Fetch-Site: cross-site\r\n").status, 403);
  EXPECT_EQ(log_in(*server, "secret", "Sec-Fetch-Site: same-origin\r\n").status, 204);
  HttpClient form(server->port());
  form.send(
      "POST /session HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: "
      "18\r\n\r\n{\"token\":\"secret\"}");
  EXPECT_EQ(form.receive().value_or(HttpAnswer{}).status, 415);
  // Browsers ask this first, and nothing allows it.
  EXPECT_EQ(ask(*server, "OPTIONS /session").status, 405);
}

TEST(AdminServer, ALoginThatIsNoneIsRefusedAndALargeBodyIsNotRead) {
  auto server = serve("127.0.0.1:0", "secret", false);
  EXPECT_EQ(log_in(*server, "\",\"x\":\"").status, 401);
  EXPECT_EQ(log_in(*server, "\\").status, 400);
  HttpClient large(server->port());
  large.send("POST /session HTTP/1.1\r\nContent-Length: 5000\r\n\r\n");
  EXPECT_TRUE(large.closed());
}

TEST(AdminServer, WrongTokensFromOneAddressAreSlowedDown) {
  auto server = serve("127.0.0.1:0", "secret", false);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(log_in(*server, "other").status, 401);
    EXPECT_EQ(ask(*server, "GET /api/findings", "Authorization: Bearer other\r\n").status, 401);
  }
  HttpAnswer refused = log_in(*server, "secret");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers["retry-after"], "60");
  EXPECT_EQ(ask(*server, "GET /api/findings", "Authorization: Bearer secret\r\n").status, 429);
}

TEST(AdminServer, AnOpenPortIsNotOpenToNamesThatWereMadeToLeadHere) {
  auto server = serve("127.0.0.1:0", "secret");
  HttpClient client(server->port());
  client.send("GET /api/findings HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(client.receive().value_or(HttpAnswer{}).status, 401);
  EXPECT_EQ(ask(*server, "GET /session").body,
            R"({"required":false,"token_configured":true,"logged_in":false})");
}

TEST(AdminServer, NoAnswerIsTakenForWhatItIsNot) {
  auto server = serve("127.0.0.1:0");
  for (const char* path : {"GET /healthz", "GET /api/findings", "GET /nothing"}) {
    HttpAnswer answer = ask(*server, path);
    EXPECT_EQ(answer.headers["x-content-type-options"], "nosniff") << path;
    EXPECT_EQ(answer.headers["x-frame-options"], "DENY") << path;
    EXPECT_EQ(answer.headers["cache-control"], "no-store") << path;
  }
}

TEST(AdminServer, TellsWhyItCannotListen) {
  auto taken = serve("127.0.0.1:0");
  auto second = AdminServer::start("127.0.0.1:" + std::to_string(taken->port()), "", {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("admin.listen"), std::string::npos);
}

}  // namespace
}  // namespace hecate::testing
