// `hecate serve` as senders of syslog meet it: the real binary, messages in, findings out.
#include "tests/e2e/linux_events.h"
#include "tests/e2e/process.h"
#include "tests/support/syslog_senders.h"

#include <regex>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace hecate::testing {
namespace {

constexpr std::string_view kConfiguration = R"(
inputs:
  hec: {{listen: "127.0.0.1:0"}}
  syslog:
    - {{protocol: tcp, listen: "127.0.0.1:0"}}
    - {{protocol: udp, listen: "127.0.0.1:0", receive_buffer: 256KiB}}
admin: {{listen: "127.0.0.1:0"}}
detections:
  paths: [{}/detections, {}]
  defaults: {{emit: first_match}}
state: {{path: "@STATE@"}}
)";

std::string windows_event(std::string_view target) {
  std::string utc = utc_now();
  return fmt::format(
      R"({{"EventID":11,"SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational",)"
      R"("Hostname":"ws-1","UtcTime":"{}","CreationUtcTime":"{}","ProcessGuid":"{{2b1f0a6e}}","ProcessId":"7",)"
      R"("User":"NT AUTHORITY\\SYSTEM","UserID":"S-1-5-18","Image":"C:\\Defender\\MsMpEng.exe","TargetFilename":"{}"}})",
      utc, utc, target);
}

class Syslog : public ::testing::Test {
 protected:
  Syslog() {
    folder_.write("linux.yml", std::string(kLinuxDetection));
    hecate_ =
        std::make_unique<Serving>(fmt::format(kConfiguration, HECATE_SOURCE_DIR, folder_ / "linux.yml"));
  }
  int port_of(const std::string& input) {
    std::smatch found;
    std::string log = hecate_->process().errors();
    EXPECT_TRUE(std::regex_search(log, found, std::regex(input + ": \\w+ on port (\\d+)"))) << log;
    return found.empty() ? 0 : std::stoi(found[1]);
  }
  std::string findings() { return http(hecate_->admin_port(), "GET", "/api/findings").body; }
  double count(const std::string& what, const std::string& input) {
    return hecate_->metric(fmt::format("hecate_events_{}_total{{input=\"{}\"}}", what, input));
  }

  TemporaryFolder folder_;
  std::unique_ptr<Serving> hecate_;
};

TEST_F(Syslog, SysmonForLinuxByTcpIsFound) {
  TcpSender sender(port_of("syslog-tcp"));
  ASSERT_TRUE(sender.send(counted("<14>Apr 27 11:59:58 lnx-1 sysmon: " + linux_event("/etc/cron.d/job")) +
                          counted("<14>Apr 27 11:59:58 lnx-1 sysmon: " + linux_event("/tmp/harmless")) +
                          "<86>Apr 27 11:59:58 lnx-1 sshd[7]: Accepted publickey\n"));
  ASSERT_TRUE(eventually([&] { return findings().find("Linux Job Written") != std::string::npos; }))
      << hecate_->process().errors();
  std::string found = findings();
  for (std::string_view part :
       {"\"dest\":\"lnx-1\"", "\"user\":\"root\"", "/etc/cron.d/job", "Syslog:Linux-Sysmon/Operational"})
    EXPECT_NE(found.find(part), std::string::npos) << part << " is not in " << found;
  EXPECT_EQ(found.find("/tmp/harmless"), std::string::npos);
  EXPECT_EQ(count("received", "syslog-tcp"), 3);
  EXPECT_TRUE(eventually([&] { return count("evaluated", "syslog-tcp") == 3; }));
}

TEST_F(Syslog, AWindowsEventInJsonByUdpIsFound) {
  UdpSender sender(port_of("syslog-udp"));
  ASSERT_TRUE(sender.send("<14>1 2026-04-27T11:59:58Z ws-1 Microsoft-Windows-Sysmon 2312 - - " +
                          windows_event("C:\\\\Windows\\\\System32\\\\drivers\\\\planted.sys")));
  ASSERT_TRUE(eventually([&] {
    return findings().find("Windows MsMpEng Writing to System32") != std::string::npos;
  })) << hecate_->process().errors();
  EXPECT_NE(findings().find("planted.sys"), std::string::npos);
  EXPECT_NE(findings().find("XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"), std::string::npos);
}

// As many as a second brings at the rate that docs/syslog.md promises, in one burst: whatever the machine can
// do, each is read, or counted where the system dropped it.
TEST_F(Syslog, EachDatagramOfASecondIsReadOrCounted) {
  constexpr int kSent = 50'000;
  UdpSender sender(port_of("syslog-udp"));
  for (int i = 0; i < kSent; ++i) {
    ASSERT_TRUE(
        sender.send(fmt::format("<14>1 - lnx-1 sysmon {} - - <Event><System><Provider "
                                "Name=\"Linux-Sysmon\"/><EventID>3</EventID></System>"
                                "<EventData><Data Name=\"Image\">/usr/bin/curl</Data></EventData></Event>",
                                i)));
  }
  auto frames = [&] {
    return hecate_->metric("hecate_syslog_frames_total{framing=\"datagram\",input=\"syslog-udp\"}");
  };
  auto dropped = [&](const char* reason) {
    return hecate_->metric(
        fmt::format("hecate_syslog_dropped_total{{input=\"syslog-udp\",reason=\"{}\"}}", reason));
  };
  EXPECT_TRUE(eventually([&] { return frames() + dropped("kernel") == kSent; }))
      << frames() << " read, " << dropped("kernel") << " dropped by the system";
  auto of_frames = [&] { return dropped("queue_full") + dropped("not_stored"); };
  EXPECT_TRUE(eventually([&] { return count("evaluated", "syslog-udp") + of_frames() == frames(); }))
      << count("evaluated", "syslog-udp") << " evaluated, " << of_frames() << " dropped, of " << frames();
  EXPECT_GT(count("evaluated", "syslog-udp"), 0);
}

// The stop reads what has come by then, and ends when it is on disk.
TEST_F(Syslog, WhatHasArrivedAtTheStopIsNotLost) {
  constexpr int kMessages = 2000;
  TcpSender sender(port_of("syslog-tcp"));
  std::string all;
  for (int i = 0; i < kMessages; ++i)
    all += counted("<14>Apr 27 11:59:58 lnx-1 sysmon: " + linux_event(fmt::format("/etc/cron.d/{}", i)));
  ASSERT_TRUE(sender.send(all));
  // It has arrived when nothing of it waits at the sender's end.
  ASSERT_TRUE(eventually([&] {
    int waiting = -1;
    return ::ioctl(sender.socket(), SIOCOUTQ, &waiting) == 0 && waiting == 0;
  }));
  hecate_->stop();
  Finished state = run({hecate_binary(), "state", "show", "--path", hecate_->folder() / "state"});
  // Last run, minutes, groups.
  EXPECT_TRUE(std::regex_search(state.output, std::regex("Linux Job Written +\\S+ +\\d+ +2000 ")))
      << state.output;
}

}  // namespace
}  // namespace hecate::testing
