#include "pipeline/sources/origin.h"

#include "pipeline/decode/file_reader.h"
#include "pipeline/decode/shape.h"
#include "pipeline/fields/event_fields.h"
#include "tests/support/testing.h"

#include <filesystem>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::sources {
namespace {

// A text with simdjson's padding behind it.
struct Padded {
  explicit Padded(std::string raw) : size(raw.size()), text(std::move(raw) + std::string(64, ' ')) {}
  [[nodiscard]] EventView view() const {
    EventView view;
    view.raw = std::string_view(text).substr(0, size);
    view.shape = decode::shape_of(view.raw);
    return view;
  }
  std::size_t size;
  std::string text;
};

std::tuple<std::string, std::string, Time> found(const Origin& origin) {
  return {std::string(origin.host), std::string(origin.channel), origin.time};
}

std::string sysmon(const std::string& host, int number) {
  return fmt::format(
      R"({{"RecordNumber":{},"Hostname":"{}","Channel":"Microsoft-Windows-Sysmon/Operational","UtcTime":)"
      R"("2026-04-27 13:00:{:02}.000","Image":"C:\\a.exe"}})",
      number * 997, host, number % 60);
}

TEST(Origin, IsTheEnvelopesWhereThatSaysIt) {
  OriginReader reader;
  Padded event(R"({"Channel":"Security","Hostname":"inside"})");
  EventView view = event.view();
  view.host = "ws1";
  view.envelope_time = 5;
  view.source = "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational";
  view.sourcetype = "XmlWinEventLog";
  EXPECT_EQ(found(reader.read(view)), std::tuple("ws1", "Microsoft-Windows-Sysmon/Operational", Time{5}));
  view.source = "/var/log/audit.log";
  view.sourcetype = "linux:audit";
  EXPECT_EQ(found(reader.read(view)), std::tuple("ws1", "linux:audit", Time{5}));
  EXPECT_EQ(reader.decoded(), 0u);
  view.source = "nxlog";
  view.sourcetype = "XmlWinEventLog";
  EXPECT_EQ(found(reader.read(view)), std::tuple("ws1", "Security", Time{5}));
}

TEST(Origin, IsTheFallbacksWhereNeitherEnvelopeNorEventSaysIt) {
  OriginReader reader;
  Padded event("Accepted publickey for root");
  EventView view = event.view();
  view.fallback = {.time = 7, .host = "web-7", .source = "udp:514", .sourcetype = "syslog"};
  EXPECT_EQ(found(reader.read(view)), std::tuple("web-7", "syslog", Time{7}));
}

TEST(Origin, FormsThatAreKnownAreNotDecoded) {
  OriginReader reader;
  for (int i = 0; i < 1000; ++i) {
    Padded event(sysmon(fmt::format("host-{}", i), i));
    EXPECT_EQ(found(reader.read(event.view())), found(OriginReader().read_decoded(event.view()))) << i;
  }
  EXPECT_LE(reader.decoded(), 2u);
}

TEST(Origin, AFormThatSaysLessHidesNoneThatSaysMore) {
  OriginReader reader;
  Padded less(R"({"SourceName":"x","Channel":"Application","text":"no host at all"})");
  Padded more(
      R"({"SourceName":"x","Channel":"Security","Hostname":"b","TimeCreated":"2026-04-27T13:00:00Z"})");
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(found(reader.read(less.view())), std::tuple("", "Application", EventView::kNoTime));
  EXPECT_EQ(found(reader.read(more.view())), std::tuple("b", "Security", 1'777'294'800 * kSecond));
  EXPECT_EQ(reader.read(less.view()).channel, "Application");
}

TEST(Origin, EventsThatSayNothingAreDecodedNowAndThenOnly) {
  OriginReader reader;
  Padded nothing(R"({"level":"info","text":"nothing"})");
  for (int i = 0; i < 800; ++i)
    EXPECT_EQ(found(reader.read(nothing.view())), std::tuple("", "", EventView::kNoTime));
  EXPECT_LT(reader.decoded(), 120u);
  Padded event(sysmon("ws1", 1));
  for (int i = 0; i < 8; ++i) (void)reader.read(event.view());
  EXPECT_EQ(reader.read(event.view()).host, "ws1");
}

TEST(Origin, ATextInAValueIsNoKey) {
  OriginReader reader;
  for (int i = 0; i < 10; ++i) (void)reader.read(Padded(sysmon("ws1", i)).view());
  Padded forged(
      R"({"RecordNumber":1,"CommandLine":"\"Hostname\":\"evil\"","Hostname":"ws2","Channel":"Security"})");
  EXPECT_EQ(reader.read(forged.view()).host, "ws2");
  EXPECT_EQ(reader.read(forged.view()).channel, "Security");
}

// What searches see, of one event.
class Settled {
 public:
  Settled() {
    channel_ = names_.intern("Channel").id;
    rules_ = *fields::FieldRules::compile(fields::FieldRules::builtin(), names_);
    fields_ = fields::EventFields::make(names_, rules_);
  }
  void expect_same(OriginReader& reader, const EventView& event) {
    constexpr Time kArrived = 12345;
    Origin origin = reader.read(event);
    (void)fields_->reset(event, kArrived);
    EXPECT_EQ(origin.host, fields_->host()) << event.raw;
    EXPECT_EQ(origin.time == EventView::kNoTime ? kArrived : origin.time, fields_->time()) << event.raw;
    Value channel = fields_->get(channel_);
    if (channel.is_text() && event.source.empty()) {
      EXPECT_EQ(origin.channel, channel.text()) << event.raw;
    }
  }

 private:
  spl::FieldNames names_;
  spl::FieldId channel_;
  std::shared_ptr<const fields::FieldRules> rules_;
  std::unique_ptr<fields::EventFields> fields_;
};

TEST(Origin, IsWhatSearchesSeeInEveryShippersForm) {
  Settled settled;
  OriginReader reader;
  std::size_t cases = 0;
  // Four times: found by decoding first, by the layout then.
  for (int pass = 0; pass < 4; ++pass) {
    for (const YAML::Node& node :
         YAML::LoadFile(HECATE_SOURCE_DIR "/tests/cases/fields/shippers.yaml")["cases"]) {
      if (!node["raw"]) continue;
      Padded event(node["raw"].as<std::string>());
      settled.expect_same(reader, event.view());
      settled.expect_same(reader, event.view());
      ++cases;
    }
  }
  EXPECT_GT(cases, 80u);
}

TEST(Origin, IsWhatSearchesSeeInRealEvents) {
  if (hecate::testing::shared_folder().empty())
    GTEST_SKIP() << "HECATE_SHARED names no folder with the corpus";
  std::filesystem::path corpus = std::filesystem::path(hecate::testing::shared_folder()) / "corpus";
  for (const char* name : {"mixed60k.ndjson.zst", "sysmon.xml.txt.zst", "sysmon.text.ndjson.zst"}) {
    Settled settled;
    OriginReader reader;
    std::uint64_t events = 0;
    auto read = decode::read_events((corpus / name).string(), decode::InputFormat::automatic, {},
                                    [&](EventView& event) {
                                      if (++events % 4 == 0) settled.expect_same(reader, event);
                                    });
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_GT(events, 50'000u);
    EXPECT_LT(reader.decoded(), events / 40) << name;
  }
}

}  // namespace
}  // namespace hecate::sources
