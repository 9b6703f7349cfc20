// `hecate serve` as senders meet it by the raw route, with acknowledgement, and by TLS; and what its log
// keeps quiet.
#include "pipeline/base/clock.h"
#include "tests/e2e/process.h"
#include "tests/support/certificate.h"
#include "tests/support/syslog_senders.h"

#include <csignal>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

constexpr std::string_view kConfiguration = R"(
inputs:
  hec:
    listen: 127.0.0.1:0
    tokens:
      - {{name: plain, token: the-plain-secret}}
      - {{name: acknowledged, token: the-ack-secret, ack: true}}
      - {{name: by query, token: the-query-secret, query_string: true}}
      - {{name: off, token: the-disabled-secret, disabled: true}}
{}
admin: {{listen: "127.0.0.1:0"}}
detections: {{defaults: {{emit: first_match}}}}
state: {{path: "@STATE@"}}
log: {{level: debug}}
)";
constexpr const char* kRaw =
    "/services/collector/raw?source=XmlWinEventLog:Microsoft-Windows-Sysmon/Operational";
constexpr const char* kChannel = "fe0ecfad-13d5-401b-847d-77833bd77131";

std::string utc_now() {
  std::string utc = format_iso(SystemClock().now()).substr(0, 23);
  utc[10] = ' ';
  return utc;
}

std::string as_xml(std::string_view target) {
  std::string utc = utc_now();
  return fmt::format(
      "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>\n<System><Provider "
      "Name='Microsoft-Windows-Sysmon'/><EventID>11</EventID>\n<Channel>Microsoft-Windows-Sysmon/"
      "Operational</Channel>"
      "<Computer>ws-1</Computer><Security UserID='S-1-5-18'/></System>\n<EventData><Data "
      "Name='UtcTime'>{}</Data>"
      "<Data Name='CreationUtcTime'>{}</Data><Data Name='ProcessGuid'>{{2b1f0a6e}}</Data><Data "
      "Name='ProcessId'>7</Data>"
      "<Data Name='Image'>C:\\Defender\\MsMpEng.exe</Data><Data Name='TargetFilename'>{}</Data>"
      "<Data Name='User'>NT AUTHORITY\\SYSTEM</Data></EventData>\n</Event>\n",
      utc, utc, target);
}

std::string as_text(std::string_view target) {
  std::string utc = utc_now();
  return fmt::format(
      "04/27/2026 03:00:00 "
      "PM\nLogName=Microsoft-Windows-Sysmon/Operational\nSourceName=Microsoft-Windows-Sysmon\n"
      "EventCode=11\nComputerName=ws-2\nUser=NOT_TRANSLATED\nSid=S-1-5-18\nMessage=File created:\r\nUtcTime: "
      "{}\r\n"
      "ProcessGuid: {{2b1f0a6e}}\r\nProcessId: 7\r\nImage: C:\\Defender\\MsMpEng.exe\r\nTargetFilename: "
      "{}\r\n"
      "CreationUtcTime: {}\r\nUser: NT AUTHORITY\\SYSTEM\r\n\n",
      utc, target, utc);
}

HttpReply post(const Serving& hecate, const std::string& target, const std::string& token,
               const std::string& body, std::map<std::string, std::string> headers = {}) {
  headers["Authorization"] = "Splunk " + token;
  return http(hecate.hec_port(), "POST", target, headers, body);
}

std::string findings(const Serving& hecate) {
  return http(hecate.admin_port(), "GET", "/api/findings").body;
}

TEST(Hec, RawBodiesOfEveryFormAreFindings) {
  Serving hecate(fmt::format(kConfiguration, ""));
  std::string elements = as_xml("C:\\Windows\\System32\\x1.sys") + as_xml("C:\\Users\\a.txt") +
                         as_xml("C:\\Windows\\System32\\x2.sys");
  EXPECT_EQ(post(hecate, kRaw, "the-plain-secret", elements).body, R"({"text":"Success","code":0})");
  std::string blocks = as_text("C:\\Windows\\System32\\t1.sys") + as_text("C:\\Windows\\System32\\t2.sys");
  EXPECT_EQ(post(hecate, "/services/collector/raw?source=WinEventLog:Microsoft-Windows-Sysmon/Operational",
                 "the-plain-secret", blocks)
                .status,
            200);
  for (const char* file : {"x1.sys", "x2.sys", "t1.sys", "t2.sys"})
    EXPECT_TRUE(eventually([&] { return findings(hecate).find(file) != std::string::npos; })) << file;
  EXPECT_EQ(hecate.metric(R"(hecate_events_received_total{input="hec"})"), 5);
  EXPECT_EQ(hecate.metric(R"(hecate_events_evaluated_total{input="hec"})"), 5);
  hecate.stop();
}

