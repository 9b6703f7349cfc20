// The programs that sites ship with, each with the configuration file of deploy/shippers: an event goes in at
// their end, a finding comes out at hecate's. A program that is not installed is skipped.
#include "tests/e2e/linux_events.h"
#include "tests/e2e/process.h"
#include "tests/support/certificate.h"

#include <filesystem>
#include <regex>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace hecate::testing {
namespace {

constexpr std::string_view kToken = "00000000-0000-0000-0000-000000000000";  // as in the files

constexpr std::string_view kConfiguration = R"(
inputs:
  hec:
    listen: "127.0.0.1:0"
    tokens: [{{name: shipper, token: {}}}]
  syslog:
    - {{protocol: tcp, listen: "127.0.0.1:0"}}
    - {{protocol: tls, listen: "127.0.0.1:0", cert_file: "{}", key_file: "{}"}}
admin: {{listen: "127.0.0.1:0"}}
detections:
  paths: [{}/detections, {}]
  defaults: {{emit: first_match}}
state: {{path: "@STATE@"}}
)";

bool is_installed(const std::string& program) {
  return run({"sh", "-c", "command -v " + program}).exit_code == 0;
}

class RealShippers : public ::testing::Test {
 protected:
  RealShippers() {
    folder_.write("linux.yml", std::string(kLinuxDetection));
    make_certificate(folder_ / "cert.pem", folder_ / "key.pem");
    hecate_ =
        std::make_unique<Serving>(fmt::format(kConfiguration, kToken, folder_ / "cert.pem",
                                              folder_ / "key.pem", HECATE_SOURCE_DIR, folder_ / "linux.yml"));
  }

  [[nodiscard]] std::string port_of(const std::string& input) {
    std::smatch found;
    std::string log = hecate_->process().errors();
    EXPECT_TRUE(std::regex_search(log, found, std::regex(input + ": \\w+ on port (\\d+)"))) << log;
    return found.empty() ? "0" : found[1].str();
  }

  // The shipped file with this test's address; the path of the copy.
  std::string shipped(const std::string& name) {
    std::string text = read_file(HECATE_SOURCE_DIR "/deploy/shippers/" + name);
    std::string hec_port = std::to_string(hecate_->hec_port());
    EXPECT_NE(text.find("hecate.example.com"), std::string::npos) << name;
    auto put = [&](const char* pattern, const std::string& replacement) {
      text = std::regex_replace(text, std::regex(pattern), replacement);
    };
    put("hecate\\.example\\.com:8088", "127.0.0.1:" + hec_port);
    put("(PermittedPeers=\")[^\"]*", "$01localhost");
    put("hecate\\.example\\.com", "127.0.0.1");
    put("(port[ =(\"]+)514\\b", "$01" + port_of("syslog-tcp"));
    put("(port[ =(\"]+)6514\\b", "$01" + port_of("syslog-tls"));
    put("/etc/rsyslog.d/hecate-ca.pem", folder_ / "cert.pem");
    folder_.write("shipped", text);
    return folder_ / "shipped";
  }

  // Writes an event into the log socket of a running daemon, as a program on that machine does.
  void log_to(Process& daemon, const std::string& socket, const std::string& event) {
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(socket) || !daemon.running(); }));
    ASSERT_TRUE(daemon.running()) << daemon.errors();
    Finished logger = run({"logger", "--socket", socket, "--tag", "sysmon", "--size", "64KiB", event});
    ASSERT_EQ(logger.exit_code, 0) << logger.errors;
  }

  void expect_finding(const std::string& file) {
    std::string found;
    EXPECT_TRUE(eventually([&] {
      found = http(hecate_->admin_port(), "GET", "/api/findings").body;
      return found.find(file) != std::string::npos;
    })) << found
        << hecate_->process().errors();
    for (std::string_view part :
         {"Linux Job Written", "\"dest\":\"lnx-1\"", "\"user\":\"root\"", "Syslog:Linux-Sysmon/Operational"})
      EXPECT_NE(found.find(part), std::string::npos) << part << " is not in " << found;
  }
  double counted(const std::string& metric) { return hecate_->metric(metric); }

  TemporaryFolder folder_;
  std::unique_ptr<Serving> hecate_;
};

TEST_F(RealShippers, Logger) {
  if (!is_installed("logger")) GTEST_SKIP() << "logger (bsdutils) is not installed";
  Finished logger =
      run({"bash", shipped("logger/send.sh")}, linux_event("/etc/cron.d/by-logger", " ") + "\n");
  ASSERT_EQ(logger.exit_code, 0) << logger.errors;
  expect_finding("/etc/cron.d/by-logger");
  EXPECT_EQ(counted("hecate_syslog_frames_total{framing=\"octets\",input=\"syslog-tcp\"}"), 1);
}

TEST_F(RealShippers, Curl) {
  if (!is_installed("curl")) GTEST_SKIP() << "curl is not installed";
  std::string event = linux_event("/etc/cron.d/by-curl", " ");
  event = std::regex_replace(event, std::regex("\""), "\\\"");
  Finished curl = run({"curl", "--config", shipped("curl/hecate.curlrc")}, "{\"event\":\"" + event + "\"}");
  ASSERT_EQ(curl.exit_code, 0) << curl.errors << curl.output;
  EXPECT_NE(curl.output.find("\"code\":0"), std::string::npos) << curl.output;
  expect_finding("/etc/cron.d/by-curl");
}

