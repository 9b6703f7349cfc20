#include "daemon/syslog_config.h"

#include "daemon/address.h"
#include "daemon/config_keys.h"
#include "daemon/tls_keys.h"
#include "pipeline/decode/envelope.h"

#include <set>

#include <fmt/format.h>

namespace hecate::daemon {

namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kGiB = 1024 * 1024 * kKiB;

std::optional<std::string> check_zone(const std::string& text) {
  absl::TimeZone zone;
  if (absl::LoadTimeZone(text, &zone)) return std::nullopt;
  return fmt::format(
      "`{}` is no time zone that this machine knows; expected a name like Europe/Berlin or UTC", text);
}

std::optional<std::string> check_name(const std::string& text) {
  bool plain = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
               std::string::npos;
  if (plain && !text.empty() && text != "hec") return std::nullopt;
  return fmt::format(
      "`{}` is no name for an input; expected letters, digits, `-`, `_` and `.`, and not `hec`", text);
}

void declare_rule(Keys& keys, SyslogText::Rule& text) {
  keys.text("program", text.rule.program,
            "The program that the head names (RFC 5424's APP-NAME, RFC 3164's tag); `*` stands for any "
            "characters; empty: any.");
  keys.choice("content", text.content, {"any", "xml", "json", "text"}, "What form the message has.");
  keys.text("source", text.rule.source,
            "Source of the event; empty: what its own channel says, else that of the input.");
  keys.text("sourcetype", text.rule.sourcetype, "Likewise its sourcetype.");
  keys.text("index", text.rule.index, "Its index; empty: that of the input.");
}

syslog::SourceRule to_rule(SyslogText::Rule text) {
  syslog::SourceRule rule = std::move(text.rule);
  if (text.content == "xml") rule.content = Shape::xml;
  if (text.content == "json") rule.content = Shape::json;
  if (text.content == "text") rule.content = Shape::text;
  return rule;
}

SyslogInput::Protocol to_protocol(std::string_view name) {
  if (name == "tcp") return SyslogInput::Protocol::tcp;
  return name == "tls" ? SyslogInput::Protocol::tls : SyslogInput::Protocol::udp;
}

SyslogInput to_input(SyslogText text) {
  SyslogInput input = std::move(text.input);
  input.protocol = to_protocol(text.protocol);
  if (input.name.empty()) input.name = "syslog-" + text.protocol;
  (void)absl::LoadTimeZone(text.time_zone, &input.events.zone);
  for (SyslogText::Rule& rule : text.rules) input.events.rules.push_back(to_rule(std::move(rule)));
  for (syslog::SourceRule& rule : syslog::default_rules()) input.events.rules.push_back(std::move(rule));
  return input;
}

}  // namespace

std::string_view name_of(SyslogInput::Protocol protocol) {
  switch (protocol) {
    case SyslogInput::Protocol::udp:
      return "udp";
    case SyslogInput::Protocol::tcp:
      return "tcp";
    case SyslogInput::Protocol::tls:
      return "tls";
  }
  return "";
}

void declare_syslog(Keys& keys, SyslogText& text) {
  SyslogInput& input = text.input;
  keys.text("name", input.name, "Its name in metrics; `syslog-` and the protocol when not given.",
            check_name);
  keys.choice("protocol", text.protocol, {"udp", "tcp", "tls"}, "How messages come.");
  keys.text("listen", input.listen, "Where they come to.", check_address, "address:port");
  keys.size("max_message", input.max_message, kKiB, decode::kMostEventBytes,
            "The longest message; a longer one is cut there, and counted.");
  keys.number("max_connections", input.max_connections, 1, 1'000'000,
              "The most senders at a time, by tcp and tls; more are turned away.");
  keys.period("idle", input.idle, "How long a connection may stay without a message; then it is closed.");
  keys.size(
      "receive_buffer", input.receive_buffer, 64 * kKiB, kGiB,
      "What the system keeps for udp while hecate is busy (SO_RCVBUF; more than net.core.rmem_max needs "
      "CAP_NET_ADMIN).");
  declare_tls_files(keys, "", input.tls,
                    "For tls: hecate's certificate (PEM, with those between it and its CA).");
  keys.text("index", input.events.index, "Index of the events.");
  keys.text(
      "source", input.events.source,
      "Their source where neither a rule nor the event says one; protocol and port, like `udp:514`, when "
      "not given.");
  keys.text("sourcetype", input.events.sourcetype, "Likewise their sourcetype.");
  keys.text(
      "time_zone", text.time_zone,
      "Of times in heads that name no zone, like Europe/Berlin. They count where an event brings no time "
      "of its own.",
      check_zone);
  keys.list<SyslogText::Rule>("rules", text.rules, declare_rule);
}

std::vector<SyslogInput> finish_syslog(std::vector<SyslogText> texts, int line, std::size_t queue_bytes,
                                       ConfigErrors& errors) {
  std::vector<SyslogInput> inputs;
  std::set<std::string> names;
  for (SyslogText& text : texts) {
    SyslogInput input = to_input(std::move(text));
    auto wrong = [&](std::string_view what) {
      errors.add(line, fmt::format("inputs.syslog[{}]: {}", inputs.size(), what));
    };
    bool tls = input.protocol == SyslogInput::Protocol::tls;
    if (!names.insert(input.name).second)
      wrong(fmt::format("another input is named `{}` too; give each a `name` of its own", input.name));
    if (tls && input.tls.cert_file.empty()) wrong("tls needs a certificate; give `cert_file`");
    if (!tls && !(input.tls.cert_file + input.tls.key_file + input.tls.client_ca_file).empty())
      wrong(
          "`cert_file`, `key_file` and `client_ca_file` are for `protocol: tls`; say that or leave them out");
    if (input.max_message > queue_bytes / 4)
      wrong(
          fmt::format("max_message ({}) is more than a quarter of ingest.queue_bytes ({}); raise the second "
                      "or lower the first",
                      format_size(input.max_message), format_size(queue_bytes)));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace hecate::daemon
