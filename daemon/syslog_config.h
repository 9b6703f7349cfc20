#pragma once

#include "daemon/tls_server.h"
#include "pipeline/base/time.h"
#include "pipeline/syslog/source_rules.h"

#include <cstddef>
#include <string>
#include <vector>

namespace hecate::daemon {

class ConfigErrors;
class Keys;

// One way in by syslog (docs/syslog.md).
struct SyslogInput {
  enum class Protocol { udp, tcp, tls };

  std::string name;  // in metrics
  Protocol protocol = Protocol::udp;
  std::string listen = "0.0.0.0:514";
  std::size_t max_message = 256 * 1024;
  int max_connections = 4096;                     // of tcp and tls
  Time idle = kDay;                               // likewise
  std::size_t receive_buffer = 32 * 1024 * 1024;  // of udp
  TlsFiles tls;
  syslog::EventDefaults events;  // its source empty: protocol and port
};

[[nodiscard]] std::string_view name_of(SyslogInput::Protocol protocol);

// What a file says of an input, before it is one.
struct SyslogText {
  struct Rule {
    syslog::SourceRule rule;
    std::string content = "any";
  };
  SyslogInput input;
  std::string protocol = "udp";
  std::string time_zone = "UTC";
  std::vector<Rule> rules;
};

void declare_syslog(Keys& keys, SyslogText& text);
// `line`: of the list in the file. `queue_bytes`: of ingest.
[[nodiscard]] std::vector<SyslogInput> finish_syslog(std::vector<SyslogText> texts, int line,
                                                     std::size_t queue_bytes, ConfigErrors& errors);

}  // namespace hecate::daemon
