#include "daemon/config.h"

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using daemon::Config;
using daemon::parse_config;
using daemon::SyslogInput;

TEST(SyslogConfig, EveryKeyArrives) {
  auto config = parse_config(R"(
inputs:
  syslog:
    - name: dmz
      protocol: tls
      listen: "[::1]:6514"
      max_message: 1MiB
      max_connections: 10
      idle: 2h
      cert_file: own.pem
      key_file: /k.pem
      client_ca_file: clients.pem
      index: linux
      source: dmz
      sourcetype: plain
      time_zone: Europe/Berlin
      rules:
        - {program: "my*", content: json, source: s, sourcetype: t, index: i}
        - {content: text, source: u}
    - {protocol: udp, listen: "127.0.0.1:514", receive_buffer: 1MiB}
)",
                             "/etc/hecate/hecate.yaml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->syslog.size(), 2u);
  const SyslogInput& tls = config->syslog[0];
  EXPECT_EQ(tls.name, "dmz");
  EXPECT_EQ(tls.protocol, SyslogInput::Protocol::tls);
  EXPECT_EQ(tls.listen, "[::1]:6514");
  EXPECT_EQ(tls.max_message, 1024u * 1024u);
  EXPECT_EQ(tls.max_connections, 10);
  EXPECT_EQ(tls.idle, 2 * kHour);
  EXPECT_EQ(tls.tls.cert_file, "/etc/hecate/own.pem");
  EXPECT_EQ(tls.tls.key_file, "/k.pem");
  EXPECT_EQ(tls.tls.client_ca_file, "/etc/hecate/clients.pem");
  EXPECT_EQ(tls.events.index, "linux");
  EXPECT_EQ(tls.events.source, "dmz");
  EXPECT_EQ(tls.events.sourcetype, "plain");
  EXPECT_EQ(tls.events.zone.name(), "Europe/Berlin");
  // A site's own rules stand before those that ship.
  ASSERT_EQ(tls.events.rules.size(), 3u);
  EXPECT_EQ(tls.events.rules[0].program, "my*");
  EXPECT_EQ(tls.events.rules[0].content, Shape::json);
  EXPECT_EQ(tls.events.rules[0].index, "i");
  EXPECT_EQ(tls.events.rules[1].content, Shape::text);
  EXPECT_EQ(tls.events.rules[2].program, "sysmon");
  const SyslogInput& udp = config->syslog[1];
  EXPECT_EQ(udp.name, "syslog-udp");
  EXPECT_EQ(udp.protocol, SyslogInput::Protocol::udp);
  EXPECT_EQ(udp.receive_buffer, 1024u * 1024u);
  EXPECT_EQ(udp.events.sourcetype, "syslog");
}

struct Wrong {
  std::string name;
  std::string yaml;      // an input, or several
  std::string expected;  // in the message
};

void PrintTo(const Wrong& wrong, std::ostream* out) {
  *out << wrong.yaml;
}

class SyslogConfigWrong : public ::testing::TestWithParam<Wrong> {};

TEST_P(SyslogConfigWrong, IsTold) {
  auto config = parse_config("inputs:\n  syslog:\n" + GetParam().yaml, "hecate.yaml");
  ASSERT_FALSE(config) << "was taken";
  EXPECT_NE(config.error().message.find(GetParam().expected), std::string::npos) << config.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Inputs, SyslogConfigWrong,
    ::testing::Values(
        Wrong{"protocol", "  - {protocol: relp}\n", "expected one of udp, tcp, tls, not `relp`"},
        Wrong{"listen", "  - {listen: here}\n", "inputs.syslog[0].listen: `here` is not an address"},
        Wrong{"key", "  - {protocl: tcp}\n", "did you mean `protocol`?"},
        Wrong{"rule", "  - {rules: [{contents: xml}]}\n", "unknown key `inputs.syslog[0].rules[0].contents`"},
        Wrong{"content", "  - {rules: [{content: yaml}]}\n", "expected one of any, xml, json, text"},
        Wrong{"zone", "  - {time_zone: Nowhere/At_All}\n", "no time zone"},
        Wrong{"name", "  - {name: hec}\n", "no name for an input"},
        Wrong{"two_of_a_name", "  - {protocol: tcp}\n  - {protocol: tcp, listen: \"0.0.0.0:515\"}\n",
              "inputs.syslog[1]: another input is named `syslog-tcp` too"},
        Wrong{"tls_without_a_certificate", "  - {protocol: tls}\n", "tls needs a certificate"},
        Wrong{"a_certificate_without_tls", "  - {protocol: tcp, cert_file: c.pem}\n",
              "are for `protocol: tls`"},
        Wrong{"messages_too_large_for_the_queue",
              "  - {protocol: tcp, max_message: 2MiB}\ningest: {queue_bytes: 4MiB}\n",
              "more than a quarter of ingest.queue_bytes"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hecate::testing
