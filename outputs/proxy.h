#pragma once

#include "outputs/hec_url.h"
#include "pipeline/base/error.h"

#include <functional>
#include <optional>
#include <string>

namespace hecate::outputs {

// An HTTP proxy on the way to an endpoint.
struct Proxy {
  std::string host;  // without the brackets of an IPv6 address
  std::string port;
  std::string authorization = "";  // for Proxy-Authorization; empty when none is needed. A secret.
};

// The value of an environment variable; empty when it is not set.
using Environment = std::function<std::string(const std::string& name)>;
[[nodiscard]] std::string process_environment(const std::string& name);

// The proxy that the environment names for a URL: https_proxy or HTTPS_PROXY for https, http_proxy (in lower
// case only, as curl has it) for http; `http://user:password@host:port`, where all but the host may be left
// out. None for the hosts of no_proxy or NO_PROXY (`splunk.example`, which stands for what is below it too,
// `.example`, `host:8088`, `*`, with `,` or a blank between), and none for this machine itself (localhost,
// 127.0.0.0/8, ::1). An Error: the variable's value cannot be used; it never holds the password.
[[nodiscard]] Result<std::optional<Proxy>> find_proxy(const HecUrl& url, const Environment& environment);

}  // namespace hecate::outputs
