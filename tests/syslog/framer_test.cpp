#include "pipeline/syslog/framer.h"

#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::syslog {
namespace {

struct Case {
  std::string name;
  std::string bytes;
  std::size_t most = 32;
  std::vector<std::string> frames;
  std::uint64_t truncated = 0;
  std::string end = "clean";
  std::string last;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.bytes;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const YAML::Node& node : YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/syslog/frames.yaml")) {
    Case c;
    c.name = node["name"].as<std::string>();
    c.bytes = node["bytes"].as<std::string>();
    c.most = node["most"].as<std::size_t>(c.most);
    c.frames = node["frames"].as<std::vector<std::string>>();
    c.truncated = node["truncated"].as<std::uint64_t>(0);
    c.end = node["end"].as<std::string>("clean");
    c.last = node["last"].as<std::string>("");
    if (c.end == "frame") c.frames.push_back(c.last);
    all.push_back(std::move(c));
  }
  return all;
}

// A stream as a connection reads it: what is unfinished stays in front of what comes next.
class Stream {
 public:
  explicit Stream(std::size_t most) : framer_(most) {}

  void feed(std::string_view bytes) {
    rest_ += bytes;
    std::vector<Frame> frames;
    std::string behind = "behind" + rest_;  // frames do not begin at 0 in a batch
    std::size_t end = framer_.read(behind, 6, frames);
    keep(behind, frames);
    rest_ = behind.substr(end);
  }
  // Whether nothing is left that is no frame.
  bool end() {
    std::vector<Frame> frames;
    bool whole = framer_.finish(rest_, 0, frames);
    keep(rest_, frames);
    return whole;
  }
  [[nodiscard]] const std::string& rest() const { return rest_; }
  [[nodiscard]] const Framer& framer() const { return framer_; }

  std::vector<std::string> got;

 private:
  void keep(std::string_view bytes, const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) got.emplace_back(bytes.substr(frame.begin, frame.size));
  }

  Framer framer_;
  std::string rest_;
};

class FramerCase : public ::testing::TestWithParam<Case> {
 protected:
  static void check(const std::vector<std::string_view>& parts, const std::string& how) {
    SCOPED_TRACE(how);
    const Case& c = GetParam();
    Stream stream(c.most);
    for (std::string_view part : parts) stream.feed(part);
    EXPECT_EQ(stream.end(), c.end != "cut_off");
    if (c.end == "clean") {
      EXPECT_EQ(stream.rest(), "");
    }
    EXPECT_EQ(stream.got, c.frames);
    const Framer::Counts& counts = stream.framer().counts();
    EXPECT_EQ(counts.truncated, c.truncated);
    EXPECT_EQ(counts.counted + counts.lines, c.frames.size());
  }
};

TEST_P(FramerCase, InOnePart) {
  check({GetParam().bytes}, "whole");
}

TEST_P(FramerCase, OneByteAtATime) {
  std::vector<std::string_view> parts;
  std::string_view bytes = GetParam().bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) parts.push_back(bytes.substr(i, 1));
  check(parts, "byte by byte");
}

TEST_P(FramerCase, InTwoPartsCutAtEveryPlace) {
  std::string_view bytes = GetParam().bytes;
  for (std::size_t i = 0; i <= bytes.size(); ++i)
    check({bytes.substr(0, i), bytes.substr(i)}, fmt::format("cut at {}", i));
}

INSTANTIATE_TEST_SUITE_P(Frames, FramerCase, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

// Real lengths, random cuts: the frames are those that were sent, however they came.
TEST(Framer, FramesDoNotDependOnHowTheStreamIsCut) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::string bytes;
    std::vector<std::string> sent;
    for (int i = 0; i < 200; ++i) {
      std::string message = "<13>" + std::string(random() % 3000, static_cast<char>('a' + i % 26));
      bool counted = random() % 2 == 0;
      if (counted) message += "\n<in>\n";
      bytes += counted ? fmt::format("{} {}", message.size(), message) : message + "\n";
      sent.push_back(std::move(message));
    }
    Stream stream(4096);
    for (std::size_t at = 0; at < bytes.size();) {
      std::size_t size = 1 + random() % 9000;
      stream.feed(std::string_view(bytes).substr(at, size));
      at += size;
    }
    EXPECT_TRUE(stream.end());
    ASSERT_EQ(stream.got, sent) << "round " << round;
  }
}

// Else a long line that comes a byte at a time would cost the square of its length. A line end that appears
// where there was none shows what is searched.
TEST(Framer, WhatWasSearchedOnceIsNotSearchedAgain) {
  Framer framer(1024);
  std::vector<Frame> frames;
  EXPECT_EQ(framer.read("aaaa", 0, frames), 0u);
  EXPECT_EQ(framer.read("a\naaaa", 0, frames), 0u);
  EXPECT_EQ(framer.read("a\naaaab\n", 0, frames), 8u);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].size, 7u);
}

TEST(Framer, SaysHowMuchACountedMessageNeeds) {
  Framer framer(1024);
  std::vector<Frame> frames;
  EXPECT_EQ(framer.read("100 <13>abc", 0, frames), 0u);
  EXPECT_EQ(framer.needed(), 104u);
  EXPECT_TRUE(frames.empty());
}

}  // namespace
}  // namespace hecate::syslog
