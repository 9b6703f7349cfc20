#include "tests/e2e/process.h"

#include <csignal>
#include <fstream>
#include <regex>
#include <sstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hecate::testing {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Until end of file or an error.
std::string read_all(int socket) {
  std::string all;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::recv(socket, buffer, sizeof buffer, 0)) > 0)
    all.append(buffer, static_cast<std::size_t>(got));
  return all;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments,
                 const std::map<std::string, std::string>& environment) {
  std::vector<std::string> words = arguments;
  std::string out = folder_ / "out";
  std::string err = folder_ / "err";
  pid_ = ::fork();
  if (pid_ != 0) return;
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  ::dup2(::open(out.c_str(), O_CREAT | O_WRONLY, 0600), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_CREAT | O_WRONLY, 0600), STDERR_FILENO);
  ::execvp(words[0].c_str(), pointers(words).data());
  ::_exit(127);
}

Process::~Process() {
  if (!running()) return;
  signal(SIGKILL);
  (void)wait();
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool Process::running() {
  if (pid_ <= 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
  return false;
}

int Process::wait(std::chrono::milliseconds bound) {
  return eventually([this] { return !running(); }, bound) ? exit_code_ : -1;
}

Finished run(const std::vector<std::string>& arguments, const std::string& input) {
  TemporaryFolder folder;
  folder.write("in", input);
  std::vector<std::string> words{"sh", "-c", "exec \"$0\" \"$@\" < '" + (folder / "in") + "'"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  Process process(words);
  int code = process.wait(std::chrono::minutes(4));
  return {code, process.output(), process.errors()};
}

std::string hecate_binary() {
  return HECATE_BINARY;
}

Serving::Serving(const std::string& yaml) {
  configure(yaml);
  start();
}

void Serving::configure(const std::string& yaml) {
  folder_.write("hecate.yaml", std::regex_replace(yaml, std::regex("@STATE@"), folder_ / "state"));
}

void Serving::start() {
  process_ = std::make_unique<Process>(
      std::vector<std::string>{hecate_binary(), "serve", "--config", folder_ / "hecate.yaml"});
  std::smatch ports;
  std::string log;
  bool ready = eventually([&] {
    log = process_->errors();
    return std::regex_search(log, ports, std::regex("HEC on port (\\d+), admin on port (\\d+)")) ||
           !process_->running();
  });
  ASSERT_TRUE(ready && !ports.empty()) << "hecate did not become ready:\n" << log;
  hec_port_ = std::stoi(ports[1]);
  admin_port_ = std::stoi(ports[2]);
}

void Serving::stop() {
  process_->signal(SIGTERM);
  EXPECT_EQ(process_->wait(), 0) << process_->errors();
}

void Serving::kill() {
  process_->signal(SIGKILL);
  EXPECT_EQ(process_->wait(), 128 + SIGKILL) << process_->errors();
}

void Serving::restart() {
  start();
}

double Serving::metric(const std::string& name_and_labels) const {
  std::istringstream lines(http(admin_port_, "GET", "/metrics").body);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name_and_labels + " ")) return std::stod(line.substr(name_and_labels.size() + 1));
  return 0;
}

HttpReply http(int port, const std::string& method, const std::string& target,
               const std::map<std::string, std::string>& headers, const std::string& body) {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket);
    return {};
  }
  std::string request =
      fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n", method, target);
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  if (method != "GET") request += fmt::format("Content-Length: {}\r\n", body.size());
  request += "\r\n" + body;
  for (std::size_t sent = 0; sent < request.size();) {
    ssize_t n = ::send(socket, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  std::string reply = read_all(socket);
  ::close(socket);
  HttpReply parsed;
  if (reply.size() > 12) parsed.status = std::atoi(reply.c_str() + 9);
  if (std::size_t end = reply.find("\r\n\r\n"); end != std::string::npos) parsed.body = reply.substr(end + 4);
  return parsed;
}

}  // namespace hecate::testing