// Needs npm's package, which tests/run.sh installs.
TEST_F(RealShippers, SplunkLogging) {
  const std::string modules = HECATE_SOURCE_DIR "/build/splunk-logging/node_modules";
  if (!is_installed("node")) GTEST_SKIP() << "node is not installed";
  if (!std::filesystem::exists(modules + "/splunk-logging"))
    GTEST_SKIP() << "splunk-logging is not installed in build/splunk-logging";
  std::string events;
  for (std::string_view file : {"/etc/cron.d/one", "/etc/cron.d/two"})
    events += linux_event(file, " ") + "\n";
  Finished node = run({"env", "NODE_PATH=" + modules, "node", shipped("splunk-logging/send.js")}, events);
  ASSERT_EQ(node.exit_code, 0) << node.errors << node.output;
  expect_finding("/etc/cron.d/one");
  expect_finding("/etc/cron.d/two");
  EXPECT_EQ(counted("hecate_hec_requests_total{code=\"0\"}"), 1) << "both in one batch";
}

class Rsyslog : public RealShippers {
 protected:
  void SetUp() override {
    if (!is_installed("/usr/sbin/rsyslogd")) GTEST_SKIP() << "rsyslog is not installed";
  }
  std::unique_ptr<Process> start(const std::string& file) {
    folder_.write("rsyslog.conf", fmt::format("global(workDirectory=\"{}\")\n"
                                              "module(load=\"imuxsock\" SysSock.Use=\"off\")\n"
                                              "input(type=\"imuxsock\" Socket=\"{}\")\n"
                                              "include(file=\"{}\")\n",
                                              folder_.path(), folder_ / "log", shipped(file)));
    return std::make_unique<Process>(std::vector<std::string>{
        "/usr/sbin/rsyslogd", "-n", "-f", folder_ / "rsyslog.conf", "-i", folder_ / "pid"});
  }
};

TEST_F(Rsyslog, ByTcp) {
  auto rsyslog = start("rsyslog/hecate.conf");
  log_to(*rsyslog, folder_ / "log", linux_event("/etc/cron.d/by-rsyslog"));
  expect_finding("/etc/cron.d/by-rsyslog");
  EXPECT_EQ(counted("hecate_syslog_frames_total{framing=\"octets\",input=\"syslog-tcp\"}"), 1);
}

TEST_F(Rsyslog, ByTls) {
  if (!std::filesystem::exists("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so"))
    GTEST_SKIP() << "rsyslog-gnutls is not installed";
  auto rsyslog = start("rsyslog/hecate-tls.conf");
  log_to(*rsyslog, folder_ / "log", linux_event("/etc/cron.d/by-tls"));
  expect_finding("/etc/cron.d/by-tls");
  EXPECT_EQ(counted("hecate_syslog_frames_total{framing=\"octets\",input=\"syslog-tls\"}"), 1);
  EXPECT_EQ(counted("hecate_tls_handshakes_failed_total{input=\"syslog-tls\"}"), 0);
}

// Its package cannot be installed beside rsyslog's: tests/run.sh unpacks it into build/syslog-ng.
class SyslogNg : public RealShippers {
 protected:
  static std::string root() {
    const std::string unpacked = HECATE_SOURCE_DIR "/build/syslog-ng";
    for (const std::string& root : {unpacked, std::string()})
      if (std::filesystem::exists(root + "/usr/sbin/syslog-ng")) return root;
    return "none";
  }
  static std::string modules() {
    std::string folder = root() + "/usr/lib/syslog-ng";
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.is_directory()) return entry.path();
    return folder;
  }
  void SetUp() override {
    if (root() == "none") GTEST_SKIP() << "syslog-ng is neither unpacked in build/syslog-ng nor installed";
  }
  std::unique_ptr<Process> start(const std::string& file) {
    folder_.write("syslog-ng.conf", fmt::format("@version: 3.38\n"
                                                "source s_src {{ unix-dgram(\"{}\"); }};\n"
                                                "@include \"{}\"\n",
                                                folder_ / "log", shipped(file)));
    return std::make_unique<Process>(
        std::vector<std::string>{root() + "/usr/sbin/syslog-ng", "--foreground", "--stderr", "--no-caps",
                                 "--cfgfile", folder_ / "syslog-ng.conf", "--module-path", modules(),
                                 "--persist-file", folder_ / "persist", "--pidfile", folder_ / "pid",
                                 "--control", folder_ / "control"},
        std::map<std::string, std::string>{{"LD_LIBRARY_PATH", root() + "/usr/lib/syslog-ng"}});
  }
};

TEST_F(SyslogNg, ByTcp) {
  auto syslog_ng = start("syslog-ng/syslog.conf");
  log_to(*syslog_ng, folder_ / "log", linux_event("/etc/cron.d/by-syslog-ng", " "));
  expect_finding("/etc/cron.d/by-syslog-ng");
  EXPECT_EQ(counted("hecate_syslog_frames_total{framing=\"line\",input=\"syslog-tcp\"}"), 1);
}

TEST_F(SyslogNg, ByHec) {
  if (!std::filesystem::exists(modules() + "/libhttp.so")) GTEST_SKIP() << "syslog-ng-mod-http is missing";
  auto syslog_ng = start("syslog-ng/hec.conf");
  for (std::string_view file : {"/etc/cron.d/one", "/etc/cron.d/two", "/etc/cron.d/three"})
    log_to(*syslog_ng, folder_ / "log", linux_event(file, " "));
  for (std::string_view file : {"one", "two", "three"}) expect_finding(fmt::format("/etc/cron.d/{}", file));
}

}  // namespace
}  // namespace hecate::testing
