#include "outputs/proxy.h"

#include "outputs/hec_client.h"
#include "tests/support/certificate.h"
#include "tests/support/hec_double.h"
#include "tests/support/proxy_double.h"
#include "tests/support/testing.h"

#include <map>

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using testing::HecDouble;
using testing::ProxyDouble;
using Variables = std::map<std::string, std::string>;

Environment environment(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) {
    auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  };
}

// `host:port` of the proxy, `host:port authorization`, `none`, or the error.
std::string proxy_for(const std::string& url, Variables variables) {
  auto proxy = find_proxy(*parse_hec_url(url), environment(std::move(variables)));
  if (!proxy) return proxy.error().message;
  if (!*proxy) return "none";
  std::string text = (*proxy)->host + ":" + (*proxy)->port;
  return (*proxy)->authorization.empty() ? text : text + " " + (*proxy)->authorization;
}

TEST(Proxy, IsTakenFromTheEnvironment) {
  EXPECT_EQ(proxy_for("https://siem", {}), "none");
  EXPECT_EQ(proxy_for("https://siem", {{"HTTPS_PROXY", "http://p:3128"}}), "p:3128");
  EXPECT_EQ(proxy_for("https://siem", {{"https_proxy", "a:1"}, {"HTTPS_PROXY", "b:2"}}), "a:1");
  EXPECT_EQ(proxy_for("https://siem", {{"http_proxy", "p:1"}}), "none");
  EXPECT_EQ(proxy_for("http://siem", {{"http_proxy", "p:1"}}), "p:1");
  EXPECT_EQ(proxy_for("http://siem", {{"https_proxy", "p:1"}}), "none");
  // A CGI program's HTTP_PROXY comes from whoever makes a request.
  EXPECT_EQ(proxy_for("http://siem", {{"HTTP_PROXY", "p:1"}}), "none");
}

TEST(Proxy, Forms) {
  EXPECT_EQ(proxy_for("https://siem", {{"https_proxy", "p"}}), "p:80");
  EXPECT_EQ(proxy_for("https://siem", {{"https_proxy", "HTTP://p:3128/"}}), "p:3128");
  EXPECT_EQ(proxy_for("https://siem", {{"https_proxy", "http://[fd00::1]:3128"}}), "fd00::1:3128");
  // RFC 7617: Aladdin and his password.
  EXPECT_EQ(proxy_for("https://siem", {{"https_proxy", "http://Aladdin:open%20sesame@p:1"}}),
            "p:1 Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(proxy_for("https://siem", {{"https_proxy", "http://u@p:1"}}), "p:1 Basic dTo=");
  EXPECT_EQ(proxy_for("https://siem", {{"https_proxy", "http://u:%zz%4@p:1"}}), "p:1 Basic dTolenolNA==");
}

TEST(Proxy, OfAnotherKindIsRefusedWithoutItsPassword) {
  for (const char* value : {"socks5://user:secret@p:1", "https://user:secret@p:1",
                            "http://user:secret@p:none", "http://user:secret@"}) {
    std::string message = proxy_for("https://siem", {{"HTTPS_PROXY", value}});
    EXPECT_NE(message.find("HTTPS_PROXY"), std::string::npos) << message;
    EXPECT_EQ(message.find("secret"), std::string::npos) << message;
  }
}

struct Exception {
  std::string list, url;
  bool excepted;
};

class NoProxy : public ::testing::TestWithParam<Exception> {};

TEST_P(NoProxy, Matches) {
  const Exception& test = GetParam();
  for (const char* name : {"no_proxy", "NO_PROXY"})
    EXPECT_EQ(proxy_for(test.url, {{"https_proxy", "p:1"}, {name, test.list}}),
              test.excepted ? "none" : "p:1");
}

INSTANTIATE_TEST_SUITE_P(Lists, NoProxy,
                         ::testing::Values(Exception{"*", "https://siem.example", true},
                                           Exception{"siem.example", "https://siem.example", true},
                                           Exception{"SIEM.example", "https://siem.EXAMPLE", true},
                                           Exception{"a.test, siem.example", "https://siem.example", true},
                                           Exception{"a.test b.test,,siem.example", "https://siem.example",
                                                     true},
                                           Exception{"example", "https://siem.example", true},
                                           Exception{".example", "https://siem.example", true},
                                           Exception{"*.example", "https://siem.example", true},
                                           Exception{".siem.example", "https://siem.example", true},
                                           Exception{"em.example", "https://siem.example", false},
                                           Exception{"siem.example.com", "https://siem.example", false},
                                           Exception{"siem.example:8088", "https://siem.example:8088", true},
                                           Exception{"siem.example:8088", "https://siem.example", false},
                                           Exception{"10.1.2.3", "https://10.1.2.3:8088", true},
                                           Exception{"[fd00::1]:8088", "https://[fd00::1]:8088", true},
                                           Exception{"fd00::1", "https://[fd00::1]:8088", true},
                                           Exception{"", "https://siem.example", false},
                                           // this machine
                                           Exception{"", "https://localhost:8088", true},
                                           Exception{"", "https://127.0.0.9:8088", true},
                                           Exception{"", "https://[::1]:8088", true}));

// The endpoint has a name that only the proxy knows.
class HecClientProxy : public ::testing::Test {
 protected:
  HecClientProxy() { testing::make_certificate(folder_ / "cert.pem", folder_ / "key.pem", "DNS:siem.test"); }
  std::unique_ptr<HecClient> client(const std::string& url, const Variables& variables) {
    HecNetwork network;
    network.environment = environment(variables);
    network.lookup = [](const std::string& host) -> Result<Addresses> { return fail("asked for " + host); };
    auto made =
        HecClient::make({.url = url, .token = "T", .ca_file = folder_ / "cert.pem"}, std::move(network));
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }
  static std::string proxy_url(int port, const std::string& user = "") {
    return "http://" + user + "127.0.0.1:" + std::to_string(port);
  }
  testing::TemporaryFolder folder_;
};

TEST_F(HecClientProxy, TunnelsTls) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  ProxyDouble proxy(hec.port(), "Basic dTpw");
  auto posting = client("https://siem.test:8088", {{"HTTPS_PROXY", proxy_url(proxy.port(), "u:p@")}});
  for (int i = 0; i < 2; ++i) {
    auto answer = posting->post("a");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->accepted());
  }
  ASSERT_EQ(proxy.requests().size(), 1u);
  EXPECT_EQ(proxy.requests()[0].method, "CONNECT");
  EXPECT_EQ(proxy.requests()[0].target, "siem.test:8088");
  EXPECT_EQ(hec.requests().at(0).target, "/services/collector/event");
  EXPECT_EQ(hec.requests().at(0).proxy_authorization, "");  // that one is between the proxy and us
}

