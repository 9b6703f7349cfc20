#pragma once

#include <csignal>

namespace hecate::daemon {

// Ctrl-C and SIGTERM are noted from now on, so that a command can end in order; a second one ends it at once.
// Until it ends, its program has one of these.
class Interruption {
 public:
  Interruption() {
    struct sigaction action {};
    action.sa_handler = [](int signal) { signal_ = signal; };
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    for (int each : {SIGINT, SIGTERM}) ::sigaction(each, &action, nullptr);
  }
  // 0: none came.
  [[nodiscard]] static int signal() { return signal_; }
  // What a program returns that a signal has ended.
  [[nodiscard]] static int exit_code() { return 128 + signal_; }

 private:
  static inline volatile std::sig_atomic_t signal_ = 0;
};

}  // namespace hecate::daemon
