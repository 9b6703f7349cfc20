#pragma once

#include "pipeline/base/error.h"

#include <string>
#include <string_view>

namespace hecate::outputs {

// The parts of an http or https URL of a HEC endpoint.
struct HecUrl {
  bool tls = false;
  std::string host;    // without the brackets of an IPv6 address
  std::string port;    // 443 or 80 where the URL names none
  std::string target;  // path and query; /services/collector/event where the URL has no path or `/`

  // For the Host header: `host:port`.
  [[nodiscard]] std::string authority() const;
  // Where acknowledgements are asked for: `…/services/collector/ack`, below the same prefix as `target`.
  [[nodiscard]] std::string ack_target() const;
};

// Cuts `host:port`, `host`, `[v6]:port` or `[v6]` in two; `port` stays as it was where there is none. False
// when it is none of these.
[[nodiscard]] bool read_authority(std::string_view text, std::string& host, std::string& port);

// Refuses other schemes, a missing host, a port that is none, and names or passwords inside the URL.
[[nodiscard]] Result<HecUrl> parse_hec_url(std::string_view url);

}  // namespace hecate::outputs
