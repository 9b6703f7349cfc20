// Load for bench/run.sh: a file of events, one a line, each in an RFC 5424 message of its own, from one
// thread. Uses nothing but the system, so that one compiler call builds it.
//   syslog_sender tcp|udp FILE PORT [--passes N] [--rate MESSAGES/S] [--connections N]
// tcp: octet-counted (RFC 6587). The file is sent so many times. Prints how many messages were sent, and in
// how many seconds.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBatch = 64;

struct Options {
  bool udp = false;
  std::string file;
  int port = 0;
  std::size_t passes = 1;
  double rate = 0;  // 0: as fast as it goes
  int connections = 8;
};

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "syslog_sender: %s\n", what.c_str());
  std::exit(1);
}

Options read_options(int argc, char** argv) {
  if (argc < 4) die("tcp|udp FILE PORT [--passes N] [--rate N] [--connections N]");
  Options options;
  options.udp = std::strcmp(argv[1], "udp") == 0;
  options.file = argv[2];
  options.port = std::atoi(argv[3]);
  for (int i = 4; i + 1 < argc; i += 2) {
    std::string name = argv[i];
    double value = std::atof(argv[i + 1]);
    if (name == "--passes")
      options.passes = static_cast<std::size_t>(value);
    else if (name == "--rate")
      options.rate = value;
    else if (name == "--connections")
      options.connections = static_cast<int>(value);
    else
      die("there is no option " + name);
  }
  return options;
}

std::vector<std::string> read_messages(const std::string& file) {
  std::vector<std::string> messages;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    messages.push_back("<134>1 2026-04-27T13:21:39.250Z ws-" + std::to_string(messages.size() % 50) +
                       ".corp.example sysmon 1234 - - " + line);
  }
  if (messages.empty()) die(file + " holds no events");
  return messages;
}

std::vector<int> connect(const Options& options) {
  std::vector<int> sockets;
  for (int i = 0; i < (options.udp ? 1 : options.connections); ++i) {
    int socket = ::socket(AF_INET, options.udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      die(std::string("cannot connect: ") + std::strerror(errno));
    sockets.push_back(socket);
  }
  return sockets;
}

void send_stream(int socket, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    ssize_t sent = ::send(socket, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) die(std::string("cannot send: ") + std::strerror(errno));
    at += static_cast<std::size_t>(sent);
  }
}

void send_datagrams(int socket, const std::vector<std::string>& messages, std::size_t first,
                    std::size_t count) {
  iovec parts[kBatch];
  mmsghdr headers[kBatch]{};
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& message = messages[first + i];
    parts[i] = {const_cast<char*>(message.data()), message.size()};
    headers[i].msg_hdr.msg_iov = &parts[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  for (std::size_t at = 0; at < count;) {
    int sent = ::sendmmsg(socket, headers + at, static_cast<unsigned>(count - at), 0);
    if (sent <= 0) die(std::string("cannot send: ") + std::strerror(errno));
    at += static_cast<std::size_t>(sent);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options = read_options(argc, argv);
  std::vector<std::string> messages = read_messages(options.file);
  std::vector<int> sockets = connect(options);
  // Made before the clock runs, so that sending is all that is done.
  std::vector<std::string> pieces;
  if (!options.udp) {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (i % kBatch == 0) pieces.emplace_back();
      pieces.back() += std::to_string(messages[i].size()) + " " + messages[i];
    }
  }
  std::size_t batches = (messages.size() + kBatch - 1) / kBatch;
  unsigned long long sent = 0;
  auto begin = Clock::now();
  auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  for (std::size_t turn = 0; turn < batches * options.passes; ++turn) {
    std::size_t batch = turn % batches;
    if (options.rate > 0) {
      double ahead = static_cast<double>(sent) / options.rate - elapsed();
      if (ahead > 0.001) std::this_thread::sleep_for(std::chrono::duration<double>(ahead));
    }
    std::size_t first = batch * kBatch;
    std::size_t count = std::min(kBatch, messages.size() - first);
    if (options.udp)
      send_datagrams(sockets[0], messages, first, count);
    else
      send_stream(sockets[batch % sockets.size()], pieces[batch]);
    sent += count;
  }
  double seconds = elapsed();
  for (int socket : sockets) ::close(socket);
  std::printf("%llu %.3f\n", sent, seconds);
}
