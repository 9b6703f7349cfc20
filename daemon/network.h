#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

// Asio's sockets and coroutines as the listeners use them. For their own sources only.
namespace hecate::daemon {

// The executor is named, not type-erased: an operation then costs no allocation for it.
using NetworkExecutor = boost::asio::io_context::executor_type;
using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, NetworkExecutor>;
using TcpAcceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, NetworkExecutor>;
using UdpSocket = boost::asio::basic_datagram_socket<boost::asio::ip::udp, NetworkExecutor>;
using NetworkTimer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>, NetworkExecutor>;
template <typename T>
using Awaitable = boost::asio::awaitable<T, NetworkExecutor>;
inline constexpr boost::asio::use_awaitable_t<NetworkExecutor> use_awaitable;

}  // namespace hecate::daemon
