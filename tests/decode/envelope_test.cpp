#include "pipeline/decode/envelope.h"

#include <map>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::decode {
namespace {

const std::map<EnvelopeError, std::string> kErrors = {
    {EnvelopeError::none, "none"},
    {EnvelopeError::invalid_format, "invalid_format"},
    {EnvelopeError::event_required, "event_required"},
    {EnvelopeError::event_blank, "event_blank"},
    {EnvelopeError::bad_fields, "bad_fields"},
    {EnvelopeError::incorrect_index, "incorrect_index"},
};
const std::map<Shape, std::string> kShapes = {
    {Shape::json, "json"}, {Shape::xml, "xml"}, {Shape::text, "text"}};

struct Case {
  std::string name;
  std::string body;
  std::uint64_t events = 0;
  std::string error;
  std::uint64_t bad_event = 0;
  std::vector<std::map<std::string, std::string>> gives;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.body;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const YAML::Node& node : YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/envelope/bodies.yaml")) {
    Case c;
    c.name = node["name"].as<std::string>();
    c.body = node["body"] ? node["body"].as<std::string>() : from_hex(node["body_hex"].as<std::string>());
    c.events = node["events"].as<std::uint64_t>(0);
    c.error = node["error"].as<std::string>("none");
    c.bad_event = node["bad_event"].as<std::uint64_t>(0);
    c.gives = node["gives"].as<decltype(c.gives)>(decltype(c.gives){});
    all.push_back(std::move(c));
  }
  return all;
}

using Read = EnvelopeResult (EnvelopeReader::*)(std::string_view, const EnvelopeDefaults&,
                                                const EnvelopeReader::IndexFilter&,
                                                const EnvelopeReader::EventSink&);

struct Outcome {
  EnvelopeResult result;
  std::vector<std::map<std::string, std::string>> events;
};

Outcome read(Read how, const std::string& body) {
  EnvelopeReader reader;
  std::string padded = body + std::string(64, '\0');
  EnvelopeDefaults defaults{.host = "default-host",
                            .source = "default-source",
                            .sourcetype = "default-type",
                            .index = {},
                            .time = 7};
  Outcome outcome;
  outcome.result = (reader.*how)(
      std::string_view(padded).substr(0, body.size()), defaults,
      [](std::string_view index) { return index == "main"; },
      [&](EventView& event) {
        outcome.events.push_back({{"raw", std::string(event.raw)},
                                  {"shape", kShapes.at(event.shape)},
                                  {"host", std::string(event.host)},
                                  {"source", std::string(event.source)},
                                  {"sourcetype", std::string(event.sourcetype)},
                                  {"index", std::string(event.index)},
                                  {"fields", std::string(event.fields)},
                                  {"time", std::to_string(event.envelope_time)}});
      });
  return outcome;
}

class Envelope : public ::testing::TestWithParam<Case> {
 protected:
  static void check(Read how) {
    const Case& c = GetParam();
    Outcome got = read(how, c.body);
    EXPECT_EQ(got.result.events, c.events);
    EXPECT_EQ(kErrors.at(got.result.error), c.error);
    EXPECT_EQ(got.result.bad_event, c.bad_event);
    EXPECT_EQ(got.events.size(), c.events);
    for (std::size_t i = 0; i < c.gives.size(); ++i) {
      ASSERT_LT(i, got.events.size());
      for (const auto& [key, value] : c.gives[i]) EXPECT_EQ(got.events[i].at(key), value) << key;
    }
  }
};

TEST_P(Envelope, InOnePass) {
  check(&EnvelopeReader::read);
}

TEST_P(Envelope, OneByOne) {
  check(&EnvelopeReader::read_one_by_one);
}

// However much of a body arrives, both ways say the same about it, and a cut is never silent.
TEST_P(Envelope, CutAnywhere) {
  for (std::size_t size = 0; size < GetParam().body.size(); ++size) {
    std::string body = GetParam().body.substr(0, size);
    Outcome fast = read(&EnvelopeReader::read, body);
    Outcome slow = read(&EnvelopeReader::read_one_by_one, body);
    ASSERT_EQ(fast.result.events, slow.result.events) << body;
    ASSERT_EQ(fast.result.error, slow.result.error) << body;
    ASSERT_EQ(fast.result.bad_event, slow.result.bad_event) << body;
    ASSERT_EQ(fast.events, slow.events) << body;
    ASSERT_LE(fast.result.events, GetParam().events) << body;
  }
}

