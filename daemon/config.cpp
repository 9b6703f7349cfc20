#include "daemon/config.h"

#include "daemon/address.h"
#include "daemon/config_keys.h"
#include "daemon/tls_keys.h"
#include "outputs/hec_url.h"
#include "pipeline/schedule/cron.h"
#include "pipeline/schedule/relative_time.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace hecate::daemon {

namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr std::size_t kGiB = 1024 * kMiB;

// What a file says about one detection, or about all, before it is an Override.
struct OverrideText {
  catalogue::Override value;
  catalogue::Throttle throttle;
  std::string emit, revise;
};

// What a file says, before it is a Config.
struct Draft {
  Config config;
  std::vector<SyslogText> syslog;
  OverrideText defaults;
  std::map<std::string, OverrideText> overrides;
  outputs::OutboxOptions output;
  outputs::HecEndpoint endpoint;  // what all of output's endpoints share
  std::vector<std::string> urls;
  std::optional<int> workers;
  std::string balance = "fail_over";
  std::string output_index = "notable";
};

std::optional<std::string> check_cron(const std::string& text) {
  auto cron = schedule::Cron::parse(text);
  return cron ? std::nullopt : std::optional(cron.error().message);
}

std::optional<std::string> check_time(const std::string& text) {
  auto time = schedule::RelativeTime::parse(text);
  return time ? std::nullopt : std::optional(time.error().message);
}

// Secrets are never put into a message.
std::optional<std::string> check_token(const std::string& text) {
  if (text.empty()) return "the token is empty";
  if (text.find_first_of(" \t\r\n") != std::string::npos) return "a token has no white space in it";
  return std::nullopt;
}

std::optional<std::string> check_url(const std::string& text) {
  auto url = outputs::parse_hec_url(text);
  return url ? std::nullopt : std::optional(url.error().message);
}

void declare_token(Keys& keys, HecToken& token) {
  keys.text("name", token.name, "What people call this sender.").required();
  keys.text("token", token.token, "The secret that it sends: `Authorization: Splunk <token>`.", check_token)
      .required();
  keys.text("source", token.source, "Source of its events where they and the request name none.");
  keys.text("sourcetype", token.sourcetype, "Likewise their sourcetype.");
  keys.text("index", token.index, "Likewise their index.");
  keys.texts("indexes", token.indexes, "The indexes that its events may name; none: any.");
  keys.flag("disabled", token.disabled, "Whether it is turned away (403, code 1).");
  keys.flag(
      "ack", token.ack,
      "Whether its requests are answered with an ackId, by which the sender asks later whether they are "
      "stored; it must name a channel then ([hec.md](hec.md#acknowledgement)).");
  keys.flag("query_string", token.query_string,
            "Whether it may stand in a request's query (`?token=`), where proxies log it.");
}

// `at`: `detections.defaults.`, or empty for one detection's entry.
void declare_override(Keys& keys, const std::string& at, OverrideText& text) {
  catalogue::Override& value = text.value;
  keys.flag(at + "disabled", value.disabled, "Whether the detection is off.");
  keys.text(at + "cron", value.cron, "When it runs: five cron fields, in UTC.", check_cron, "cron");
  keys.text(at + "earliest", value.earliest, "Where its window begins, like `-70m@m`.", check_time,
            "relative time");
  keys.text(at + "latest", value.latest, "Where its window ends; an event at this very time is outside.",
            check_time, "relative time");
  keys.choice(
      at + "emit", text.emit, {"schedule", "first_match"},
      "When a finding is told: with the window's run, or as soon as the first matching event is stored. The "
      "second is for searches whose rows can only grow; `hecate check` says which those are.");
  keys.choice(
      at + "revise", text.revise, {"fields", "any", "never"},
      "When the next revision of a finding is posted, as late events change its row: when other fields than "
      "those of stats functions (count, lastTime, values) change, when any does, or never. A row that is "
      "gone "
      "is posted as withdrawn, but for `never`.");
  keys.texts(at + "throttle.fields", text.throttle.fields,
             "No second finding for the same values of these fields within the period.")
      .required();
  keys.period(at + "throttle.period", text.throttle.period, "How long: `3600s`, `1h`, `1d`.").required();
  keys.text(at + "index", value.index, "Index of the notable.");
  keys.flag(at + "notable", value.notable, "Whether it makes notables.");
  keys.flag(at + "risk", value.risk, "Whether it makes risk events.");
  keys.text(at + "rule_title", value.rule_title, "Title of the notable; `%name%` is the detection's name.");
  keys.text(at + "rule_description", value.rule_description,
            "Description of the notable; `%description%` is the detection's.");
}