TEST(Hec, AnAckIdIsTrueWhenTheMatchIsOnDisk) {
  Serving hecate(fmt::format(kConfiguration, ""));
  std::map<std::string, std::string> channel{{"X-Splunk-Request-Channel", kChannel}};
  auto ask = [&] {
    return post(hecate, "/services/collector/ack", "the-ack-secret", R"({"acks":[0]})", channel).body;
  };
  EXPECT_EQ(ask(), R"({"acks":{"0":false}})");
  EXPECT_EQ(post(hecate, kRaw, "the-ack-secret", as_xml("C:\\Windows\\System32\\x1.sys"), channel).body,
            R"({"text":"Success","code":0,"ackId":0})");
  EXPECT_TRUE(eventually([&] { return ask() == R"({"acks":{"0":true}})"; }));
  // What was promised survives the hardest end.
  hecate.kill();
  hecate.restart();
  EXPECT_TRUE(eventually([&] { return findings(hecate).find("x1.sys") != std::string::npos; }));
  EXPECT_EQ(ask(), R"({"acks":{"0":false}})") << "a channel is forgotten with the process";
  hecate.stop();
}

TEST(Hec, ByTls) {
  std::signal(SIGPIPE, SIG_IGN);
  TemporaryFolder folder;
  make_certificate(folder / "cert.pem", folder / "key.pem");
  Serving hecate(fmt::format(kConfiguration, fmt::format("    tls: {{cert_file: \"{}\", key_file: \"{}\"}}",
                                                         folder / "cert.pem", folder / "key.pem")));
  TlsSender sender(hecate.hec_port(), {.ca_file = folder / "cert.pem"});
  ASSERT_TRUE(sender.connected());
  std::string body = as_xml("C:\\Windows\\System32\\x1.sys");
  ASSERT_TRUE(sender.send(fmt::format(
      "POST {} HTTP/1.1\r\nAuthorization: Splunk the-plain-secret\r\nContent-Length: {}\r\n\r\n{}", kRaw,
      body.size(), body)));
  EXPECT_NE(sender.receive().find(R"("code":0)"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return findings(hecate).find("x1.sys") != std::string::npos; }));
  EXPECT_GT(hecate.metric(R"(hecate_tls_certificate_expiry_seconds{input="hec"})"), 1.7e9);
  hecate.stop();
}

// At the level that tells most, and whatever goes wrong: no token that was sent or configured is in the log,
// in what is printed, or in an answer.
TEST(Hec, AnExpiredCertificateIsLoggedAndShownAllTheSame) {
  TemporaryFolder folder;
  make_certificate(folder / "cert.pem", folder / "key.pem", "IP:127.0.0.1", -1);
  Serving hecate(fmt::format(kConfiguration, fmt::format("    tls: {{cert_file: \"{}\", key_file: \"{}\"}}",
                                                         folder / "cert.pem", folder / "key.pem")));
  EXPECT_NE(hecate.process().errors().find("cert.pem expired at "), std::string::npos)
      << hecate.process().errors();
}

TEST(Hec, TokensAreNeverLogged) {
  Serving hecate(fmt::format(kConfiguration, ""));
  std::string said;
  for (std::string token : {"the-plain-secret", "the-ack-secret", "the-query-secret", "the-disabled-secret",
                            "the-unknown-secret"}) {
    for (const char* path :
         {"/services/collector/event", "/services/collector/raw", "/services/collector/ack", "/other"}) {
      for (const char* body : {R"({"event":"x"})", "", "{", R"({"event":"the-body-secret)"}) {
        said += post(hecate, path, token, body).body;
        said += post(hecate, path, token + " " + token, body).body;
        said += http(hecate.hec_port(), "POST", std::string(path) + "?token=" + token, {}, body).body;
        said += http(hecate.hec_port(), "PUT", std::string(path) + "?token=" + token,
                     {{"Authorization", token}}, body)
                    .body;
      }
    }
    said += http(hecate.hec_port(), "POST", "/services/collector",
                 {{"Authorization", "Splunk " + token}, {"Content-Length", "x"}})
                .body;
  }
  said += http(hecate.admin_port(), "GET", "/metrics").body;
  hecate.process().signal(SIGHUP);
  hecate.stop();
  said += hecate.process().errors() + hecate.process().output();
  EXPECT_NE(said.find("stopped"), std::string::npos) << "the log was not looked at";
  EXPECT_EQ(said.find("-secret"), std::string::npos) << said;
}

}  // namespace
}  // namespace hecate::testing
