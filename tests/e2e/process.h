#pragma once

#include "tests/support/testing.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace hecate::testing {

// A program started by a test, with what it prints kept in files. It is killed, by its id, when the test
// ends.
class Process {
 public:
  Process(const std::vector<std::string>& arguments,
          const std::map<std::string, std::string>& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t id() const { return pid_; }
  void signal(int number) const;
  // The exit code; -1 when it did not end within the bound, 128 + n when signal n ended it.
  [[nodiscard]] int wait(std::chrono::milliseconds bound = std::chrono::seconds(60));
  [[nodiscard]] bool running();
  [[nodiscard]] std::string output() const { return read_file(folder_ / "out"); }
  [[nodiscard]] std::string errors() const { return read_file(folder_ / "err"); }

 private:
  TemporaryFolder folder_;
  pid_t pid_ = -1;
  int exit_code_ = -1;
};

// Runs a program to its end.
struct Finished {
  int exit_code;
  std::string output, errors;
};
[[nodiscard]] Finished run(const std::vector<std::string>& arguments, const std::string& input = "");

// The binary under test.
[[nodiscard]] std::string hecate_binary();

// `hecate serve` with a configuration of the test's, ready to be talked to. `@STATE@` in the YAML is a folder
// of its own; ports of 0 are the system's choice and read from the log.
class Serving {
 public:
  explicit Serving(const std::string& yaml);
  [[nodiscard]] int hec_port() const { return hec_port_; }
  [[nodiscard]] int admin_port() const { return admin_port_; }
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] const Process& process() const { return *process_; }
  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }
  void configure(const std::string& yaml);  // from the next start on
  void stop();                              // SIGTERM, and waits
  void kill();                              // SIGKILL, and waits
  void restart();                           // starts again on the same state
  // The value of a metric with exactly this name and labels as /metrics prints them; 0 when it is not there.
  [[nodiscard]] double metric(const std::string& name_and_labels) const;

 private:
  void start();

  TemporaryFolder folder_;
  std::unique_ptr<Process> process_;
  int hec_port_ = 0;
  int admin_port_ = 0;
};

struct HttpReply {
  int status = 0;
  std::string body;
};
// One request on a connection of its own to 127.0.0.1.
[[nodiscard]] HttpReply http(int port, const std::string& method, const std::string& target,
                             const std::map<std::string, std::string>& headers = {},
                             const std::string& body = "");

}  // namespace hecate::testing
