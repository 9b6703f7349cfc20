#pragma once

#include "daemon/config_changes.h"
#include "daemon/cpus.h"
#include "daemon/syslog_config.h"
#include "outputs/findings.h"
#include "outputs/outbox.h"
#include "pipeline/base/error.h"
#include "pipeline/catalogue/catalogue.h"
#include "pipeline/ingest/ingest.h"
#include "pipeline/window/runner.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hecate::daemon {

struct HecToken {
  std::string name;
  std::string token;
  // What events of this token take where they say nothing themselves.
  std::string source, sourcetype, index;
  bool disabled = false;
  bool ack = false;                  // its requests are acknowledged later, by ackId
  bool query_string = false;         // it may stand in the query of a request
  std::vector<std::string> indexes;  // those that its events may name; none: any
};

// The configuration of `hecate serve`, checked and with its defaults filled in. Each key is declared once, in
// config.cpp: name, help, default, bounds; docs/configuration.md is printed from those declarations.
struct Config {
  struct {
    std::string listen = "0.0.0.0:8088";
    std::vector<HecToken> tokens;
    std::size_t max_body_bytes = 64 * 1024 * 1024;
    TlsFiles tls;  // without a cert_file: plain
  } hec;
  std::vector<SyslogInput> syslog;
  struct {
    std::string listen = "127.0.0.1:9464";
    std::string token;
  } admin;
  catalogue::Sources detections;
  ingest::IngestOptions ingest{.workers = default_workers(available_cpus())};
  window::RunnerOptions windows;
  store::StoreOptions store;
  sources::SourceOptions sources;
  // outputs.hec; its index goes into detections.defaults, and findings.deliver is set with it.
  std::optional<outputs::OutboxOptions> output;
  outputs::FindingOptions findings;
  std::string state_path = "/var/lib/hecate";
  std::string log_level = "info";
  GivenKeys given;  // what the file says
};

// Reads a YAML file: `${ENV}` is filled in (unset: an error), an unknown key is an error that names the line
// and the nearest key, a wrong value one that names line, key and what is expected. All errors are told at
// once.
[[nodiscard]] Result<Config> load_config(const std::string& file);
[[nodiscard]] Result<Config> parse_config(const std::string& yaml, const std::string& file);

// docs/configuration.md.
[[nodiscard]] std::string config_reference();

}  // namespace hecate::daemon
