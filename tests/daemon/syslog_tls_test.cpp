// Syslog by TLS (RFC 5425), and the server's side of TLS that all listeners share.
#include "tests/daemon/syslog_fixture.h"
#include "tests/support/certificate.h"
#include "tests/support/testing.h"

#include <csignal>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using namespace std::chrono_literals;
using Protocol = daemon::SyslogInput::Protocol;

class SyslogTls : public ::testing::Test {
 protected:
  SyslogTls() {
    std::signal(SIGPIPE, SIG_IGN);  // of the senders here
    make_certificate(folder_ / "cert.pem", folder_ / "key.pem");
    make_certificate(folder_ / "client.pem", folder_ / "client-key.pem", "DNS:sender");
  }

  daemon::SyslogInput input() const {
    daemon::SyslogInput input = syslog_input(Protocol::tls);
    input.tls = {folder_ / "cert.pem", folder_ / "key.pem", ""};
    return input;
  }
  daemon::SyslogInput input_for_clients() const {
    daemon::SyslogInput asking = input();
    asking.tls.client_ca_file = folder_ / "client.pem";
    return asking;
  }
  [[nodiscard]] TlsSender::Options trusting() const { return {.ca_file = folder_ / "cert.pem"}; }
  [[nodiscard]] TlsSender::Options with_certificate() const {
    return {.ca_file = folder_ / "cert.pem",
            .cert_file = folder_ / "client.pem",
            .key_file = folder_ / "client-key.pem"};
  }
  static double failed(const SyslogServer& server) {
    return server.metric("hecate_tls_handshakes_failed_total", {"in"});
  }

  TemporaryFolder folder_;
};

