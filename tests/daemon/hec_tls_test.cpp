// HEC by TLS. What certificates may be is tested with syslog's (syslog_tls_test.cpp), which has the same
// server's side.
#include "tests/daemon/hec_fixture.h"
#include "tests/support/certificate.h"
#include "tests/support/testing.h"

#include <csignal>
#include <filesystem>
#include <future>

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using std::chrono::milliseconds;

class HecTls : public ::testing::Test {
 protected:
  HecTls() {
    std::signal(SIGPIPE, SIG_IGN);  // of the clients here
    make_certificate(folder_ / "cert.pem", folder_ / "key.pem");
    make_certificate(folder_ / "client.pem", folder_ / "client-key.pem", "DNS:sender");
  }
  void start(daemon::HecTimeouts timeouts = {}, const std::string& client_ca = "",
             std::size_t max_body = 4 * 1024 * 1024) {
    server_ =
        std::make_unique<HecServer>(max_body, timeouts, 64 * 1024 * 1024, daemon::HecAckLimits{},
                                    daemon::TlsFiles{folder_ / "cert.pem", folder_ / "key.pem", client_ca});
  }
  [[nodiscard]] TlsSender::Options trusting() const { return {.ca_file = folder_ / "cert.pem"}; }
  [[nodiscard]] double failed() const { return server_->metric("hecate_tls_handshakes_failed_total", "hec"); }
  [[nodiscard]] std::unique_ptr<HttpClient> connect() const {
    return std::make_unique<HttpClient>(server_->port(), trusting());
  }

  TemporaryFolder folder_;
  std::unique_ptr<HecServer> server_;
};

TEST_F(HecTls, ManyRequestsOnOneConnection) {
  start();
  auto client = connect();
  std::string all;
  for (int i = 0; i < 20; ++i) all += post(R"({"event":"x"})");
  ASSERT_TRUE(client->send(all));
  ASSERT_TRUE(client->send_byte_by_byte(post(R"({"event":"y"})")));
  for (int i = 0; i < 21; ++i) {
    auto answer = client->receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, kSuccessBody);
  }
  EXPECT_EQ(server_->ingest.take_events().size(), 21U);
  EXPECT_EQ(failed(), 0);
}

TEST_F(HecTls, ALargeBodyComesThroughWhole) {
  start();
  std::string body;
  while (body.size() < 2'500'000)
    body += R"({"event":"0123456789 0123456789"})"
            "\n";
  auto client = connect();
  ASSERT_TRUE(client->send(post(body)));
  auto answer = client->receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, kSuccessBody);
  EXPECT_EQ(server_->ingest.take_events().size(), static_cast<std::size_t>(std::ranges::count(body, '\n')));
}

// The sender gets the answer, then a proper end, though it sends more than is read.
TEST_F(HecTls, ARefusedBodyIsAnsweredBeforeTheConnectionEnds) {
  start({}, "", 4096);
  auto client = connect();
  client->send(post(std::string(100'000, 'x')));
  auto answer = client->receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_TRUE(client->closed());
}

TEST_F(HecTls, OldVersionsAreRefused) {
  start();
  TlsSender::Options options = trusting();
  options.most_version = TLS1_1_VERSION;
  EXPECT_FALSE(TlsSender(server_->port(), options).connected());
  EXPECT_TRUE(eventually([&] { return failed() == 1; }));
  options.most_version = TLS1_2_VERSION;
  HttpClient client(server_->port(), options);
  client.send(post(R"({"event":"x"})"));
  EXPECT_TRUE(client.receive());
}

TEST_F(HecTls, PlainHttpIsRefused) {
  start();
  HttpClient client(server_->port());
  client.send(post(R"({"event":"x"})"));
  EXPECT_FALSE(client.receive());
  EXPECT_TRUE(eventually([&] { return failed() == 1; }));
  EXPECT_TRUE(server_->ingest.take_events().empty());
}

// One that never begins, one that stops within its hello: both go with the header's time.
TEST_F(HecTls, HalfAHandshakeEnds) {
  start({.header = milliseconds(40)});
  HttpClient silent(server_->port());
  EXPECT_TRUE(silent.closed());
  HttpClient half(server_->port());
  half.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  EXPECT_TRUE(half.closed());
  EXPECT_TRUE(eventually([&] { return failed() == 2; }));
  EXPECT_EQ(server_->metric("hecate_hec_connections_closed_total", "handshake"), 2);
  EXPECT_TRUE(eventually([&] { return server_->metric("hecate_hec_connections") == 0; }));
}

TEST_F(HecTls, ClientsMustShowACertificateWhereACaIsGiven) {
  start({}, folder_ / "client.pem");
  TlsSender::Options with = trusting();
  with.cert_file = folder_ / "client.pem";
  with.key_file = folder_ / "client-key.pem";
  HttpClient known(server_->port(), with);
  known.send(post(R"({"event":"x"})"));
  EXPECT_TRUE(known.receive());
  auto unknown = connect();
  unknown->send(post(R"({"event":"x"})"));
  EXPECT_FALSE(unknown->receive());
  EXPECT_TRUE(eventually([&] { return failed() == 1; }));
  EXPECT_EQ(server_->ingest.take_events().size(), 1U);
}

TEST_F(HecTls, AChangedCertificateIsShownWithoutARestart) {
  start();
  auto before = connect();
  double expiry = server_->metric("hecate_tls_certificate_expiry_seconds", "hec");
  EXPECT_NEAR(expiry, static_cast<double>(SystemClock().now() / kSecond + 86'400), 600);
  make_certificate(folder_ / "next.pem", folder_ / "next-key.pem", "IP:127.0.0.1,DNS:localhost", 9);
  std::filesystem::rename(folder_ / "next-key.pem", folder_ / "key.pem");
  EXPECT_EQ(connect()->tls().shown(), before->tls().shown()) << "half of the pair";
  std::filesystem::rename(folder_ / "next.pem", folder_ / "cert.pem");
  // Also where nobody connects.
  EXPECT_TRUE(eventually(
      [&] { return server_->metric("hecate_tls_certificate_expiry_seconds", "hec") > expiry + 86'400; }));
  auto after = connect();
  EXPECT_NE(after->tls().shown(), before->tls().shown());
  for (HttpClient* each : {before.get(), after.get()}) {
    each->send(post(R"({"event":"x"})"));
    auto answer = each->receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, kSuccessBody);
  }
}

TEST_F(HecTls, FilesThatCannotBeUsedAreToldAtTheStart) {
  std::filesystem::remove(folder_ / "key.pem");
  try {
    start();
    FAIL() << "was taken";
  } catch (const std::runtime_error& refused) {
    EXPECT_NE(std::string(refused.what()).find("inputs.hec.tls.key_file: "), std::string::npos)
        << refused.what();
  }
}

TEST_F(HecTls, DrainTellsWhoeverHasBegunARequest) {
  start({.closing = milliseconds(30)});
  auto half = connect();
  std::string request = post(R"({"event":"x"})");
  half->send(std::string_view(request).substr(0, request.size() - 3));
  HttpClient shaking(server_->port());
  shaking.send("\x16\x03\x01");
  ASSERT_TRUE(eventually([&] {
    return server_->metric("hecate_bytes_received_total", "hec") == static_cast<double>(request.size() - 3);
  }));
  server_->listener->drain();
  auto answer = half->receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, R"({"text":"Server is shutting down","code":23})");
  EXPECT_TRUE(shaking.closed());
}

}  // namespace
}  // namespace hecate::testing
