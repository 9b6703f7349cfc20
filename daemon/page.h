#pragma once

#include "daemon/admin_server.h"

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace hecate::daemon {

// A file of daemon/page/, as it was when the binary was built.
struct PageFile {
  std::string_view path;  // `app.js`
  std::string_view text;
};
[[nodiscard]] std::span<const PageFile> page_files();

// The page on the admin port: index.html under /, the others under /page/. They hold nothing of what hecate
// knows, so they ask for no token; what they show they ask /api for. Their content security policy lets them
// load and ask nothing but this port, and write no markup.
[[nodiscard]] std::map<std::string, AdminServer::Handler> page_routes();

}  // namespace hecate::daemon
