#pragma once

// The events that the benchmarks take: those of a file, one a line, or made ones, which are the same
// everywhere.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace bench {

inline constexpr std::size_t kPadding = 64;
inline constexpr std::size_t kMostEvents = 1'000;

// Texts with room for simdjson behind each.
struct Texts {
  std::vector<std::string> padded;
  std::size_t bytes = 0;

  void add(std::string text) {
    bytes += text.size();
    padded.push_back(std::move(text) + std::string(kPadding, ' '));
  }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    return std::string_view(padded[i]).substr(0, padded[i].size() - kPadding);
  }
  [[nodiscard]] std::size_t size() const { return padded.size(); }
};

// Like NXLog's, 2 KB each; one in 250 is the shipped detection's.
inline std::string make_event(std::size_t i) {
  bool planted = i % 250 == 125;
  std::string image = planted
                          ? R"(C:\\ProgramData\\Microsoft\\Windows Defender\\MsMpEng.exe)"
                          : fmt::format(R"(C:\\Program Files\\Vendor {}\\bin\\agent-{}.exe)", i % 37, i % 11);
  std::string filler;
  for (std::size_t field = 0; field < 22; ++field)
    filler += fmt::format(R"(,"Field{}":"{:032x} C:\\Users\\user{}\\AppData")", field, i * 2654435761 + field,
                          i % 97);
  return fmt::format(
      R"({{"EventTime":"2026-04-27 13:21:{:02}","Hostname":"ws-{}.corp.example","EventID":{},"SourceName":)"
      R"("Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational","RecordNumber":{},"UtcTime":)"
      R"("2026-04-27 13:21:39.250","ProcessGuid":"{{2b1f0a6e-4c1d-69e1-{:04x}-000000000900}}","ProcessId":"{}",)"
      R"("Image":"{}","TargetFilename":"C:\\Windows\\System32\\drivers\\x{}.sys","User":"NT AUTHORITY\\SYSTEM")"
      R"({}}})",
      i % 60, i % 50, planted ? 11 : i % 25 + 1, 4711 + i, i % 65536, i % 9000, image, i, filler);
}

// The same as Splunk's forwarder renders it.
inline std::string make_xml_event(std::size_t i) {
  bool planted = i % 250 == 125;
  std::string image = planted ? R"(C:\ProgramData\Microsoft\Windows Defender\MsMpEng.exe)"
                              : fmt::format(R"(C:\Program Files\Vendor {}\bin\agent-{}.exe)", i % 37, i % 11);
  std::string filler;
  for (std::size_t field = 0; field < 16; ++field)
    filler += fmt::format(R"(<Data Name='Field{}'>{:032x} C:\Users\user{}\AppData</Data>)", field,
                          i * 2654435761 + field, i % 97);
  return fmt::format(
      R"(<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider )"
      R"(Name='Microsoft-Windows-Sysmon' Guid='{{5770385F-C22A-43E0-BF4C-06F5698FFBD9}}'/><EventID>{}</EventID>)"
      R"(<Version>2</Version><Level>4</Level><Task>11</Task><TimeCreated SystemTime='2026-04-27T13:21:39.250Z'/>)"
      R"(<EventRecordID>{}</EventRecordID><Channel>Microsoft-Windows-Sysmon/Operational</Channel>)"
      R"(<Computer>ws-{}.corp.example</Computer><Security UserID='S-1-5-18'/></System><EventData>)"
      R"(<Data Name='UtcTime'>2026-04-27 13:21:39.250</Data><Data Name='Image'>{}</Data>)"
      R"(<Data Name='TargetFilename'>C:\Windows\System32\drivers\x{}.sys</Data>{}</EventData></Event>)",
      planted ? 11 : i % 25 + 1, 4711 + i, i % 50, image, i, filler);
}

inline Texts read_events(const char* file) {
  Texts events;
  if (file == nullptr) {
    for (std::size_t i = 0; i < kMostEvents; ++i) events.add(make_event(i));
    return events;
  }
  std::ifstream in(file);
  for (std::string line; events.size() < kMostEvents && std::getline(in, line);)
    if (!line.empty()) events.add(std::move(line));
  return events;
}

}  // namespace bench