void declare_inputs(Keys& keys, Draft& draft) {
  auto& hec = draft.config.hec;
  keys.text("inputs.hec.listen", hec.listen, "Where senders connect.", check_address, "address:port");
  keys.size("inputs.hec.max_body", hec.max_body_bytes, kKiB, kGiB,
            "The largest body of a request, before and after unpacking; a larger one is answered 413.");
  declare_tls_files(
      keys, "inputs.hec.tls.", hec.tls,
      "hecate's certificate (PEM, with those between it and its CA); with it senders connect by TLS, 1.2 "
      "and up, and only so.");
  keys.list<HecToken>("inputs.hec.tokens", hec.tokens, declare_token);
  keys.list<SyslogText>("inputs.syslog", draft.syslog, declare_syslog);
}

void declare_admin(Keys& keys, Draft& draft) {
  auto& admin = draft.config.admin;
  keys.text("admin.listen", admin.listen, "Where the page, /api, /metrics, /healthz and /readyz are served.",
            check_address, "address:port");
  keys.text("admin.token", admin.token,
            "What the page and /api (`Authorization: Bearer <token>`) ask for when the port is open to other "
            "machines, or is reached by another name than localhost or an address.",
            check_token);
}

void declare_detections(Keys& keys, Draft& draft) {
  catalogue::Sources& sources = draft.config.detections;
  keys.paths("detections.paths", sources.detections,
             "Files and folders of detections; those that ship when empty.");
  keys.paths("detections.macros", sources.macros,
             "Files and folders of macros; they replace shipped ones by name.");
  keys.paths("detections.lookups", sources.lookups,
             "Files and folders of lookups: definitions in YAML, and CSV files; later ones replace earlier "
             "ones by name.");
  keys.paths("detections.deployments", sources.deployments,
             "Files and folders of deployments: schedule and actions by type of detection.");
  declare_override(keys, "detections.defaults.", draft.defaults);
  keys.map<OverrideText>("detections.overrides", draft.overrides,
                         [](Keys& below, OverrideText& text) { declare_override(below, "", text); });
}

