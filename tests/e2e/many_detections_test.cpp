// `hecate serve` with a whole catalogue loaded.
#include "pipeline/decode/file_reader.h"
#include "tests/e2e/process.h"

#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

namespace hecate::testing {
namespace {

constexpr std::string_view kToken = "11111111-2222-4333-8444-555555555555";
constexpr double kMostMiB = 300;

std::string configuration(const std::string& detections) {
  return fmt::format(R"(
inputs: {{hec: {{listen: "127.0.0.1:0", tokens: [{{name: test, token: {}}}]}}}}
admin: {{listen: "127.0.0.1:0"}}
state: {{path: "@STATE@"}}
detections: {})",
                     kToken, detections);
}

// The most memory that the process has had.
double peak_mib(const Process& process) {
  std::istringstream lines(read_file(fmt::format("/proc/{}/status", process.id())));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 1e9;
}

void send(const Serving& hecate, const std::vector<std::string>& events) {
  std::string body;
  for (const std::string& each : events) body += fmt::format(R"({{"event":{}}})", each);
  HttpReply reply = http(hecate.hec_port(), "POST", "/services/collector",
                         {{"Authorization", fmt::format("Splunk {}", kToken)}}, body);
  EXPECT_EQ(reply.status, 200) << reply.body;
}

std::size_t loaded(const Serving& hecate) {
  std::string log = hecate.process().errors();
  std::size_t at = log.find(" detections loaded");
  return at == std::string::npos ? 0 : std::stoul(log.substr(log.rfind('"', at) + 1));
}

TEST(ManyDetections, SixHundredTakeLittleMemory) {
  TemporaryFolder folder;
  std::string all;
  for (int i = 0; i < 600; ++i)
    all += fmt::format(R"(---
name: Made {0}
type: TTP
search: '`sysmon` EventID=1 (Image="*\\tool{0}.exe" OR OriginalFileName=tool{0}) CommandLine IN ("*-a{0}*", "*-b*") NOT
  ParentImage="*\\parent.exe" | eval size=len(CommandLine) | stats count min(_time) as firstTime values(CommandLine) as c by
  dest user Image | where count > 0'
)",
                       i);
  folder.write("made.yml", all);
  Serving hecate(configuration(fmt::format("{{paths: ['{}']}}", folder / "made.yml")));
  EXPECT_EQ(loaded(hecate), 600U);
  std::vector<std::string> events;
  for (int i = 0; i < 600; ++i)
    events.push_back(fmt::format(
        R"({{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"h","User":"u","Image":"C:\\tool{0}.exe","CommandLine":"x -a{0} y"}})",
        i));
  send(hecate, events);
  EXPECT_EQ(hecate.metric(R"(hecate_matches_total{detection="Made 599"})"), 1);
  if (!kSanitized) {
    EXPECT_LT(peak_mib(hecate.process()), kMostMiB);
  }
}

TEST(ManyDetections, ThePublicCatalogueTakesLittleMemory) {
  std::string shared = shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the public catalogue is not here: set HECATE_SHARED";
  std::string overrides;
  for (const char* refused :
       {"Detect Remote Access Software Usage File", "Potentially malicious code on commandline",
        "Unusually Long Command Line - MLTK"})
    overrides += fmt::format("{}{}: {{disabled: true}}", overrides.empty() ? "" : ", ", refused);
  Serving hecate(
      configuration(fmt::format("{{paths: ['{0}/escu/detections'], macros: ['{0}/escu/macros', '{1}'], "
                                "overrides: {{{2}}}}}",
                                shared, HECATE_SOURCE_DIR "/detections/macros", overrides)));
  EXPECT_GE(loaded(hecate), 540U);
  std::vector<std::string> events;
  auto read = decode::read_events(shared + "/corpus/sysmon.json.ndjson.zst", decode::InputFormat::json, {},
                                  [&](const EventView& event) {
                                    if (event.arrival % 20 == 0) events.emplace_back(event.raw);
                                    if (events.size() == 500) send(hecate, std::exchange(events, {}));
                                  });
  ASSERT_TRUE(read);
  EXPECT_GT(hecate.metric(R"(hecate_events_evaluated_total{input="hec"})"), 2000);
  if (!kSanitized) {
    EXPECT_LT(peak_mib(hecate.process()), kMostMiB);
  }
}

}  // namespace
}  // namespace hecate::testing
