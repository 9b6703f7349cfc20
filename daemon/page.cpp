#include "daemon/page.h"

namespace hecate::daemon {
namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

std::string type_of(std::string_view path) {
  if (path.ends_with(".html")) return "text/html; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".svg")) return "image/svg+xml";
  return "text/javascript; charset=utf-8";
}

}  // namespace

std::map<std::string, AdminServer::Handler> page_routes() {
  std::map<std::string, AdminServer::Handler> routes;
  for (const PageFile& file : page_files()) {
    std::string path = file.path == "index.html" ? "/" : "/page/" + std::string(file.path);
    routes[path] = [file](const AdminRequest&) {
      return AdminAnswer{
          200, type_of(file.path), std::string(file.text), {{"Content-Security-Policy", kPolicy}}};
    };
  }
  return routes;
}

}  // namespace hecate::daemon
