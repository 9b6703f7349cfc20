#include "daemon/address.h"

#include <charconv>

#include <fmt/format.h>

namespace hecate::daemon {

Result<Address> parse_address(std::string_view text) {
  auto wrong = [&] {
    return fail(
        fmt::format("`{}` is not an address to listen on; expected address:port, like 0.0.0.0:8088 or "
                    "[::]:8088",
                    text));
  };
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  std::string_view port = text.substr(colon + 1);
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || (!bracketed && host.find(':') != std::string_view::npos)) return wrong();
  Address address{.host = std::string(host)};
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return wrong();
  return address;
}

std::optional<std::string> check_address(const std::string& text) {
  auto address = parse_address(text);
  return address ? std::nullopt : std::optional(address.error().message);
}

}  // namespace hecate::daemon
