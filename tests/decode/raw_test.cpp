// Every case under tests/cases/raw, and bodies made to be slow.
#include "pipeline/decode/raw.h"

#include <functional>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::decode {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string name_of(Shape shape) {
  return shape == Shape::xml ? "xml" : shape == Shape::json ? "json" : "text";
}

struct Read {
  EnvelopeResult result;
  std::vector<std::string> events, shapes;
};
Read read(const std::string& body, const EnvelopeDefaults& defaults = {}) {
  std::string padded = body + std::string(64, '\0');
  Read read;
  read.result = read_raw(std::string_view(padded).substr(0, body.size()), defaults, [&](EventView& e) {
    read.events.emplace_back(e.raw);
    read.shapes.push_back(name_of(e.shape));
  });
  return read;
}

TEST(Raw, Cases) {
  YAML::Node cases = YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/raw/bodies.yaml");
  ASSERT_GT(cases.size(), 20U);
  for (const YAML::Node& each : cases) {
    SCOPED_TRACE(each["name"].as<std::string>());
    Read got = read(each["hex"] ? from_hex(each["hex"].as<std::string>()) : each["body"].as<std::string>());
    std::vector<std::string> expected =
        each["gives"].as<std::vector<std::string>>(std::vector<std::string>());
    for (const auto& hex : each["gives_hex"]) expected.push_back(from_hex(hex.as<std::string>()));
    EXPECT_EQ(got.events, expected);
    EXPECT_EQ(got.result.events, expected.size());
    EXPECT_EQ(got.result.error, EnvelopeError::none);
    if (each["shapes"]) {
      EXPECT_EQ(got.shapes, each["shapes"].as<std::vector<std::string>>());
    }
  }
}

TEST(Raw, DefaultsAreTaken) {
  std::string body = "a" + std::string(64, '\0');
  EventView seen;
  read_raw(std::string_view(body).substr(0, 1), {"h", "s", "t", "i", 7}, [&](EventView& e) { seen = e; });
  EXPECT_EQ(seen.host, "h");
  EXPECT_EQ(seen.source, "s");
  EXPECT_EQ(seen.sourcetype, "t");
  EXPECT_EQ(seen.index, "i");
  EXPECT_EQ(seen.envelope_time, 7);
}

TEST(Raw, AnEventOverTheLimitStopsTheWalk) {
  std::string most(kMostEventBytes, 'x');
  EXPECT_EQ(read(most + "\n" + most).result.events, 2U);
  Read over = read("a\n" + most + "x\nb");
  EXPECT_EQ(over.events, std::vector<std::string>{"a"});
  EXPECT_EQ(over.result.error, EnvelopeError::invalid_format);
  EXPECT_EQ(over.result.bad_event, 1U);
}

// Whoever looks for the end of a line or an element from each event anew takes hours for these.
TEST(Raw, NoBodyIsSlow) {
  std::size_t size = 1024 * 1024;
  auto repeated = [&](std::string_view piece) {
    std::string body;
    body.reserve(size + piece.size());
    while (body.size() < size) body += piece;
    return body;
  };
  auto pieces = [&](std::string_view piece) { return (size + piece.size() - 1) / piece.size(); };
  for (std::string_view piece : {"<Event >", "<Event >\n", "<Event/x\n", "<Event></Event>", "<Event/>"}) {
    EXPECT_EQ(read(repeated(piece)).events.size(), pieces(piece)) << piece;
    EXPECT_GE(read(repeated(piece) + "</Event>").events.size(), pieces(piece)) << piece;
  }
  EXPECT_EQ(read("04/27/2026 03:00:00 PM\nLogName=a" + repeated("\nLogName=")).result.bad_event, 0U);
  EXPECT_EQ(read(repeated("LogName=\n")).events.size(), pieces("LogName=\n"));
  EXPECT_EQ(read(repeated("04/27/2026 03:00:00 PM\n")).events.size(), pieces("04/27/2026 03:00:00 PM\n"));
  size *= 8;  // the end of a line is found fast
  EXPECT_EQ(read(repeated("<Event/>")).events.size(), pieces("<Event/>"));
}

}  // namespace
}  // namespace hecate::decode
