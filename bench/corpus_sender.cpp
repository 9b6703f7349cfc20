// Load for bench/catalogue.sh: a file of events, one a line, sent over HEC so many times. Each pass has GUIDs
// of its own (but for ProviderGuid, which names a product), the same for the same within it, so that groups
// by process grow as they do in life. Each event's time is the present. Uses nothing but the system, so that
// one compiler call builds it.
//   corpus_sender FILE --port N --token T [--passes N] [--first-pass N] [--connections N] [--batch N]
// Prints how many events were sent, and in how many seconds. Ends with 1 when a request was not answered 200.
#include "hec_client.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr std::string_view kForm = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
// Of its digits these four tell the passes apart: the last before the last dash.
constexpr std::size_t kVaried = 20;

bool is_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_guid(std::string_view text) {
  if (text.size() < kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == 'x' ? !is_digit(text[i]) : text[i] != kForm[i]) return false;
  return true;
}

struct Event {
  std::string text;
  std::vector<std::size_t> places;  // of what is varied
};

std::vector<Event> read_events(const char* file) {
  std::vector<Event> events;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    Event event{std::move(line), {}};
    std::string_view text = event.text;
    for (std::size_t at = text.find('{'); at != text.npos; at = text.find('{', at + 1)) {
      constexpr std::string_view kProduct = "ProviderGuid";
      std::size_t begin = at < 24 ? 0 : at - 24;
      if (is_guid(text.substr(at)) && text.substr(begin, at - begin).find(kProduct) == text.npos)
        event.places.push_back(at + kVaried);
    }
    events.push_back(std::move(event));
  }
  return events;
}

struct Sending {
  std::vector<Event>& events;
  int port = 0;
  std::string token;
  std::uint64_t batch = 100, passes = 1, first_pass = 0;
  std::atomic<std::uint64_t> next{0}, sent{0};
  std::atomic<bool> refused{false};
};

// What was in those four digits, moved on by the number of the pass.
void append(const Event& event, std::uint64_t pass, std::string& body) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  char head[64];
  std::snprintf(head, sizeof head, R"({"time":%lld.%03ld,"event":)", static_cast<long long>(now.tv_sec),
                now.tv_nsec / 1000000);
  body += head;
  std::size_t begin = body.size();
  body += event.text;
  for (std::size_t place : event.places) {
    char digits[5] = {};
    std::memcpy(digits, event.text.data() + place, 4);
    auto moved = static_cast<unsigned>(std::strtoul(digits, nullptr, 16) + pass * 7919) & 0xFFFF;
    std::snprintf(digits, sizeof digits, "%04x", moved);
    std::memcpy(body.data() + begin + place, digits, 4);
  }
  body += '}';
}

void run_connection(Sending& sending) {
  int connection = bench::connect_to(sending.port);
  std::uint64_t all = sending.passes * sending.events.size();
  std::string body;
  while (connection >= 0 && !sending.refused) {
    std::uint64_t at = sending.next.fetch_add(sending.batch);
    if (at >= all) break;
    std::uint64_t end = std::min(at + sending.batch, all);
    body.clear();
    for (std::uint64_t i = at; i < end; ++i)
      append(sending.events[i % sending.events.size()], sending.first_pass + i / sending.events.size(), body);
    if (int status = bench::post(connection, sending.token, body); status != 200) {
      std::fprintf(stderr, "a request was answered %d (0: not at all)\n", status);
      sending.refused = true;
    } else {
      sending.sent += end - at;
    }
  }
  if (connection < 0) sending.refused = true;
  ::close(connection);
}

}  // namespace

int main(int count, char** words) {
  std::map<std::string, std::string> given;
  for (int i = 2; i + 1 < count; i += 2) given[words[i]] = words[i + 1];
  auto number = [&](const char* name, std::uint64_t otherwise) {
    return given.contains(name) ? std::stoull(given[name]) : otherwise;
  };
  std::vector<Event> events = count > 1 ? read_events(words[1]) : std::vector<Event>();
  if (events.empty()) {
    std::fprintf(stderr, "corpus_sender FILE --port N --token T …: no events\n");
    return 2;
  }
  Sending sending{.events = events,
                  .port = static_cast<int>(number("--port", 0)),
                  .token = given["--token"],
                  .batch = number("--batch", 100),
                  .passes = number("--passes", 1),
                  .first_pass = number("--first-pass", 0)};
  auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < number("--connections", 8); ++i)
    threads.emplace_back([&sending] { run_connection(sending); });
  for (std::thread& thread : threads) thread.join();
  std::printf("%llu %.3f\n", static_cast<unsigned long long>(sending.sent),
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return sending.refused ? 1 : 0;
}
