#include "daemon/config.h"

#include "tests/support/testing.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace hecate::testing {
namespace {

using daemon::Config;
using daemon::parse_config;

Config parsed(const std::string& yaml) {
  auto config = parse_config(yaml, "/etc/hecate/hecate.yaml");
  EXPECT_TRUE(config) << config.error().message;
  return config ? std::move(*config) : Config{};
}

std::string refused(const std::string& yaml) {
  auto config = parse_config(yaml, "hecate.yaml");
  EXPECT_FALSE(config) << "was taken";
  return config ? "" : config.error().message;
}

TEST(Config, AnEmptyFileGivesTheDefaults) {
  Config config = parsed("");
  EXPECT_EQ(config.hec.listen, "0.0.0.0:8088");
  EXPECT_EQ(config.admin.listen, "127.0.0.1:9464");
  EXPECT_EQ(config.hec.max_body_bytes, 64U * 1024 * 1024);
  EXPECT_EQ(config.state_path, "/var/lib/hecate");
  EXPECT_EQ(config.findings.search_name_prefix, "ESCU - ");
  EXPECT_FALSE(config.output);
  EXPECT_FALSE(config.findings.deliver);
  EXPECT_FALSE(config.detections.defaults.cron);
}

TEST(Config, WhatOfHecDoesNotGoTogetherIsTold) {
  EXPECT_EQ(refused("inputs:\n  hec:\n    tls:\n      key_file: k.pem\n"),
            "hecate.yaml:4: inputs.hec.tls: TLS needs a certificate; give `cert_file`");
  EXPECT_EQ(refused("inputs:\n  hec:\n    tls: {client_ca_file: k.pem}\n"),
            "hecate.yaml:3: inputs.hec.tls: TLS needs a certificate; give `cert_file`");
  EXPECT_EQ(refused("inputs:\n  hec:\n    tokens:\n      - {name: a, token: t, index: x, indexes: [y]}\n"),
            "hecate.yaml:3: inputs.hec.tokens: `index` of `a` (x) is none of its `indexes`; add it there");
}

TEST(Config, EveryKeyArrives) {
  Config config = parsed(R"(
inputs:
  hec:
    listen: "[::1]:0"
    max_body: 2 MB
    tokens:
      - {name: a, token: t-a, source: s, sourcetype: st, index: i}
      - {name: b, token: t-b, ack: true, query_string: true, disabled: true, indexes: [i, j], index: j}
    tls: {cert_file: hec.pem, key_file: /hec-key.pem, client_ca_file: senders.pem}
admin: {listen: "0.0.0.0:1", token: secret}
detections:
  paths: [content, /srv/more]
  macros: [macros]
  deployments: [deployments]
  defaults: {cron: "*/5 * * * *", earliest: -10m@m, latest: now, emit: schedule, notable: yes}
  overrides:
    One Name: {disabled: true, risk: false, index: other, emit: first_match,
               throttle: {fields: [dest, user], period: 1d}, rule_title: "T $dest$", rule_description: D}
outputs:
  hec: {url: "https://siem:8088", token: t, index: n, ca_file: ca.pem, cert_file: own.pem, key_file: /k.pem,
        verify: no, batch: 7, ack_timeout: 90s}
findings: {search_name_prefix: "P ", search_name_suffix: "", host: h, risk_index: r}
ingest: {workers: 3, queue_bytes: 1GiB}
state: {path: state}
log: {level: debug}
)");
  EXPECT_EQ(config.hec.listen, "[::1]:0");
  EXPECT_EQ(config.hec.max_body_bytes, 2'000'000U);
  ASSERT_EQ(config.hec.tokens.size(), 2U);
  EXPECT_EQ(config.hec.tokens[0].token, "t-a");
  EXPECT_EQ(config.hec.tokens[0].source, "s");
  EXPECT_EQ(config.hec.tokens[0].sourcetype, "st");
  EXPECT_EQ(config.hec.tokens[0].index, "i");
  EXPECT_FALSE(config.hec.tokens[0].ack || config.hec.tokens[0].query_string ||
               config.hec.tokens[0].disabled);
  EXPECT_EQ(config.hec.tokens[1].name, "b");
  EXPECT_TRUE(config.hec.tokens[1].ack && config.hec.tokens[1].query_string && config.hec.tokens[1].disabled);
  EXPECT_EQ(config.hec.tokens[1].indexes, (std::vector<std::string>{"i", "j"}));
  EXPECT_EQ(config.hec.tls.cert_file, "/etc/hecate/hec.pem");
  EXPECT_EQ(config.hec.tls.key_file, "/hec-key.pem");
  EXPECT_EQ(config.hec.tls.client_ca_file, "/etc/hecate/senders.pem");
  EXPECT_EQ(config.admin.listen, "0.0.0.0:1");
  EXPECT_EQ(config.admin.token, "secret");
  EXPECT_EQ(config.detections.detections, (std::vector<std::string>{"/etc/hecate/content", "/srv/more"}));
  EXPECT_EQ(config.detections.macros, (std::vector<std::string>{"/etc/hecate/macros"}));
  EXPECT_EQ(config.detections.deployments, (std::vector<std::string>{"/etc/hecate/deployments"}));
  EXPECT_EQ(config.detections.defaults.cron, "*/5 * * * *");
  EXPECT_EQ(config.detections.defaults.earliest, "-10m@m");
  EXPECT_EQ(config.detections.defaults.latest, "now");
  EXPECT_EQ(config.detections.defaults.emit, catalogue::Emit::schedule);
  EXPECT_EQ(config.detections.defaults.notable, true);
  EXPECT_EQ(config.detections.defaults.index, "n");
  const catalogue::Override& one = config.detections.overrides.at("One Name");
  EXPECT_EQ(one.disabled, true);
  EXPECT_EQ(one.risk, false);
  EXPECT_EQ(one.index, "other");
  EXPECT_EQ(one.emit, catalogue::Emit::first_match);
  ASSERT_TRUE(one.throttle);
  EXPECT_EQ(one.throttle->fields, (std::vector<std::string>{"dest", "user"}));
  EXPECT_EQ(one.throttle->period, kDay);
  EXPECT_EQ(one.rule_title, "T $dest$");
  EXPECT_EQ(one.rule_description, "D");
  EXPECT_FALSE(one.cron);
  ASSERT_TRUE(config.output);
  ASSERT_EQ(config.output->endpoints.size(), 1U);
  const outputs::HecEndpoint& endpoint = config.output->endpoints[0];
  EXPECT_EQ(endpoint.url, "https://siem:8088");
  EXPECT_EQ(endpoint.token, "t");
  EXPECT_EQ(endpoint.ca_file, "/etc/hecate/ca.pem");
  EXPECT_EQ(endpoint.cert_file, "/etc/hecate/own.pem");
  EXPECT_EQ(endpoint.key_file, "/k.pem");
  EXPECT_FALSE(endpoint.verify);
  EXPECT_EQ(config.output->balance, outputs::Balance::fail_over);
  EXPECT_EQ(config.output->batch, 7);
  EXPECT_EQ(config.output->ack_timeout, 90 * kSecond);
  EXPECT_TRUE(config.findings.deliver);
  EXPECT_EQ(config.findings.search_name_prefix, "P ");
  EXPECT_EQ(config.findings.search_name_suffix, "");
  EXPECT_EQ(config.findings.host, "h");
  EXPECT_EQ(config.findings.risk_index, "r");
  EXPECT_EQ(config.ingest.workers, 3);
  EXPECT_EQ(config.ingest.queue_bytes, 1024UL * 1024 * 1024);
  EXPECT_EQ(config.state_path, "/etc/hecate/state");
  EXPECT_EQ(config.log_level, "debug");
}

TEST(Config, TheEnvironmentIsFilledIn) {
  ::setenv("HECATE_TEST_TOKEN", "from: the {environment}", 1);
  Config config = parsed("findings: {host: 'a${HECATE_TEST_TOKEN}b', risk_index: '$${X} $dest$ $'}");
  EXPECT_EQ(config.findings.host, "afrom: the {environment}b");
  EXPECT_EQ(config.findings.risk_index, "${X} $dest$ $");
}

TEST(Config, AnUnsetVariableIsAnError) {
  std::string message = refused("findings:\n  host: ${HECATE_TEST_UNSET}\n");
  EXPECT_EQ(
      message,
      "hecate.yaml:2: findings.host: the environment variable HECATE_TEST_UNSET is not set; set it, or write "
      "`$$` for a `$` that stands for itself");
}

TEST(Config, AnUnknownKeyNamesItsLineAndTheNearestKey) {
  EXPECT_EQ(refused("admin:\n  listn: x\n"),
            "hecate.yaml:2: unknown key `admin.listn`; did you mean `listen`?");
  EXPECT_EQ(refused("input:\n  hec: {}\n"), "hecate.yaml:1: unknown key `input`; did you mean `inputs`?");
  EXPECT_EQ(refused("inputs:\n  hec:\n    tokens:\n    - {name: a, token: b, sorce: c}\n"),
            "hecate.yaml:4: unknown key `inputs.hec.tokens[0].sorce`; did you mean `source`?");
  EXPECT_EQ(refused("detections:\n  overrides:\n    A B:\n      crn: x\n"),
            "hecate.yaml:4: unknown key `detections.overrides.\"A B\".crn`; did you mean `cron`?");
}

TEST(Config, AnUnknownKeyWithoutANearOneTellsWhatIsKnown) {
  EXPECT_EQ(refused("admin:\n  max_body: 1\n"),
            "hecate.yaml:2: unknown key `admin.max_body`; known here: listen, token; there is "
            "`inputs.hec.max_body`");
}

TEST(Config, AllErrorsAreToldAtOnce) {
  std::string message =
      refused("admin: {listen: here}\nlog:\n  level: loud\ningest:\n  workers: many\nbogus: 1\n");
  EXPECT_NE(message.find("hecate.yaml:1: admin.listen: `here` is not an address"), std::string::npos)
      << message;
  EXPECT_NE(message.find("hecate.yaml:3: log.level: expected one of debug, info, warn, error, not `loud`"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("hecate.yaml:5: ingest.workers: expected a whole number from 0 to 256, not `many`"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("hecate.yaml:6: unknown key `bogus`"), std::string::npos) << message;
}

struct Wrong {
  const char* name;
  const char* yaml;
  const char* message;  // a part of it
};
void PrintTo(const Wrong& wrong, std::ostream* out) {
  *out << wrong.yaml;
}

class ConfigRefuses : public ::testing::TestWithParam<Wrong> {};
TEST_P(ConfigRefuses, AndSaysWhy) {
  std::string message = refused(GetParam().yaml);
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}
INSTANTIATE_TEST_SUITE_P(
    values, ConfigRefuses,
    ::testing::Values(
        Wrong{"no_yaml", "a: [1\nb: 2\n", "not valid YAML"},
        Wrong{"a_list", "- a\n", "hecate.yaml:1: the configuration is no map"},
        Wrong{"twice", "log: {level: info}\nlog: {level: warn}\n",
              "hecate.yaml:2: `log` stands here for the second"},
        Wrong{"value_for_a_part", "admin: 9464\n", "hecate.yaml:1: admin holds further keys"},
        Wrong{"part_for_a_value", "admin: {listen: {port: 1}}\n", "admin.listen: expected a single value"},
        Wrong{"no_value", "admin:\n  listen:\n", "hecate.yaml:2: admin.listen: expected a single value"},
        Wrong{"tokens_no_list", "inputs: {hec: {tokens: abc}}", "inputs.hec.tokens: expected a list"},
        Wrong{"token_missing", "inputs: {hec: {tokens: [{name: a}]}}",
              "`inputs.hec.tokens[0].token` is missing"},
        Wrong{"token_name_missing", "inputs: {hec: {tokens: [{token: a}]}}",
              "`inputs.hec.tokens[0].name` is missing"},
        Wrong{"token_empty", "inputs: {hec: {tokens: [{name: a, token: ''}]}}", "the token is empty"},
        Wrong{"token_with_blank", "inputs: {hec: {tokens: [{name: a, token: 'a b'}]}}", "no white space"},
        Wrong{"tokens_of_one_name", "inputs: {hec: {tokens: [{name: a, token: b}, {name: a, token: c}]}}",
              "two tokens are named `a`"},
        Wrong{"same_token", "inputs: {hec: {tokens: [{name: a, token: b}, {name: c, token: b}]}}",
              "of `c` is another's"},
        Wrong{"port_too_large", "admin: {listen: '127.0.0.1:70000'}", "is not an address"},
        Wrong{"size_unit", "inputs: {hec: {max_body: 5 miles}}", "expected a size from 1KiB to 1GiB"},
        Wrong{"size_bounds", "inputs: {hec: {max_body: 2GiB}}", "expected a size from 1KiB to 1GiB"},
        Wrong{"body_over_queue", "inputs: {hec: {max_body: 32MiB}}\ningest: {queue_bytes: 16MiB}",
              "hecate.yaml:2: inputs.hec.max_body (32MiB) is more than ingest.queue_bytes (16MiB)"},
        Wrong{"paths_no_list", "detections: {paths: here}", "detections.paths: expected a list"},
        Wrong{"cron", "detections: {defaults: {cron: 'every day'}}",
              "hecate.yaml:1: detections.defaults.cron: "},
        Wrong{"relative_time", "detections: {defaults: {earliest: yesterday}}",
              "detections.defaults.earliest: "},
        Wrong{"emit", "detections: {defaults: {emit: often}}", "expected one of schedule, first_match"},
        Wrong{"throttle_without_period", "detections: {overrides: {A: {throttle: {fields: [a]}}}}",
              "`detections.overrides.\"A\".throttle.period` is missing"},
        Wrong{"throttle_period", "detections: {defaults: {throttle: {fields: [a], period: often}}}",
              "expected a period"},
        Wrong{"flag", "detections: {defaults: {risk: maybe}}", "expected true or false, not `maybe`"},
        Wrong{"override_twice", "detections: {overrides: {A: {}, A: {}}}",
              "`A` stands here for the second time"},
        Wrong{"output_without_token", "outputs: {hec: {url: 'http://x'}}", "`outputs.hec.token` is missing"},
        Wrong{"output_url", "outputs: {hec: {url: 'siem:8088', token: a}}",
              "outputs.hec.url: `siem:8088` is no URL of a HEC endpoint"},
        Wrong{"output_second_url", "outputs: {hec: {url: ['https://a', 'b'], token: a}}",
              "outputs.hec.url: `b` is no URL"},
        Wrong{"output_no_url", "outputs: {hec: {url: [], token: a}}", "expected a single value, or a list"},
        Wrong{"output_balance", "outputs: {hec: {url: 'https://a', token: a, balance: best}}",
              "expected one of fail_over, round_robin, not `best`"},
        Wrong{"variable_not_closed", "findings: {host: '${A'}", "`${` without `}`"}),
    [](const auto& info) { return info.param.name; });

TEST(Config, SeveralEndpointsShareAllButTheUrl) {
  Config config = parsed(
      "outputs: {hec: {url: ['https://a:8088', 'https://b:8088'], balance: round_robin, token: t, verify: "
      "no}}");
  ASSERT_TRUE(config.output);
  EXPECT_EQ(config.output->balance, outputs::Balance::round_robin);
  ASSERT_EQ(config.output->endpoints.size(), 2U);
  EXPECT_EQ(config.output->endpoints[0].url, "https://a:8088");
  EXPECT_EQ(config.output->endpoints[1].url, "https://b:8088");
  for (const outputs::HecEndpoint& each : config.output->endpoints) {
    EXPECT_EQ(each.token, "t");
    EXPECT_FALSE(each.verify);
  }
}

TEST(Config, TokensStandInNoMessage) {
  std::string message = refused(
      "inputs: {hec: {tokens: [{name: a, token: 'se cret'}, {name: b, token: s3}, "
      "{name: c, token: s3}]}}\nadmin: {token: 'se cret'}");
  EXPECT_EQ(message.find("se cret"), std::string::npos) << message;
  EXPECT_EQ(message.find("s3"), std::string::npos) << message;
}

TEST(Config, AMissingFileIsToldByName) {
  auto config = daemon::load_config("/nowhere/hecate.yaml");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("/nowhere/hecate.yaml"), std::string::npos);
}

TEST(Config, TheReferencePageIsUpToDate) {
  EXPECT_EQ(read_file(HECATE_SOURCE_DIR "/docs/configuration.md"), daemon::config_reference())
      << "write docs/configuration.md anew with HECATE_UPDATE_DOCS=1";
}

// Not a test: writes the page when asked to.
TEST(Config, ReferencePageIsWrittenOnDemand) {
  if (std::getenv("HECATE_UPDATE_DOCS") == nullptr) GTEST_SKIP() << "HECATE_UPDATE_DOCS is not set";
  std::FILE* out = std::fopen(HECATE_SOURCE_DIR "/docs/configuration.md", "w");
  ASSERT_NE(out, nullptr);
  std::fputs(daemon::config_reference().c_str(), out);
  std::fclose(out);
}

TEST(Config, TheExampleOfTheReferencePageLoads) {
  ::setenv("HECATE_TOKEN", "a", 1);
  ::setenv("SPLUNK_TOKEN", "b", 1);
  std::string page = daemon::config_reference();
  std::size_t begin = page.find("```yaml\n") + 8;
  Config config = parsed(page.substr(begin, page.find("```\n", begin) - begin));
  EXPECT_EQ(config.hec.tokens.size(), 1U);
}

}  // namespace
}  // namespace hecate::testing
