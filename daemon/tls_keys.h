#pragma once

#include "daemon/config_keys.h"
#include "daemon/tls_server.h"

#include <string>

namespace hecate::daemon {

// The keys of a listener's certificate, the same wherever one stands. `before`: what they are called with in
// front
// (`inputs.hec.tls.`); `certificate`: what to say of the first.
void declare_tls_files(Keys& keys, const std::string& before, TlsFiles& files, std::string certificate);

}  // namespace hecate::daemon
