#pragma once

#include "daemon/address.h"

#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

namespace hecate::daemon {

// Opens `acceptor`, or a datagram `socket`, on `listen` (see parse_address) and gives where it listens. The
// error names the configuration key `key`. For the sources of listeners only: it brings Asio with it.
template <typename Protocol, typename Socket>
[[nodiscard]] Result<typename Protocol::endpoint> bind_port(Socket& socket, const std::string& listen,
                                                            const std::string& key) {
  auto address = parse_address(listen);
  if (!address) return fail(key + ": " + address.error().message);
  using Resolver = typename Protocol::resolver;
  boost::system::error_code error;
  auto found = Resolver(socket.get_executor())
                   .resolve(address->host, std::to_string(address->port),
                            Resolver::passive | Resolver::numeric_service, error);
  typename Protocol::endpoint bound;
  if (!error) {
    typename Protocol::endpoint endpoint = found.begin()->endpoint();
    socket.open(endpoint.protocol(), error);
    constexpr bool kStream = requires {
      socket.listen();
    };
    if constexpr (kStream) {
      if (!error) socket.set_option(boost::asio::socket_base::reuse_address(true), error);
    }
    if (!error) socket.bind(endpoint, error);
    if constexpr (kStream) {
      if (!error) socket.listen(boost::asio::socket_base::max_listen_connections, error);
    }
  }
  if (!error) bound = socket.local_endpoint(error);
  if (!error) return bound;
  return fail(fmt::format(
      "cannot listen on {}: {}; another program may have the port, or {} names an address that this "
      "machine does not have",
      listen, error.message(), key));
}

template <typename Acceptor>
[[nodiscard]] Result<boost::asio::ip::tcp::endpoint> open_port(Acceptor& acceptor, const std::string& listen,
                                                               const std::string& key) {
  return bind_port<boost::asio::ip::tcp>(acceptor, listen, key);
}

}  // namespace hecate::daemon
