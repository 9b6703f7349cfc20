#pragma once

#include "daemon/address.h"

#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

namespace hecate::daemon {

// Opens `acceptor` on `listen` (see parse_address) and gives where it listens. The error names the
// configuration key `key`. For the sources of listeners only: it brings Asio with it.
template <typename Acceptor>
[[nodiscard]] Result<boost::asio::ip::tcp::endpoint> open_port(Acceptor& acceptor, const std::string& listen,
                                                               const std::string& key) {
  using boost::asio::ip::tcp;
  auto address = parse_address(listen);
  if (!address) return fail(key + ": " + address.error().message);
  boost::system::error_code error;
  auto found = tcp::resolver(acceptor.get_executor())
                   .resolve(address->host, std::to_string(address->port),
                            tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (!error) {
    tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(boost::asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
  }
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  tcp::endpoint bound;
  if (!error) bound = acceptor.local_endpoint(error);
  if (!error) return bound;
  return fail(fmt::format(
      "cannot listen on {}: {}; another program may have the port, or {} names an address that this "
      "machine does not have",
      listen, error.message(), key));
}

}  // namespace hecate::daemon
