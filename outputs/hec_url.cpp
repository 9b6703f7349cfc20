#include "outputs/hec_url.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace hecate::outputs {
namespace {

bool is_port(std::string_view text) {
  unsigned port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535;
}

}  // namespace

bool read_authority(std::string_view text, std::string& host, std::string& port) {
  std::string_view rest;
  if (text.starts_with('[')) {
    std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    std::size_t end = std::min(text.find(':'), text.size());
    host = text.substr(0, end);
    rest = text.substr(end);
  }
  if (host.empty()) return false;
  if (rest.empty()) return true;
  port = rest.substr(1);
  return rest[0] == ':' && is_port(port);
}

std::string HecUrl::authority() const {
  bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

std::string HecUrl::ack_target() const {
  constexpr std::string_view kCollector = "/services/collector";
  std::size_t at = target.find(kCollector);
  std::string prefix = at == std::string::npos ? "" : target.substr(0, at);
  return fmt::format("{}{}/ack", prefix, kCollector);
}

Result<HecUrl> parse_hec_url(std::string_view text) {
  HecUrl url;
  std::string_view rest = text;
  auto refuse = [&](std::string_view why) {
    return fail(
        fmt::format("`{}` is no URL of a HEC endpoint: {}; write it like https://splunk:8088", text, why));
  };
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return refuse("it must begin with https:// or http://");
  }
  url.port = url.tls ? "443" : "80";
  std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos) {
    // It is not shown: what stands before the @ is a secret.
    return fail(
        "a name or password in the URL of a HEC endpoint is not used; the token goes into a key of "
        "its own: take out what stands before the @");
  }
  if (!read_authority(authority, url.host, url.port)) return refuse("its host or port cannot be read");
  url.target = rest.substr(end);
  if (url.target.empty() || url.target == "/") url.target = "/services/collector/event";
  if (url.target[0] != '/') return refuse("its path must begin with /");
  return url;
}

}  // namespace hecate::outputs
