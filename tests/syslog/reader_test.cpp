#include "pipeline/syslog/reader.h"

#include "pipeline/syslog/source_rules.h"

#include <gtest/gtest.h>

namespace hecate::syslog {
namespace {

struct Event {
  std::string raw, host, source, sourcetype, index;
  Shape shape;
  Time time, fallback_time;
  std::string fallback_host, fallback_source, fallback_sourcetype;
};

class ReaderTest : public ::testing::Test {
 protected:
  ReaderTest() {
    defaults_.rules = default_rules();
    defaults_.source = "tcp:514";
    defaults_.sourcetype = "syslog";
    defaults_.index = "main";
  }

  std::vector<Event> read(const std::vector<std::string>& messages) {
    std::string body;
    Frames frames;
    frames.senders = {"10.0.0.9"};
    for (const std::string& message : messages) {
      frames.list.push_back(
          {static_cast<std::uint32_t>(body.size()), static_cast<std::uint32_t>(message.size()), 0});
      body += message;
    }
    body.append(64, '\0');
    frames.defaults = std::make_shared<EventDefaults>(defaults_);
    std::vector<Event> events;
    result_ = read_messages(body, frames, from_civil(2026, 4, 27, 12), [&](EventView& e) {
      events.push_back({std::string(e.raw), std::string(e.host), std::string(e.source),
                        std::string(e.sourcetype), std::string(e.index), e.shape, e.envelope_time,
                        e.fallback.time, std::string(e.fallback.host), std::string(e.fallback.source),
                        std::string(e.fallback.sourcetype)});
    });
    return events;
  }
  Event read_one(const std::string& message) {
    auto events = read({message});
    EXPECT_EQ(events.size(), 1u);
    return events.empty() ? Event{} : events.front();
  }

  EventDefaults defaults_;
  ReadResult result_;
};

TEST_F(ReaderTest, SysmonForLinuxHasItsSource) {
  Event event = read_one("<14>Apr 27 11:59:58 lnx-1 sysmon[7]: <Event><System/></Event>");
  EXPECT_EQ(event.raw, "<Event><System/></Event>");
  EXPECT_EQ(event.shape, Shape::xml);
  EXPECT_EQ(event.host, "lnx-1");
  EXPECT_EQ(event.source, "Syslog:Linux-Sysmon/Operational");
  EXPECT_EQ(event.sourcetype, "sysmon:linux");
  EXPECT_EQ(event.index, "main");
}

// An event's own time goes before that of the head: so the head's is a fallback, and not the envelope's.
TEST_F(ReaderTest, WhatOnlyTheInputAndTheHeadKnowAreFallbacks) {
  Event event = read_one("<14>Apr 27 11:59:58 ws-1 prog: {\"EventID\":11}");
  EXPECT_EQ(event.shape, Shape::json);
  EXPECT_EQ(event.time, EventView::kNoTime);
  EXPECT_EQ(event.fallback_time, from_civil(2026, 4, 27, 11, 59, 58));
  EXPECT_EQ(event.source, "");
  EXPECT_EQ(event.fallback_source, "tcp:514");
  EXPECT_EQ(event.fallback_sourcetype, "syslog");
  EXPECT_EQ(event.fallback_host, "10.0.0.9");
}

TEST_F(ReaderTest, TheFirstRuleThatFitsIsTaken) {
  defaults_.rules = {
      {.program = "", .content = Shape::text, .source = "plain", .sourcetype = "", .index = ""},
      {.program = "Micro*-Sys*", .content = {}, .source = "star", .sourcetype = "t", .index = "i"},
      {.program = "prog", .content = Shape::json, .source = "json", .sourcetype = "", .index = ""}};
  EXPECT_EQ(read_one("<14>Apr 27 11:59:58 h prog: text").source, "plain");
  EXPECT_EQ(read_one("<14>Apr 27 11:59:58 h prog: {\"a\":1}").source, "json");
  EXPECT_EQ(read_one("<14>Apr 27 11:59:58 h PROG: {\"a\":1}").source, "");
  Event star = read_one("<14>Apr 27 11:59:58 h Microsoft-Windows-Sysmon: <Event/>");
  EXPECT_EQ(star.source, "star");
  EXPECT_EQ(star.sourcetype, "t");
  EXPECT_EQ(star.index, "i");
  EXPECT_EQ(read_one("<14>Apr 27 11:59:58 h Microsoft-Windows: <Event/>").source, "");
}

TEST(SourceRules, AStarStandsForAnything) {
  auto fits = [](const std::string& pattern, const std::string& program) {
    std::vector<SourceRule> rules = {
        {.program = pattern, .content = {}, .source = "", .sourcetype = "", .index = ""}};
    return find_rule(rules, program, Shape::text) != nullptr;
  };
  for (const char* program : {"ab", "axb", "a-b-b", "ab-ab"}) EXPECT_TRUE(fits("a*b", program)) << program;
  for (const char* program : {"a", "b", "ba", "abc", "xab", ""})
    EXPECT_FALSE(fits("a*b", program)) << program;
  EXPECT_TRUE(fits("*", "anything"));
  EXPECT_TRUE(fits("a**", "a"));
  EXPECT_TRUE(fits("*x*y*", "-x-y-"));
  EXPECT_FALSE(fits("*x*y*", "-y-x-"));
  EXPECT_FALSE(fits("ab*ba", "aba"));
  EXPECT_TRUE(fits("*ab*ab", "abab"));
  EXPECT_FALSE(fits("*ab*ab", "xab"));
  // Whoever sends chooses the program: with every way tried this would not end.
  EXPECT_FALSE(fits("*x*x*x*x*x*y", std::string(100'000, 'x')));
}

TEST_F(ReaderTest, MessagesAreCountedByTheirHeads) {
  auto events = read({"<14>1 2026-04-27T11:59:58Z h p - - - a", "<14>Apr 27 11:59:58 h p: b", "<14>c", "d",
                      "<14>Apr 27 11:59:58 h p: ", " \n"});
  EXPECT_EQ(events.size(), 4u);
  EXPECT_EQ(result_.events, 4u);
  EXPECT_EQ(result_.blank, 2u);
  EXPECT_EQ(result_.heads, (std::array<std::uint64_t, kHeads>{1, 3, 2}));
}

}  // namespace
}  // namespace hecate::syslog
