// Load for bench/groups.sh: sends events over HEC on keep-alive connections at a steady rate, and notes how
// long each request took. Each matching event is a group of its own for "Windows MsMpEng Writing to
// System32". Uses nothing but the system, so that one compiler call builds it.
//   groups_sender --port N --token T --events N [--first N] [--begin EPOCH --minutes N] [--matching PERCENT]
//                 [--connections N] [--batch N] [--rate EVENTS/S] [--latencies FILE] [--stop-file FILE]
// --latencies gets a line a request: when it ended (epoch seconds), milliseconds. With --stop-file it ends
// when that file is there, at the latest after --events. Ends with 1 when a request was not answered 200.
#include "hec_client.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using Monotonic = std::chrono::steady_clock;

struct Options {
  int port = 0;
  std::string token;
  std::uint64_t first = 0, events = 0;
  double begin = 0;
  int minutes = 60;
  int matching = 100;
  int connections = 8;
  std::uint64_t batch = 100;
  double rate = 0;
  std::string latencies, stop_file;
};

struct Latency {
  double ended, milliseconds;
};

double epoch_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Texts of the sizes that real ones have; about 420 bytes in the 19 BY fields of the detection.
std::string event(const Options& options, std::uint64_t number) {
  auto seconds = static_cast<std::uint64_t>(options.minutes) * 60;
  double time = options.begin > 0
                    ? options.begin + static_cast<double>(number * 7919 % (seconds * 1000)) / 1000
                    : epoch_now();
  auto whole = static_cast<std::time_t>(time);
  std::tm utc{};
  gmtime_r(&whole, &utc);
  char at[32];
  std::strftime(at, sizeof at, "%F %T", &utc);
  bool matching = static_cast<int>(number % 100) < options.matching;
  auto host = static_cast<unsigned>(number % 4999);
  char text[2048];
  int size = std::snprintf(
      text, sizeof text,
      R"({"time":%.3f,"host":"ws-%05u.emea.corp.example","source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational",)"
      R"("sourcetype":"XmlWinEventLog","event":{"EventID":11,"SourceName":"Microsoft-Windows-Sysmon",)"
      R"("ProviderGuid":"{5770385F-C22A-43E0-BF4C-06F5698FFBD9}","Channel":"Microsoft-Windows-Sysmon/Operational",)"
      R"("Hostname":"ws-%05u.emea.corp.example","RecordNumber":%llu,"UserID":"S-1-5-18","RuleName":"-","UtcTime":"%s.%03d",)"
      R"("ProcessGuid":"{2b1f0a6e-4c1d-69e1-%04x-%012llx}","ProcessId":"%u",)"
      R"("Image":"C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.26030.3011-0\\%s",)"
      R"("User":"NT AUTHORITY\\SYSTEM","TargetFilename":"C:\\Windows\\System32\\drivers\\d%07llu.sys",)"
      R"("CreationUtcTime":"%s.%03d"}})",
      time, host, host, static_cast<unsigned long long>(number), at, static_cast<int>(number % 1000),
      static_cast<unsigned>(number % 65536), static_cast<unsigned long long>(number),
      static_cast<unsigned>(1000 + number % 30000), matching ? "MsMpEng.exe" : "MpCmdRun.exe",
      static_cast<unsigned long long>(number), at, static_cast<int>(number % 1000));
  return {text, static_cast<std::size_t>(size)};
}

struct Sending {
  const Options& options;
  Monotonic::time_point start = Monotonic::now();
  std::atomic<std::uint64_t> next{0}, sent{0};
  std::atomic<int> refused{0};
};

void run_connection(Sending& sending, std::vector<Latency>& latencies) {
  const Options& options = sending.options;
  int connection = bench::connect_to(options.port);
  if (connection < 0) {
    ++sending.refused;
    return;
  }
  while (sending.refused == 0) {
    std::uint64_t at = sending.next.fetch_add(options.batch);
    if (at >= options.events) break;
    std::uint64_t end = std::min(at + options.batch, options.events);
    std::string body;
    for (std::uint64_t i = at; i < end; ++i) body += event(options, options.first + i);
    if (options.rate > 0)
      std::this_thread::sleep_until(
          sending.start + std::chrono::duration_cast<Monotonic::duration>(
                              std::chrono::duration<double>(static_cast<double>(at) / options.rate)));
    if (!options.stop_file.empty() && ::access(options.stop_file.c_str(), F_OK) == 0) break;
    auto before = Monotonic::now();
    int status = bench::post(connection, options.token, body);
    if (status != 200) {
      std::fprintf(stderr, "a request was answered %d (0: not at all)\n", status);
      ++sending.refused;
      break;
    }
    latencies.push_back(
        {epoch_now(), std::chrono::duration<double, std::milli>(Monotonic::now() - before).count()});
    sending.sent += end - at;
  }
  ::close(connection);
}

Options read_options(int count, char** words) {
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < count; i += 2) given[words[i]] = words[i + 1];
  Options options;
  auto number = [&](const char* name, auto& value) {
    if (given.contains(name))
      value = static_cast<std::remove_reference_t<decltype(value)>>(std::stod(given[name]));
  };
  number("--port", options.port);
  number("--first", options.first);
  number("--events", options.events);
  number("--begin", options.begin);
  number("--minutes", options.minutes);
  number("--matching", options.matching);
  number("--connections", options.connections);
  number("--batch", options.batch);
  number("--rate", options.rate);
  options.token = given["--token"];
  options.latencies = given["--latencies"];
  options.stop_file = given["--stop-file"];
  return options;
}

}  // namespace

int main(int count, char** words) {
  Options options = read_options(count, words);
  Sending sending{.options = options};
  std::vector<std::vector<Latency>> noted(static_cast<std::size_t>(options.connections));
  std::vector<std::thread> threads;
  for (auto& latencies : noted)
    threads.emplace_back([&sending, &latencies] { run_connection(sending, latencies); });
  for (std::thread& thread : threads) thread.join();
  double seconds = std::chrono::duration<double>(Monotonic::now() - sending.start).count();

  std::vector<double> all;
  std::FILE* file = options.latencies.empty() ? nullptr : std::fopen(options.latencies.c_str(), "w");
  for (const auto& latencies : noted) {
    for (const Latency& each : latencies) {
      all.push_back(each.milliseconds);
      if (file) std::fprintf(file, "%.3f %.3f\n", each.ended, each.milliseconds);
    }
  }
  if (file) std::fclose(file);
  std::sort(all.begin(), all.end());
  auto quantile = [&](double q) {
    return all.empty() ? 0.0 : all[static_cast<std::size_t>(q * static_cast<double>(all.size() - 1))];
  };
  std::printf(
      "%llu events in %zu requests, %.1f s, %.0f events/s; request p50 %.2f ms, p99 %.2f ms, longest %.1f "
      "ms\n",
      static_cast<unsigned long long>(sending.sent), all.size(), seconds,
      static_cast<double>(sending.sent) / seconds, quantile(0.5), quantile(0.99), quantile(1));
  return sending.refused == 0 ? 0 : 1;
}
