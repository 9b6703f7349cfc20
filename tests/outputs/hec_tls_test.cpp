#include "outputs/hec_client.h"
#include "tests/support/certificate.h"
#include "tests/support/hec_double.h"
#include "tests/support/testing.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace hecate::outputs {
namespace {

using testing::HecDouble;
using testing::make_certificate;

class HecTlsTest : public ::testing::Test {
 protected:
  HecTlsTest() {
    make_certificate(folder_ / "cert.pem", folder_ / "key.pem");
    make_certificate(folder_ / "client.pem", folder_ / "client-key.pem", "DNS:hecate");
  }

  // Names are addresses of this machine here.
  static Result<std::unique_ptr<HecClient>> make(HecEndpoint endpoint) {
    HecNetwork network;
    network.environment = [](const std::string&) { return ""; };
    network.lookup = [](const std::string&) -> Result<Addresses> { return Addresses{"127.0.0.1"}; };
    return HecClient::make(std::move(endpoint), std::move(network));
  }
  static std::unique_ptr<HecClient> client_of(HecEndpoint endpoint) {
    auto client = make(std::move(endpoint));
    EXPECT_TRUE(client) << client.error().message;
    return client ? std::move(*client) : nullptr;
  }
  HecEndpoint endpoint(const HecDouble& hec) {
    return {.url = hec.url(), .token = "T", .ca_file = folder_ / "cert.pem"};
  }
  testing::TemporaryFolder folder_;
};

TEST_F(HecTlsTest, TrustsTheGivenCa) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  auto client = client_of(endpoint(hec));
  auto answer = client->post("a");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->accepted());
  ASSERT_TRUE(client->post("b"));
  EXPECT_EQ(hec.connections(), 1);
}

TEST_F(HecTlsTest, RefusesACertificateThatNobodyVouchesFor) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  auto client = client_of({.url = hec.url(), .token = "T"});
  auto answer = client->post("a");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("a CA that is not trusted here"), std::string::npos)
      << answer.error().message;
  EXPECT_NE(answer.error().message.find("outputs.hec.ca_file"), std::string::npos) << answer.error().message;
  EXPECT_TRUE(hec.requests().empty());
}

TEST_F(HecTlsTest, RefusesACertificateThatHasExpired) {
  make_certificate(folder_ / "cert.pem", folder_ / "key.pem", "IP:127.0.0.1", -1);
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  auto answer = client_of(endpoint(hec))->post("a");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("has expired"), std::string::npos) << answer.error().message;
}

TEST_F(HecTlsTest, RefusesACertificateOfAnotherName) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  HecEndpoint other = endpoint(hec);
  other.url = "https://siem.test:" + std::to_string(hec.port());
  auto answer = client_of(other)->post("a");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("is for another name"), std::string::npos) << answer.error().message;
  EXPECT_TRUE(hec.requests().empty());
  other.url = "https://localhost:" + std::to_string(hec.port());
  EXPECT_TRUE(client_of(other)->post("a"));
}

TEST_F(HecTlsTest, VerificationCanBeTurnedOff) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem");
  auto client = client_of({.url = hec.url(), .token = "T", .verify = false});
  EXPECT_TRUE(client->post("a"));
}

TEST_F(HecTlsTest, ShowsItsOwnCertificate) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem", folder_ / "client.pem");
  auto without = client_of(endpoint(hec))->post("a");
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("certificate"), std::string::npos) << without.error().message;
  HecEndpoint with = endpoint(hec);
  with.cert_file = folder_ / "client.pem";
  with.key_file = folder_ / "client-key.pem";
  auto answer = client_of(with)->post("b");
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(hec.requests().size(), 1u);
  EXPECT_EQ(hec.requests()[0].body, "b");
}

TEST_F(HecTlsTest, TheKeyMayStandInTheCertificatesFile) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem", folder_ / "client.pem");
  folder_.write("both.pem",
                testing::read_file(folder_ / "client.pem") + testing::read_file(folder_ / "client-key.pem"));
  HecEndpoint both = endpoint(hec);
  both.cert_file = folder_ / "both.pem";
  auto answer = client_of(both)->post("a");
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST_F(HecTlsTest, TakesChangedCertificatesWithTheNextConnection) {
  make_certificate(folder_ / "next.pem", folder_ / "next-key.pem", "DNS:hecate");
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem", folder_ / "next.pem");
  HecEndpoint with = endpoint(hec);
  with.cert_file = folder_ / "client.pem";
  with.key_file = folder_ / "client-key.pem";
  auto client = client_of(with);
  EXPECT_FALSE(client->post("a"));
  std::filesystem::rename(folder_ / "next.pem", folder_ / "client.pem");
  std::filesystem::rename(folder_ / "next-key.pem", folder_ / "client-key.pem");
  auto answer = client->post("b");
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST_F(HecTlsTest, KeepsItsCertificateWhenTheNewOneCannotBeUsed) {
  HecDouble hec(folder_ / "cert.pem", folder_ / "key.pem", folder_ / "client.pem");
  hec.answer([](auto&, std::size_t) { return HecDouble::success_and_close(); });
  HecEndpoint with = endpoint(hec);
  with.cert_file = folder_ / "client.pem";
  with.key_file = folder_ / "client-key.pem";
  auto client = client_of(with);
  ASSERT_TRUE(client->post("a"));
  folder_.write("client.pem", "half of a certifi");
  EXPECT_TRUE(client->post("b"));
}

struct Wrong {
  std::string name;
  std::string ca_file, cert_file, key_file;  // in the folder
  std::string expected;
};

class HecTlsWrong : public HecTlsTest, public ::testing::WithParamInterface<Wrong> {};

TEST_P(HecTlsWrong, IsRefusedAtTheStart) {
  folder_.write("text.pem", "no certificate");
  folder_.write("empty.pem", "");
  auto file = [&](const std::string& name) { return name.empty() ? "" : folder_ / name; };
  const Wrong& wrong = GetParam();
  auto client = make({.url = "https://h",
                      .token = "T",
                      .ca_file = file(wrong.ca_file),
                      .cert_file = file(wrong.cert_file),
                      .key_file = file(wrong.key_file)});
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find(wrong.expected), std::string::npos) << client.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Files, HecTlsWrong,
    ::testing::Values(
        Wrong{"ca_is_none", "text.pem", "", "", "text.pem holds no certificates"},
        Wrong{"ca_missing", "gone.pem", "", "", "gone.pem cannot be read (No such file or directory)"},
        Wrong{"ca_empty", "empty.pem", "", "", "empty.pem cannot be read (it is empty)"},
        Wrong{"certificate_missing", "", "gone.pem", "client-key.pem", "outputs.hec.cert_file: "},
        Wrong{"certificate_is_none", "", "text.pem", "client-key.pem", "text.pem holds no certificate"},
        Wrong{"key_missing", "", "client.pem", "gone.pem", "outputs.hec.key_file: "},
        Wrong{"key_is_none", "", "client.pem", "text.pem", "text.pem holds no private key"},
        Wrong{"no_key_in_the_certificates_file", "", "client.pem", "", "client.pem holds no private key"},
        Wrong{"key_of_another", "", "client.pem", "key.pem", "does not belong to the certificate in"},
        Wrong{"key_without_certificate", "", "", "key.pem", "without outputs.hec.cert_file"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hecate::outputs
