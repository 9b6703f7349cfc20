#include "outputs/proxy.h"

#include "pipeline/base/percent.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

namespace hecate::outputs {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

bool is_this_machine(const std::string& host) {
  boost::system::error_code no_address;
  auto address = boost::asio::ip::make_address(host, no_address);
  return no_address ? lower(host) == "localhost" : address.is_loopback();
}

// One entry of no_proxy.
bool matches(std::string_view entry, const HecUrl& url) {
  if (entry == "*") return true;
  std::string host;
  std::string port = url.port;
  bool bare_v6 = std::ranges::count(entry, ':') > 1 && !entry.starts_with('[');
  if (bare_v6)
    host = entry;
  else if (!read_authority(entry, host, port))
    return false;
  if (port != url.port) return false;
  host = lower(host);
  if (host.starts_with("*.")) host.erase(0, 1);
  std::string asked = lower(url.host);
  if (host.starts_with('.')) return asked.ends_with(host) || asked == host.substr(1);
  return asked == host || asked.ends_with("." + host);
}

bool is_excepted(const HecUrl& url, std::string_view list) {
  while (!list.empty()) {
    std::size_t end = std::min(list.find_first_of(", "), list.size());
    if (end > 0 && matches(list.substr(0, end), url)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

std::string basic_authorization(std::string_view user_and_password) {
  std::size_t colon = std::min(user_and_password.find(':'), user_and_password.size());
  std::string_view password = user_and_password.substr(std::min(colon + 1, user_and_password.size()));
  std::string plain = percent_decode(user_and_password.substr(0, colon)) + ":" + percent_decode(password);
  std::vector<unsigned char> encoded((plain.size() + 2) / 3 * 4 + 1);
  EVP_EncodeBlock(encoded.data(), reinterpret_cast<const unsigned char*>(plain.data()),
                  static_cast<int>(plain.size()));
  return fmt::format("Basic {}", reinterpret_cast<const char*>(encoded.data()));
}

Result<Proxy> parse_proxy(std::string_view text, std::string_view variable) {
  std::string_view rest = text;
  std::size_t scheme = rest.find("://");
  if (scheme != std::string_view::npos) {
    if (lower(rest.substr(0, scheme)) != "http") {
      return fail(fmt::format(
          "the environment variable {} names a proxy that is not spoken to with http://; only those can be "
          "used: give it as http://host:port, or take the endpoint out with no_proxy",
          variable));
    }
    rest.remove_prefix(scheme + 3);
  }
  rest = rest.substr(0, rest.find('/'));
  Proxy proxy{.host = "", .port = "80"};
  if (std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    proxy.authorization = basic_authorization(rest.substr(0, at));
    rest.remove_prefix(at + 1);
  }
  if (!read_authority(rest, proxy.host, proxy.port))
    return fail(
        fmt::format("the environment variable {} names no proxy: write it like http://host:3128", variable));
  return proxy;
}

}  // namespace

std::string process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

Result<std::optional<Proxy>> find_proxy(const HecUrl& url, const Environment& environment) {
  if (is_this_machine(url.host)) return std::nullopt;
  auto first_set = [&](std::initializer_list<const char*> names) {
    std::pair<std::string, std::string> set;
    for (const char* name : names) {
      if (set.second.empty()) set = {name, environment(name)};
    }
    return set;
  };
  // HTTP_PROXY in upper case is what a CGI program would get from a request's header `Proxy`.
  auto [variable, value] = url.tls ? first_set({"https_proxy", "HTTPS_PROXY"}) : first_set({"http_proxy"});
  if (value.empty() || is_excepted(url, first_set({"no_proxy", "NO_PROXY"}).second)) return std::nullopt;
  auto proxy = parse_proxy(value, variable);
  if (!proxy) return std::unexpected(proxy.error());
  return std::optional(std::move(*proxy));
}

}  // namespace hecate::outputs
