#include "tests/e2e/shippers.h"

#include <charconv>
#include <chrono>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hecate::testing {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMostEvents = 4;  // a request

// What does not match, so that requests without a contribution are among them.
constexpr std::string_view kUnmatched =
    R"({"event":{"EventID":1,"SourceName":"Microsoft-Windows-Sysmon","Image":"C:\\Windows\\notepad.exe"}})";

std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  std::size_t at = head.find(kName);
  std::size_t length = 0;
  if (at != std::string_view::npos)
    std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
  return length;
}

}  // namespace

HecConnection::Answer HecConnection::post(int port, const std::string& token, const std::string& body) {
  if (socket_ < 0 && !open(port)) return {Outcome::not_sent};
  std::string request = fmt::format(
      "POST /services/collector/event HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Splunk {}\r\n"
      "Content-Length: {}\r\n\r\n{}",
      token, body.size(), body);
  for (std::size_t sent = 0; sent < request.size();) {
    ssize_t n = ::send(socket_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) {
      close();
      return {sent == 0 ? Outcome::not_sent : Outcome::no_answer};
    }
    sent += static_cast<std::size_t>(n);
  }
  Answer answer = read_answer();
  if (answer.outcome != Outcome::answered) close();
  return answer;
}

bool HecConnection::open(int port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  (void)::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
  close();
  return false;
}

void HecConnection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

HecConnection::Answer HecConnection::read_answer() {
  std::string text;
  char buffer[4096];
  while (true) {
    std::size_t head = text.find("\r\n\r\n");
    if (head != std::string::npos && text.size() >= head + 4 + content_length(text.substr(0, head))) {
      bool closes = text.substr(0, head).find("\r\nConnection: close") != std::string::npos;
      if (closes) close();
      return {Outcome::answered, std::atoi(text.c_str() + 9), text.substr(head + 4)};
    }
    ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) return {text.empty() ? Outcome::no_answer : Outcome::torn};
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

Shippers::Shippers(int connections, std::string token, MakeEvent make_event)
    : token_(std::move(token)),
      make_event_(std::move(make_event)),
      at_work_(static_cast<std::size_t>(connections)) {
  for (int i = 0; i < connections; ++i) threads_.emplace_back([this, i] { ship(static_cast<unsigned>(i)); });
}

Shippers::~Shippers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Shippers::send_to(int port) {
  std::lock_guard lock(mutex_);
  port_ = port;
  ++generation_;
  changed_.notify_all();
}

bool Shippers::wait_for_answers(std::size_t requests) {
  std::unique_lock lock(mutex_);
  std::size_t wanted = answers_ + requests;
  return changed_.wait_for(lock, kPatience, [&] { return answers_ >= wanted; });
}

bool Shippers::settle() {
  std::unique_lock lock(mutex_);
  settling_ = true;
  changed_.notify_all();
  return changed_.wait_for(lock, kPatience, [&] { return at_work_ == 0; });
}

std::vector<TimesSent> Shippers::times_sent() const {
  std::lock_guard lock(mutex_);
  return times_sent_;
}

std::map<std::string, int> Shippers::refusals() const {
  std::lock_guard lock(mutex_);
  return refusals_;
}

void Shippers::ship(unsigned seed) {
  std::mt19937 random(seed);
  HecConnection connection;
  std::size_t generation = 0;
  int port = wait_for_port(generation);
  for (Request request = next_request(random); port != 0 && !request.body.empty();) {
    HecConnection::Answer answer = connection.post(port, token_, request.body);
    if (record(request, answer)) {
      request = next_request(random);
      continue;
    }
    connection.close();
    port = wait_for_port(generation);
  }
  std::lock_guard lock(mutex_);
  --at_work_;
  changed_.notify_all();
}

Shippers::Request Shippers::next_request(std::mt19937& random) {
  Request request;
  if (random() % 4 == 0) request.body = kUnmatched;
  std::size_t events = request.body.empty() ? 1 + random() % kMostEvents : random() % kMostEvents;
  {
    std::lock_guard lock(mutex_);
    if (settling_ || stopping_) return {};
    for (std::size_t i = 0; i < events; ++i) request.events.push_back(times_sent_.size() + i);
    times_sent_.resize(times_sent_.size() + events);
  }
  for (std::size_t event : request.events) request.body += make_event_(event);
  return request;
}

int Shippers::wait_for_port(std::size_t& generation) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopping_ || generation_ > generation; });
  generation = generation_;
  return stopping_ ? 0 : port_;
}

bool Shippers::record(const Request& request, const HecConnection::Answer& answer) {
  using Outcome = HecConnection::Outcome;
  std::lock_guard lock(mutex_);
  bool accepted = answer.outcome == Outcome::answered && answer.status == 200;
  bool unknown = answer.outcome == Outcome::no_answer || answer.outcome == Outcome::torn;
  for (std::size_t event : request.events) {
    if (accepted) ++times_sent_[event].answered;
    if (unknown) ++times_sent_[event].unanswered;
  }
  if (answer.outcome == Outcome::torn) ++refusals_["torn"];
  if (answer.outcome == Outcome::answered && !accepted)
    ++refusals_[fmt::format("{} {}", answer.status, answer.body)];
  if (accepted) {
    ++answers_;
    changed_.notify_all();
  }
  return accepted;
}

}  // namespace hecate::testing
