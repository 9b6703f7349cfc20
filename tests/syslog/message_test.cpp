#include "pipeline/syslog/message.h"

#include "tests/support/testing.h"

#include <map>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::syslog {
namespace {

using Parts = std::map<std::string, std::string>;

struct Case {
  std::string name;
  std::string line;
  std::string now;
  std::string zone;
  Parts gives;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.line;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const YAML::Node& node : YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/syslog/messages.yaml")) {
    all.push_back({node["name"].as<std::string>(), node["line"].as<std::string>(),
                   node["now"].as<std::string>("2026-04-27T12:00:00Z"), node["zone"].as<std::string>("UTC"),
                   node["gives"].as<Parts>()});
  }
  return all;
}

// Only what is there.
Parts parts_of(const Message& message) {
  constexpr std::string_view kNames[] = {"rfc5424", "rfc3164", "none"};
  Parts parts{{"head", std::string(kNames[static_cast<std::size_t>(message.head)])}};
  if (message.priority >= 0) parts["priority"] = std::to_string(message.priority);
  if (message.time != EventView::kNoTime) parts["time"] = format_epoch(message.time);
  auto add = [&](const std::string& name, std::string_view value) {
    if (!value.empty()) parts[name] = value;
  };
  add("host", message.host);
  add("program", message.program);
  add("text", message.text);
  return parts;
}

class MessageCase : public ::testing::TestWithParam<Case> {};

TEST_P(MessageCase, IsTakenApart) {
  const Case& c = GetParam();
  absl::TimeZone zone;
  ASSERT_TRUE(absl::LoadTimeZone(c.zone, &zone));
  Parts expected = c.gives;
  if (auto time = expected.find("time"); time != expected.end())
    time->second = format_epoch(*parse_timestamp(time->second));
  EXPECT_EQ(parts_of(parse_message(c.line, *parse_timestamp(c.now), zone)), expected);
}

INSTANTIATE_TEST_SUITE_P(Messages, MessageCase, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

// Whatever a message is cut down to, its parts lie inside of it. The bytes are copied to where a sanitizer
// sees a step too far.
TEST(Message, CutAtEveryByteItsPartsLieInside) {
  for (const Case& c : cases()) {
    for (std::size_t size = 0; size <= c.line.size(); ++size) {
      std::vector<char> bytes(c.line.begin(), c.line.begin() + static_cast<std::ptrdiff_t>(size));
      std::string_view frame(bytes.data(), bytes.size());
      Message message = parse_message(frame, *parse_timestamp(c.now), absl::UTCTimeZone());
      for (std::string_view part : {message.host, message.program, message.text}) {
        if (part.empty()) continue;
        EXPECT_GE(part.data(), frame.data()) << c.name;
        EXPECT_LE(part.data() + part.size(), frame.data() + frame.size()) << c.name;
      }
    }
  }
}

}  // namespace
}  // namespace hecate::syslog