void declare_outputs(Keys& keys, Draft& draft) {
  outputs::HecEndpoint& endpoint = draft.endpoint;
  keys.one_or_more("outputs.hec.url", draft.urls,
                   "The endpoint of the SIEM, like `https://splunk.example:8088`, or a list of them.",
                   check_url, "URL")
      .required();
  keys.choice("outputs.hec.balance", draft.balance, {"fail_over", "round_robin"},
              "With several: the first that works takes all, or all take their turn.");
  keys.text("outputs.hec.token", endpoint.token,
            "Its token; it must allow the indexes of notables and risk events.", check_token)
      .required();
  keys.text("outputs.hec.index", draft.output_index,
            "Index of notables; `detections.defaults.index` and a detection's own go before it.");
  keys.path("outputs.hec.ca_file", endpoint.ca_file,
            "Certificates to trust (PEM); the system's own when not given.");
  keys.path(
      "outputs.hec.cert_file", endpoint.cert_file,
      "hecate's own certificate (PEM, with those between it and its CA) where the endpoint asks for one.");
  keys.path("outputs.hec.key_file", endpoint.key_file,
            "Its key (PEM, without a password); in `cert_file` when not given. Certificates and key are read "
            "again when they change.");
  keys.flag("outputs.hec.verify", endpoint.verify,
            "Whether the endpoint's certificate and name are checked.");
  keys.number("outputs.hec.batch", draft.output.batch, 1, 10'000, "The most findings in one request.");
  keys.period(
      "outputs.hec.ack_timeout", draft.output.ack_timeout,
      "Where the token has indexer acknowledgement: what is not acknowledged by then is posted again.");
}

void declare_rest(Keys& keys, Draft& draft) {
  Config& config = draft.config;
  keys.text("findings.search_name_prefix", config.findings.search_name_prefix,
            "Before a detection's name in `source` and `search_name`.");
  keys.text("findings.search_name_suffix", config.findings.search_name_suffix, "Behind it.");
  keys.text("findings.host", config.findings.host, "`host` of findings; this machine's name when empty.");
  keys.text("findings.risk_index", config.findings.risk_index, "Index of risk events.");
  keys.number(
      "ingest.workers", draft.workers, 0, 256,
      "Threads that evaluate events; with 0 the network thread does it. Unless it is given, one less than "
      "the CPUs that hecate may use (its CPU affinity, its container's quota), and at most 4.");
  keys.size("ingest.queue_bytes", config.ingest.queue_bytes, kMiB, 1024 * kGiB,
            "Bodies that may wait for an answer; more are answered 503. As much again may be on its way in.");
  keys.flag("ingest.dedup", config.ingest.dedup,
            "Whether an event that is sent again contributes once only. Its name is a hash of host and raw "
            "text; one "
            "row is kept for each event that a search takes. Without it, as in Splunk, a request that is "
            "sent again "
            "because its answer was lost counts again.");
  keys.period("windows.lateness", config.windows.lateness,
              "How late an event may come: until then its window is run again; after it, it is kept aside.");
  keys.period(
      "windows.future_skew", config.windows.future_skew,
      "How far ahead of this machine's clock an event's time may be; one further ahead is kept aside.");
  keys.period("windows.grace", config.windows.grace,
              "How long after a start runs that were missed wait, for senders to send what they kept.");
  keys.size("limits.detection_disk", config.store.scan_budget, kMiB, 1024 * kGiB,
            "What the state of one detection may take on disk; over it, further groups are left out, and the "
            "runs of "
            "their windows are marked incomplete.");
  keys.size("limits.run_memory", config.windows.run_memory, kMiB, 1024 * kGiB,
            "What the end of a search (sort, dedup, eventstats, a second stats) may keep in memory in one "
            "run; over "
            "it, the run goes on with what it has and is marked incomplete.");
  keys.period("sources.steady_after", config.sources.steady_after,
              "A host's channel is steady that has sent for so long without a pause of more than four times "
              "`sources.silent_after`.");
  keys.period("sources.silent_after", config.sources.silent_after,
              "A steady one is reported as silent when it sends nothing for so long, and for three times its "
              "longest pause of late.");
  keys.period("sources.forget_after", config.sources.forget_after,
              "How long one that sends nothing stays in the table.");
  keys.number("sources.most", config.sources.most, 1, 1'000'000,
              "Hosts' channels in the table; events of further ones are counted together.");
  keys.number("sources.series", config.sources.series, 0, 10'000,
              "How many of them, the first that came, have metrics of their own.");
  auto& retention = config.findings.retention;
  keys.period("retention.findings.age", retention.findings_age, "How long findings are kept.");
  keys.number("retention.findings.most", retention.findings_most, 1'000, 1'000'000'000,
              "The most that are kept; the newest stay.");
  keys.period("retention.parked.age", retention.parked_age,
              "How long envelopes that the endpoint refused by themselves are kept.");
  keys.number("retention.parked.most", retention.parked_most, 100, 1'000'000'000, "The most that are kept.");
  keys.period("retention.aside.age", config.windows.aside_age,
              "How long events are kept that came too late or from the future.");
  keys.number("retention.aside.most", config.windows.aside_most, 100, 1'000'000'000,
              "The most that are kept.");
  keys.path("state.path", config.state_path, "The folder of the embedded database; hecate's own.");
  keys.choice("log.level", config.log_level, {"debug", "info", "warn", "error"}, "What is logged.");
}

void declare(Keys& keys, Draft& draft) {
  declare_inputs(keys, draft);
  declare_admin(keys, draft);
  declare_detections(keys, draft);
  declare_outputs(keys, draft);
  declare_rest(keys, draft);
}

catalogue::Override to_override(OverrideText text) {
  catalogue::Override value = std::move(text.value);
  if (text.throttle.period > 0) value.throttle = std::move(text.throttle);
  if (text.emit == "schedule") value.emit = catalogue::Emit::schedule;
  if (text.emit == "first_match") value.emit = catalogue::Emit::first_match;
  if (text.revise == "fields") value.revise = catalogue::Revise::fields;
  if (text.revise == "any") value.revise = catalogue::Revise::any;
  if (text.revise == "never") value.revise = catalogue::Revise::never;
  return value;
}

// What no single key can tell.
void check_together(const Draft& draft, const Keys& keys, ConfigErrors& errors) {
  std::set<std::string> names;
  std::set<std::string> secrets;
  const TlsFiles& tls = draft.config.hec.tls;
  if (tls.cert_file.empty() && !(tls.key_file + tls.client_ca_file).empty())
    errors.add(std::max(keys.line("inputs.hec.tls.key_file"), keys.line("inputs.hec.tls.client_ca_file")),
               "inputs.hec.tls: TLS needs a certificate; give `cert_file`");
  for (const HecToken& token : draft.config.hec.tokens) {
    int line = keys.line("inputs.hec.tokens");
    if (!token.index.empty() && !token.indexes.empty() &&
        std::ranges::find(token.indexes, token.index) == token.indexes.end()) {
      errors.add(line,
                 fmt::format("inputs.hec.tokens: `index` of `{}` ({}) is none of its `indexes`; add it there",
                             token.name, token.index));
    }
    if (!token.name.empty() && !names.insert(token.name).second) {
      errors.add(line, fmt::format("inputs.hec.tokens: two tokens are named `{}`; name each differently",
                                   token.name));
    }
    if (!token.token.empty() && !secrets.insert(token.token).second) {
      errors.add(line, fmt::format("inputs.hec.tokens: the token of `{}` is another's too; give each its own",
                                   token.name));
    }
  }
  if (draft.config.hec.max_body_bytes > draft.config.ingest.queue_bytes) {
    int line = std::max(keys.line("inputs.hec.max_body"), keys.line("ingest.queue_bytes"));
    errors.add(
        line,
        fmt::format("inputs.hec.max_body ({}) is more than ingest.queue_bytes ({}): such a request would "
                    "never be taken; raise the second or lower the first",
                    format_size(draft.config.hec.max_body_bytes),
                    format_size(draft.config.ingest.queue_bytes)));
  }
}

outputs::OutboxOptions to_output(Draft& draft) {
  outputs::OutboxOptions output = std::move(draft.output);
  for (std::string& url : draft.urls) {
    output.endpoints.push_back(draft.endpoint);
    output.endpoints.back().url = std::move(url);
  }
  if (draft.balance == "round_robin") output.balance = outputs::Balance::round_robin;
  return output;
}

Config finish(Draft draft, bool has_output) {
  Config config = std::move(draft.config);
  if (draft.workers) config.ingest.workers = *draft.workers;
  config.detections.defaults = to_override(std::move(draft.defaults));
  for (auto& [name, text] : draft.overrides) config.detections.overrides[name] = to_override(std::move(text));
  config.findings.deliver = has_output;
  if (has_output) {
    if (!config.detections.defaults.index) config.detections.defaults.index = draft.output_index;
    config.output = to_output(draft);
  }
  return config;
}

// One part of the reference page: all keys that begin with `prefix`.
struct Section {
  std::string_view prefix;
  std::string_view title;
  std::string_view text;
  bool reload;  // whether SIGHUP applies it; all else needs a restart
};
constexpr std::array kSections = {
    Section{"inputs.hec.", "inputs.hec: events in",
            "Splunk's HTTP Event Collector protocol ([hec.md](hec.md)).", false},
    Section{"inputs.syslog[].", "inputs.syslog: events in over syslog",
            "A list ([syslog.md](syslog.md)). The first of `rules` that fits an event gives its source and "
            "sourcetype; behind them stands `{program: sysmon, source: \"Syslog:Linux-Sysmon/Operational\", "
            "sourcetype: \"sysmon:linux\"}`.",
            false},
    Section{"admin.", "admin: metrics, health, findings", "", false},
    Section{"detections.defaults.", "detections.defaults and detections.overrides",
            "`detections.defaults` holds for all detections; `detections.overrides` is a map from a "
            "detection's name to "
            "the same keys, and goes before it. What neither says is as the detection's file and its "
            "deployment say.",
            true},
    Section{"detections.", "detections: what runs", "", true},
    Section{
        "outputs.hec.", "outputs.hec: findings out",
        "Optional. Without it findings are stored, listed by `GET /api/findings` on the admin port, and "
        "printed. How they are delivered: [findings.md](findings.md#delivery). A proxy is taken from the "
        "environment: `https_proxy` or `HTTPS_PROXY`, `http_proxy` (`http://user:password@host:port`), and "
        "`no_proxy` or `NO_PROXY`.",
        false},
    Section{"findings.", "findings: what they look like", "", false},
    Section{"ingest.", "ingest: the way of an event", "", false},
    Section{"windows.", "windows: late events and missed runs", "", false},
    Section{"limits.", "limits: one noisy detection never stops the others", "", false},
    Section{"sources.", "sources: who sends, and who stopped",
            "[operations.md](operations.md#what-is-not-flowing) describes it.", false},
    Section{"retention.", "retention: what is kept, and for how long",
            "Findings and throttling are kept for as long as a window may be run again or a throttle holds, "
            "whatever "
            "stands here.",
            false},
    Section{"state.", "state: what is kept on disk", "", false},
    Section{"log.", "log", "", false},
};

constexpr std::string_view kIntroduction = R"(# Configuration

*Made from the declarations in `daemon/config.cpp`; change it there.*

`hecate serve --config FILE` reads one YAML file. Every key may be left out, but for those marked required. In any
value `${NAME}` is replaced by that environment variable; an unset one is an error, and `$$` is a plain `$`. Relative
paths are relative to the file's folder. An unknown key is an error that names its line and the nearest key.

Sizes are written `64MiB` (1024), `64MB` (1000) or as a number of bytes; periods `3600s`, `90m`, `1h`, `1d` or as a
number of seconds. SIGHUP applies the sections marked so; the others need a restart, and the log names the keys.

`hecate check --config FILE` says without starting what is wrong with the file or with the certificates and keys that it
names, and of each detection: its schedule, `emit` and whether `first_match` is possible, its actions, and why it is off
(status, file, override) or skipped (a Baseline). `hecate check PATH…` does so for detections alone.

## Example

```yaml
)";

constexpr std::string_view kExample = R"(inputs:
  hec:
    listen: 0.0.0.0:8088
    max_body: 64MiB
    tokens:
      - {name: workstations, token: "${HECATE_TOKEN}", index: windows}
  syslog:
    - {protocol: tcp, listen: "0.0.0.0:6514"}
    - {protocol: udp, listen: "0.0.0.0:514", max_message: 64KiB}
admin:
  listen: 127.0.0.1:9464
detections:
  paths: [detections]
  macros: [macros]
  lookups: [lookups]
  defaults:
    cron: "0 * * * *"
  overrides:
    Windows MsMpEng Writing to System32:
      emit: first_match
      risk: true
      throttle: {fields: [dest], period: 1h}
outputs:
  hec:
    url: https://splunk.example:8088
    token: "${SPLUNK_TOKEN}"
    index: notable
state:
  path: /var/lib/hecate
)";

std::string table_row(const KeyInfo& info) {
  std::string value = info.shown_default.empty() ? "" : fmt::format("`{}`", info.shown_default);
  if (info.required) value = "required";
  return fmt::format("| `{}` | {} | {} | {} |\n", info.path, info.kind, value, info.help);
}

const Section* section_of(const KeyInfo& info) {
  return std::ranges::find_if(kSections,
                              [&](const Section& each) { return info.path.starts_with(each.prefix); });
}

}  // namespace

Result<Config> parse_config(const std::string& yaml, const std::string& file) {
  ConfigErrors errors(file);
  Draft draft;
  std::filesystem::path folder = std::filesystem::path(file).parent_path();
  Keys keys(folder.string());
  declare(keys, draft);
  try {
    YAML::Node node = YAML::Load(yaml);
    keys.read(node, "", errors);
    draft.config.given = given_keys(node);
  } catch (const YAML::Exception& e) {
    return fail(fmt::format("{}:{}:{}: not valid YAML: {}; the mistake is often in the line above", file,
                            e.mark.line + 1, e.mark.column + 1, e.msg));
  }
  check_together(draft, keys, errors);
  draft.config.syslog = finish_syslog(std::move(draft.syslog), keys.line("inputs.syslog"),
                                      draft.config.ingest.queue_bytes, errors);
  if (!errors.empty()) return fail(errors.text());
  return finish(std::move(draft), keys.given("outputs.hec"));
}

Result<Config> load_config(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  // A folder opens and then reads nothing: defaults must not come of that.
  std::error_code unknown;
  if (!std::filesystem::is_directory(file, unknown)) text << in.rdbuf();
  if (!in || std::filesystem::is_directory(file, unknown))
    return fail(
        fmt::format("{}: the configuration cannot be read; is it there, and may hecate read it?", file));
  return parse_config(text.str(), file);
}

std::string config_reference() {
  Draft draft;
  Keys keys("");
  declare(keys, draft);
  std::string page(kIntroduction);
  page += kExample;
  page += "```\n";
  for (const Section& section : kSections) {
    page += fmt::format("\n## {}\n\n", section.title);
    if (!section.text.empty()) page += fmt::format("{}\n\n", section.text);
    if (section.reload) page += "SIGHUP applies changes.\n\n";
    page += "| key | value | default | meaning |\n|---|---|---|---|\n";
    for (const KeyInfo& info : keys.infos()) {
      if (section_of(info) == &section) page += table_row(info);
    }
  }
  return page;
}

}  // namespace hecate::daemon
