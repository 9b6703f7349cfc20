#include "pipeline/decode/file_reader.h"

#include "tests/support/gzip.h"
#include "tests/support/testing.h"

#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zstd.h>

namespace hecate::decode {
namespace {

struct Read {
  FileStats stats;
  std::vector<std::string> raw;
  std::vector<Shape> shapes;
  std::vector<std::string> hosts;
};

class FileReader : public ::testing::Test {
 protected:
  Read read(const std::string& content, InputFormat format = InputFormat::automatic) {
    folder_.write("events", content);
    Read out;
    auto stats =
        read_events(folder_ / "events", format, {.host = "h", .source = {}, .sourcetype = {}, .index = {}},
                    [&](EventView& event) {
                      EXPECT_EQ(event.arrival, out.raw.size());
                      out.raw.emplace_back(event.raw);
                      out.shapes.push_back(event.shape);
                      out.hosts.emplace_back(event.host);
                      // The padding behind a slice can be read.
                      volatile char last = event.raw.data()[event.raw.size() + 63];
                      (void)last;
                    });
    EXPECT_TRUE(stats) << stats.error().message;
    if (stats) out.stats = *stats;
    return out;
  }
  using Strings = std::vector<std::string>;
  hecate::testing::TemporaryFolder folder_;
};

std::string zstd(const std::string& content) {
  std::string out(ZSTD_compressBound(content.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
  return out;
}

TEST_F(FileReader, JsonOneALine) {
  Read got = read("{\"a\":1}\n{\"a\":2}\n\n{\"a\":3}");
  EXPECT_EQ(got.raw, (Strings{R"({"a":1})", R"({"a":2})", R"({"a":3})"}));
  EXPECT_EQ(got.hosts[0], "h");
  EXPECT_EQ(got.stats.malformed, 0u);
}

TEST_F(FileReader, JsonOverSeveralLinesAndInAList) {
  Read got = read("\xEF\xBB\xBF[\n {\n  \"a\": 1\n },\n {\"a\": 2}\n]\n");
  EXPECT_EQ(got.raw, (Strings{"{\n  \"a\": 1\n }", "{\"a\": 2}"}));
  EXPECT_EQ(got.stats.malformed, 0u);
}

TEST_F(FileReader, JsonStringsHoldTextEvents) {
  Read got = read("\"one\\nLogName=x\"\n\"<Event></Event>\"\n\"{\\\"a\\\":1}\"\n");
  EXPECT_EQ(got.raw, (Strings{"one\nLogName=x", "<Event></Event>", R"({"a":1})"}));
  EXPECT_EQ(got.shapes, (std::vector<Shape>{Shape::text, Shape::xml, Shape::json}));
}

TEST_F(FileReader, ABadLineCostsNoOthers) {
  Read got = read(
      "{\"a\":1}\n{\"a\":\n{\"b\":2}\n{\"a\" 3}\nxyz\n{\"c\":3}\n{\"d\":\"\xff\"}\n{\"e\":5}\n{\"cut\":");
  EXPECT_EQ(got.raw, (Strings{R"({"a":1})", R"({"b":2})", R"({"c":3})", R"({"e":5})"}));
  EXPECT_GE(got.stats.malformed, 4u);
}

TEST_F(FileReader, HecEnvelopesAreKnownByTheirKeys) {
  Read got = read("{\"event\":{\"a\":1},\"host\":\"x\"}{\"time\":1,\"event\":\"text\"}\n{\"host\":\"none\"}");
  EXPECT_EQ(got.raw, (Strings{R"({"a":1})", "text"}));
  EXPECT_EQ(got.hosts, (Strings{"x", "h"}));
  EXPECT_EQ(got.stats.malformed, 1u);
  EXPECT_EQ(read(R"({"event":{"code":"11"},"winlog":{}})").raw,
            (Strings{R"({"event":{"code":"11"},"winlog":{}})"}));
}

TEST_F(FileReader, XmlWithLineBreaksHeadsAndAnOuterElement) {
  Read got = read(
      "<?xml version='1.0'?>\n<Events>\n<Event xmlns='x'>\n<a/>\n</Event>\n<30>head: "
      "<Event>b</Event><Event>c</Event>\n"
      "junk\n</Events>\n<Event>cut");
  EXPECT_EQ(got.raw, (Strings{"<Event xmlns='x'>\n<a/>\n</Event>", "<Event>b</Event>", "<Event>c</Event>"}));
  EXPECT_EQ(got.stats.malformed, 2u);
}

TEST_F(FileReader, AnythingElseIsRefused) {
  folder_.write("events", "April showers\n");
  auto stats = read_events(folder_ / "events", InputFormat::automatic, {}, [](EventView&) {});
  ASSERT_FALSE(stats);
  EXPECT_NE(stats.error().message.find("--input"), std::string::npos);
  auto missing = read_events(folder_ / "none", InputFormat::json, {}, [](EventView&) {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("cannot open"), std::string::npos);
}

// Events of any size lie across the pieces in which a file is read.
class FileReaderPieces : public FileReader, public ::testing::WithParamInterface<const char*> {};

TEST_P(FileReaderPieces, EveryEventComesOnceAndWhole) {
  std::string form = GetParam();
  Strings events;
  std::string content;
  for (std::size_t i = 0; i < 4000; ++i) {
    std::string filling(i % 97 == 0 ? 30'000 + i : i % 1500, "}x{"[i % 3]);
    bool xml = form == "xml";
    events.push_back(xml ? fmt::format("<Event>{}\n{}</Event>", i, filling)
                         : fmt::format(R"({{"n":{},"s":"{}"}})", i, filling));
    content += events.back();
    if (form != "joined") content += '\n';
  }
  auto check = [&](const Read& got) {
    EXPECT_EQ(got.stats.malformed, 0u);
    EXPECT_EQ(got.stats.bytes, content.size());
    ASSERT_EQ(got.raw.size(), events.size());
    for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(got.raw[i], events[i]) << i;
  };
  check(read(content));
  check(read(testing::gzip(content)));
  check(read(testing::gzip(content.substr(0, 1000)) + testing::gzip(content.substr(1000))));
  check(read(zstd(content)));
}

INSTANTIATE_TEST_SUITE_P(Forms, FileReaderPieces, ::testing::Values("lines", "joined", "xml"));

TEST_F(FileReader, APackedFileCutOffIsAnError) {
  std::string content;
  for (int i = 0; i < 200'000; ++i) content += fmt::format("{{\"n\":{}}}\n", i * 7919);
  for (const std::string& packed : {testing::gzip(content), zstd(content)}) {
    folder_.write("events", packed.substr(0, packed.size() / 2));
    int events = 0;
    auto stats = read_events(folder_ / "events", InputFormat::json, {}, [&](EventView&) { ++events; });
    ASSERT_FALSE(stats);
    EXPECT_NE(stats.error().message.find("damaged or cut off"), std::string::npos);
    EXPECT_GT(events, 1000) << "what lies before the cut is good";
  }
}

// Objects with line breaks and others in them, a string that looks like a cut, and lines that are no events.
std::string many_objects(std::size_t bytes) {
  std::string content;
  for (int i = 0; content.size() < bytes; ++i) {
    content += fmt::format(R"({{"n": {}, "text": "{} }}\n{{ ", "o": {{"a": {{}}}}}})"
                           "\n",
                           i, std::string(i % 400, 'x'));
    if (i % 10 == 0) content += fmt::format("{{\n  \"n\": {},\n  \"o\":\n{{\n}}\n}}\n", i);
    if (i % 1000 == 0) content += "April showers\n{\"cut\": {\"off\": 1}\n";
  }
  return content;
}

TEST_F(FileReader, ThePartsOfAFileHoldWhatTheFileHolds) {
  for (InputFormat format : {InputFormat::automatic, InputFormat::json}) {
    Read whole = read(many_objects(17 << 20), format);
    auto split = split_file(folder_ / "events", format, 4);
    ASSERT_TRUE(split);
    ASSERT_EQ(split->parts.size(), 4u);
    EXPECT_EQ(split->format, InputFormat::json);
    std::vector<std::string> raw;
    std::uint64_t malformed = 0, bytes = 0;
    for (const FilePart& part : split->parts) {
      auto stats = read_events(
          folder_ / "events", split->format, {}, [&](EventView& event) { raw.emplace_back(event.raw); }, {},
          part);
      ASSERT_TRUE(stats);
      malformed += stats->malformed;
      bytes += stats->bytes;
    }
    EXPECT_EQ(bytes, whole.stats.bytes);
    EXPECT_EQ(malformed, whole.stats.malformed);
    EXPECT_GT(malformed, 10u);
    ASSERT_EQ(raw.size(), whole.raw.size());
    EXPECT_TRUE(raw == whole.raw);
  }
}

TEST_F(FileReader, AFileThatCannotBeCutIsOnePart) {
  auto parts = [&](const std::string& content, InputFormat format = InputFormat::automatic) {
    folder_.write("events", content);
    auto split = split_file(folder_ / "events", format, 4);
    return split ? split->parts.size() : 0;
  };
  std::string large = many_objects(17 << 20);
  EXPECT_EQ(parts(large), 4u);
  EXPECT_EQ(parts("\xEF\xBB\xBF" + large), 4u);
  EXPECT_EQ(parts(large.substr(0, 5 << 20)), 1u);
  EXPECT_EQ(parts(large, InputFormat::text), 1u);
  EXPECT_EQ(parts("[" + large), 1u);
  EXPECT_EQ(parts(zstd(large)), 1u);
  EXPECT_EQ(parts("{\"one\": \"" + std::string(17 << 20, 'x') + "\"}\n"), 1u);
  EXPECT_EQ(split_file(folder_ / "none", InputFormat::automatic, 4)->parts.size(), 1u);
  EXPECT_EQ(split_file("-", InputFormat::automatic, 4)->parts.size(), 1u);
}

TEST_F(FileReader, ProgressIsToldAsTheFileIsRead) {
  std::string content;
  while (content.size() < 10'000'000) content += "{\"filling\":\"" + std::string(1000, 'x') + "\"}\n";
  folder_.write("events", content);
  std::vector<std::uint64_t> told;
  auto stats = read_events(
      folder_ / "events", InputFormat::json, {}, [](EventView&) {},
      [&](const FileStats& so_far) { told.push_back(so_far.bytes); });
  ASSERT_TRUE(stats);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_LT(told[0], told[1]);
}

}  // namespace
}  // namespace hecate::decode
