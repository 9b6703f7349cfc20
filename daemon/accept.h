#pragma once

#include "daemon/network.h"

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <string>

namespace prometheus {
class Counter;
class Registry;
}  // namespace prometheus

// How listeners take connections in. For their own sources only.
namespace hecate::daemon {

// How many connections a listener may have, one of so many that share the process's open files (ulimit -n).
// Some files are left for all else: the database, the admin port, which tells what is wrong, outputs.
[[nodiscard]] std::size_t most_connections(std::size_t listeners);
[[nodiscard]] std::size_t open_file_limit();

// For coroutines without which a listener would go on and take nothing in, without a word: their exceptions
// end the program.
void end_with_its_error(const std::exception_ptr& error);

// Takes the connections of one port in. The network thread's alone.
class ConnectionIntake {
 public:
  // `acceptor` must outlive this. `input` is the listener's name in log and metrics. While `has_room` says
  // no, or the system has no file left, connections wait at the port.
  ConnectionIntake(TcpAcceptor& acceptor, std::string input, std::function<bool()> has_room,
                   std::function<void(TcpSocket)> take, prometheus::Registry& registry);

  // Until the port is closed.
  Awaitable<void> run();
  // Takes those that wait at the port, and closes it.
  void finish();

 private:
  Awaitable<void> pause(const std::string& why);

  TcpAcceptor& acceptor_;
  std::string input_;
  std::function<bool()> has_room_;
  std::function<void(TcpSocket)> take_;
  prometheus::Counter* pauses_;
  std::chrono::steady_clock::time_point warn_at_{};
};

}  // namespace hecate::daemon