// By TLS as by TCP.
TEST_F(SyslogTls, AStopReadsWhatIsOnItsWay) {
  SyslogServer server({input()});
  server.ingest.full = true;
  TlsSender sender(server.port(), trusting());
  ASSERT_TRUE(sender.send("<14>a\n"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") == 6; }));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(sender.send("<14>a\n"));
  std::thread stop([&] { server.listener->drain(); });
  EXPECT_TRUE(eventually([&] { return !TcpSender(server.port()).send("\n"); }));
  server.ingest.full = false;
  stop.join();
  EXPECT_EQ(server.ingest.take_events().size(), 1001u);
}

// What OpenSSL has taken from the socket and nobody from OpenSSL: the rest of a record, the begin of which
// ended a long message.
TEST_F(SyslogTls, AStopReadsWhatOpenSslHolds) {
  SyslogServer server({input()});
  TlsSender sender(server.port(), trusting());
  std::string large = counted("<14>" + std::string(20'000, 'y'));
  constexpr std::size_t kBegin = 17'000;  // too much to be moved into the batch with each read
  ASSERT_TRUE(sender.send(std::string_view(large).substr(0, kBegin)));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") == kBegin; }));
  server.ingest.full = true;
  std::string record = large.substr(kBegin);
  constexpr std::size_t kMessages = 2000;
  for (std::size_t i = 0; i < kMessages; ++i) record += "<14>a\n";
  ASSERT_LT(record.size(), 16'384u);
  ASSERT_TRUE(sender.send(record));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") > kBegin; }));
  EXPECT_LT(server.metric("hecate_bytes_received_total"), kBegin + record.size());
  std::thread stop([&] { server.listener->drain(); });
  EXPECT_TRUE(eventually([&] { return !TcpSender(server.port()).send("\n"); }));
  server.ingest.full = false;
  stop.join();
  EXPECT_EQ(server.ingest.take_events().size(), 1 + kMessages);
}

// Likewise of a record that had arrived in part before: the part is in no count of the socket's.
TEST_F(SyslogTls, AStopReadsARecordOfWhichOpenSslHoldsAPart) {
  SyslogServer server({input(), syslog_input(Protocol::tcp)});
  TlsSender sender(server.port(), trusting());
  TcpSender other(server.port(1));
  auto bytes = [&] { return server.metric("hecate_bytes_received_total"); };
  std::string large = counted("<14>" + std::string(30'000, 'y'));
  constexpr std::size_t kBegin = 17'000;  // too much to be moved into the batch with each read
  ASSERT_TRUE(sender.send(std::string_view(large).substr(0, kBegin)));
  ASSERT_TRUE(eventually([&] { return bytes() == kBegin; }));
  std::string rest = large.substr(kBegin);
  constexpr std::size_t kMessages = 500;
  for (std::size_t i = 0; i < kMessages; ++i) rest += "<14>a\n";
  ASSERT_LT(rest.size(), 16'384u);
  std::string record = sender.records_of(rest);
  ASSERT_GT(record.size(), rest.size());
  ASSERT_TRUE(sender.send_on_the_wire(std::string_view(record).substr(0, record.size() / 2)));
  // When the other's message is there, that half has been read, though no byte of it can be told yet.
  ASSERT_TRUE(other.send("<14>b\n"));
  ASSERT_EQ(server.wait_for_texts(1).size(), 1u);
  server.ingest.full = true;
  ASSERT_TRUE(other.send("<14>c\n"));
  ASSERT_TRUE(eventually([&] { return bytes() == kBegin + 12; }));
  ASSERT_TRUE(sender.send_on_the_wire(std::string_view(record).substr(record.size() / 2)));
  std::thread stop([&] { server.listener->drain(); });
  EXPECT_TRUE(eventually([&] { return !TcpSender(server.port()).send("\n"); }));
  server.ingest.full = false;
  stop.join();
  EXPECT_EQ(server.ingest.take_events().size(), 2 + kMessages);
}

// What it has to read is bounded: by what had arrived, and what OpenSSL may hold.
TEST_F(SyslogTls, AStopEndsThoughTheSenderGoesOn) {
  SyslogServer server({input()});
  TlsSender sender(server.port(), trusting());
  ASSERT_TRUE(sender.send("<14>a\n"));
  ASSERT_TRUE(eventually([&] { return server.metric("hecate_bytes_received_total") == 6; }));
  std::string much;
  for (int i = 0; i < 10'000; ++i) much += "<14>a\n";
  std::thread endless([&] {
    while (sender.send(much)) {
    }
  });
  server.listener->drain();
  endless.join();
  EXPECT_EQ(server.metric("hecate_syslog_frames_total"),
            static_cast<double>(server.ingest.take_events().size()));
}

TEST_F(SyslogTls, MessagesComeThrough) {
  SyslogServer server({input()});
  TlsSender sender(server.port(), trusting());
  ASSERT_TRUE(sender.connected());
  ASSERT_TRUE(sender.send(counted("<14>Apr 27 11:59:58 lnx-1 sysmon: <Event>\n</Event>") + "<14>li"));
  ASSERT_TRUE(sender.send("ne\n"));
  EXPECT_EQ(server.wait_for_texts(2), (std::vector<std::string>{"<Event>\n</Event>", "line"}));
  ASSERT_TRUE(sender.send("<14>last"));
  sender.close();
  EXPECT_EQ(server.wait_for_texts(1), std::vector<std::string>{"last"});
  EXPECT_EQ(failed(server), 0);
}

TEST_F(SyslogTls, ManyRecordsAndLargeMessages) {
  daemon::SyslogInput large = input();
  large.max_message = 1024 * 1024;
  SyslogServer server({large});
  TlsSender sender(server.port(), trusting());
  std::string all;
  for (int i = 0; i < 2000; ++i) all += counted("<14>" + std::to_string(i) + std::string(1000, 'x'));
  std::string megabyte(1'000'000, 'y');
  all += counted("<14>" + megabyte);
  ASSERT_TRUE(sender.send(all));
  auto texts = server.wait_for_texts(2001);
  EXPECT_EQ(texts.back(), megabyte);
  EXPECT_TRUE(texts[1999].starts_with("1999x"));
}

TEST_F(SyslogTls, AnEndWithoutGoodOrderIsNoEndOfALine) {
  SyslogServer server({input()});
  auto sender = std::make_unique<TlsSender>(server.port(), trusting());
  ASSERT_TRUE(sender->send("<14>whole\n<14>half"));
  EXPECT_EQ(server.wait_for_texts(1), std::vector<std::string>{"whole"});
  sender.reset();  // no close_notify
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_syslog_dropped_total", {"cut_off"}) == 1; }));
}

TEST_F(SyslogTls, OldVersionsAreRefused) {
  SyslogServer server({input()});
  TlsSender::Options options = trusting();
  options.most_version = TLS1_1_VERSION;
  EXPECT_FALSE(TlsSender(server.port(), options).connected());
  EXPECT_TRUE(eventually([&] { return failed(server) == 1; }));
  options.most_version = TLS1_2_VERSION;
  EXPECT_TRUE(TlsSender(server.port(), options).connected());
}

TEST_F(SyslogTls, PlainTextIsRefused) {
  SyslogServer server({input()});
  TcpSender sender(server.port());
  ASSERT_TRUE(sender.send("<14>no TLS at all\n"));
  EXPECT_TRUE(eventually([&] { return failed(server) == 1; }));
  EXPECT_TRUE(eventually([&] { return server.metric("hecate_syslog_connections") == 0; }));
  EXPECT_EQ(server.metric("hecate_syslog_frames_total"), 0);
}

// One that never ends, and one that ends within.
TEST_F(SyslogTls, HalfAHandshakeEnds) {
  SyslogServer server({input()}, {.handshake = 20ms});
  TcpSender silent(server.port());
  EXPECT_TRUE(silent.closed());
  EXPECT_EQ(failed(server), 1);
  TcpSender gone(server.port());
  ASSERT_TRUE(gone.send("\x16\x03\x01"));
  gone.close();
  EXPECT_TRUE(eventually([&] { return failed(server) == 2; }));
}

TEST_F(SyslogTls, ClientsMustShowACertificateWhereACaIsGiven) {
  SyslogServer server({input_for_clients()});
  TlsSender with(server.port(), with_certificate());
  ASSERT_TRUE(with.connected());
  ASSERT_TRUE(with.send("<14>a\n"));
  EXPECT_EQ(server.wait_for_texts(1), std::vector<std::string>{"a"});
  TlsSender without(server.port(), trusting());
  EXPECT_TRUE(without.closed());
  EXPECT_TRUE(eventually([&] { return failed(server) == 1; }));
  make_certificate(folder_ / "other.pem", folder_ / "other-key.pem", "DNS:other");
  TlsSender::Options other = with_certificate();
  other.cert_file = folder_ / "other.pem";
  other.key_file = folder_ / "other-key.pem";
  TlsSender stranger(server.port(), other);
  EXPECT_TRUE(stranger.closed());
  EXPECT_TRUE(eventually([&] { return failed(server) == 2; }));
}

TEST_F(SyslogTls, AChangedCertificateIsShownWithoutARestart) {
  SyslogServer server({input()});
  TlsSender before(server.port(), trusting());
  ASSERT_TRUE(before.connected());
  double expiry = server.metric("hecate_tls_certificate_expiry_seconds", {"in"});
  EXPECT_NEAR(expiry, static_cast<double>(SystemClock().now() / kSecond + 86'400), 600);
  make_certificate(folder_ / "next.pem", folder_ / "next-key.pem");
  std::filesystem::rename(folder_ / "next-key.pem", folder_ / "key.pem");
  // Half of the pair: the old one stays.
  TlsSender between(server.port(), trusting());
  ASSERT_TRUE(between.connected());
  EXPECT_EQ(between.shown(), before.shown());
  std::filesystem::rename(folder_ / "next.pem", folder_ / "cert.pem");
  TlsSender after(server.port(), trusting());
  ASSERT_TRUE(after.connected());
  EXPECT_NE(after.shown(), before.shown());
  ASSERT_TRUE(before.send("<14>old\n"));
  ASSERT_TRUE(after.send("<14>new\n"));
  EXPECT_EQ(server.wait_for_texts(2).size(), 2u);
}

TEST_F(SyslogTls, FilesThatCannotBeUsedAreRefusedAtTheStart) {
  folder_.write("text.pem", "no certificate");
  struct Case {
    daemon::TlsFiles files;
    std::string expected;
  };
  for (const Case& each : {Case{{folder_ / "gone.pem", "", ""}, "inputs.syslog[0].cert_file: "},
                           Case{{folder_ / "cert.pem", folder_ / "client-key.pem", ""}, "does not belong"},
                           Case{{folder_ / "cert.pem", folder_ / "key.pem", folder_ / "text.pem"},
                                "inputs.syslog[0].client_ca_file: "}}) {
    daemon::SyslogInput wrong = input();
    wrong.tls = each.files;
    try {
      SyslogServer server({wrong});
      FAIL() << "was taken";
    } catch (const std::runtime_error& refused) {
      EXPECT_NE(std::string(refused.what()).find(each.expected), std::string::npos) << refused.what();
    }
  }
}

}  // namespace
}  // namespace hecate::testing