INSTANTIATE_TEST_SUITE_P(Bodies, Envelope, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

// Bodies with bytes changed, doubled and taken out: both ways say the same about whatever comes.
TEST(EnvelopeMutation, BothWaysSayTheSame) {
  std::mt19937 random(20260427);
  std::vector<Case> all = cases();
  const std::string bytes("{}[]\",:\\ne1 \n\0\xff", 15);
  int accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string body = all[random() % all.size()].body + all[random() % all.size()].body;
    for (std::size_t changes = random() % 4; changes > 0 && !body.empty(); --changes) {
      std::size_t at = random() % body.size();
      switch (random() % 3) {
        case 0:
          body[at] = bytes[random() % bytes.size()];
          break;
        case 1:
          body.insert(at, 1, bytes[random() % bytes.size()]);
          break;
        default:
          body.erase(at, 1);
          break;
      }
    }
    Outcome fast = read(&EnvelopeReader::read, body);
    Outcome slow = read(&EnvelopeReader::read_one_by_one, body);
    ASSERT_EQ(fast.result.events, slow.result.events) << body;
    ASSERT_EQ(fast.result.error, slow.result.error) << body;
    ASSERT_EQ(fast.result.bad_event, slow.result.bad_event) << body;
    ASSERT_EQ(fast.events, slow.events) << body;
    accepted += fast.result.error == EnvelopeError::none;
  }
  EXPECT_GT(accepted, 1000);
}

TEST(EnvelopeCut, AnEventCutOffIsAnErrorWithItsNumber) {
  std::string first = R"({"event":{"a":"b"}})";
  std::string body = first + R"({"event":{"path":"C:\\x","list":[1,true,null,{"k":"v"}]},"time":1772000000})";
  for (std::size_t size = first.size() + 1; size < body.size(); ++size) {
    Outcome got = read(&EnvelopeReader::read, body.substr(0, size));
    ASSERT_EQ(got.result.events, 1u);
    ASSERT_EQ(got.result.error, EnvelopeError::invalid_format) << size;
    ASSERT_EQ(got.result.bad_event, 1u) << size;
  }
}

TEST(EnvelopeDepth, BracketsWithoutEndAreRefusedAndCrashNothing) {
  std::string body = R"({"event":)" + std::string(1'000'000, '[');
  EXPECT_EQ(read(&EnvelopeReader::read, body).result.error, EnvelopeError::invalid_format);
  std::string closed = R"({"event":)" + std::string(2000, '[') + std::string(2000, ']') + "}";
  EXPECT_EQ(read(&EnvelopeReader::read, closed).result.error, EnvelopeError::invalid_format);
}

TEST(EnvelopeSize, AnEventOverTheLimitStopsTheBodyThere) {
  auto with = [](std::size_t size) { return R"({"event":")" + std::string(size - 2, 'x') + "\"}"; };
  std::string body =
      R"({"event":"a"})" + with(kMostEventBytes) + with(kMostEventBytes + 1) + R"({"event":"b"})";
  for (auto way : {&EnvelopeReader::read, &EnvelopeReader::read_one_by_one}) {
    EnvelopeResult result = read(way, body).result;
    EXPECT_EQ(result.events, 2u);
    EXPECT_EQ(result.error, EnvelopeError::invalid_format);
    EXPECT_EQ(result.bad_event, 2u);
  }
}

TEST(EnvelopePadding, APayloadOfOurOwnHasReadableBytesBehind) {
  EnvelopeReader reader;
  std::string text = R"({"event":"{\"a\":\"b\"}"})";
  std::string padded = text + std::string(64, '\0');
  char sum = 0;
  (void)reader.read(std::string_view(padded).substr(0, text.size()), {}, {}, [&](EventView& event) {
    // Under AddressSanitizer this is what fails when there are fewer.
    for (std::size_t i = 0; i < 64; ++i) sum ^= event.raw.data()[event.raw.size() + i];
  });
  EXPECT_LE(sum, 127);
}

TEST(EnvelopeReuse, OneReaderTakesBodiesOfAnySizeInTurn) {
  EnvelopeReader reader;
  for (std::size_t count : {1u, 5000u, 3u, 20000u}) {
    std::string body;
    for (std::size_t i = 0; i < count; ++i) body += fmt::format(R"({{"event":{{"n":{}}}}})", i);
    std::string padded = body + std::string(64, '\0');
    std::size_t next = 0;
    auto result = reader.read(std::string_view(padded).substr(0, body.size()), {}, {}, [&](EventView& event) {
      EXPECT_EQ(event.raw, fmt::format(R"({{"n":{}}})", next++));
    });
    EXPECT_EQ(result.events, count);
    EXPECT_EQ(result.error, EnvelopeError::none);
  }
}

}  // namespace
}  // namespace hecate::decode