TEST_F(HecClientProxy, SaysWhatTheProxySays) {
  ProxyDouble proxy(1, "Basic dTpw");
  auto posting = client("https://siem.test:8088", {{"HTTPS_PROXY", proxy_url(proxy.port(), "u:secret@")}});
  auto answer = posting->post("a");
  ASSERT_FALSE(answer);
  std::string message = answer.error().message;
  EXPECT_NE(message.find("through the proxy 127.0.0.1:" + std::to_string(proxy.port())), std::string::npos)
      << message;
  EXPECT_NE(message.find("407"), std::string::npos) << message;
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
}

TEST_F(HecClientProxy, GivesAPlainProxyTheWholeUrl) {
  HecDouble proxy;
  auto posting = client("http://siem.test:8088", {{"http_proxy", proxy_url(proxy.port(), "u:p@")}});
  auto answer = posting->post("a");
  ASSERT_TRUE(answer) << answer.error().message;
  HecDouble::Request request = proxy.requests().at(0);
  EXPECT_EQ(request.target, "http://siem.test:8088/services/collector/event");
  EXPECT_EQ(request.proxy_authorization, "Basic dTpw");
  EXPECT_EQ(request.authorization, "Splunk T");
}

TEST_F(HecClientProxy, GoesStraightWhereNoProxySaysSo) {
  ProxyDouble proxy(1);
  auto posting =
      client("https://siem.test:8088", {{"HTTPS_PROXY", proxy_url(proxy.port())}, {"NO_PROXY", ".test"}});
  auto answer = posting->post("a");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("asked for siem.test"), std::string::npos) << answer.error().message;
  EXPECT_TRUE(proxy.requests().empty());
}

TEST_F(HecClientProxy, AProxyThatCannotBeUsedIsRefusedAtTheStart) {
  HecNetwork network;
  network.environment = environment({{"https_proxy", "socks5://p:1"}});
  auto made = HecClient::make({.url = "https://siem.test", .token = "T"}, std::move(network));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("https_proxy"), std::string::npos) << made.error().message;
}

}  // namespace
}  // namespace hecate::outputs
