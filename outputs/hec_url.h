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
};

// Refuses other schemes, a missing host, a port that is none, and names or passwords inside the URL.
[[nodiscard]] Result<HecUrl> parse_hec_url(std::string_view url);

}  // namespace hecate::outputs
