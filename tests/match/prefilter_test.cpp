// The prefilter may pass too much, never too little: its literals by hand, and on against off.
#include "pipeline/match/prefilter.h"

#include "pipeline/decode/file_reader.h"
#include "pipeline/match/matcher.h"
#include "tests/support/testing.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::match {
namespace {

using testing::shared_folder;

std::vector<Literals> literals_of(const std::string& search) {
  auto loaded = catalogue::load_search("test", search, {});
  EXPECT_TRUE(loaded.refused.empty()) << search << ": " << loaded.refused[0].reason;
  return required_literals(loaded.catalogue->detections[0].plan->scan().condition(),
                           *loaded.catalogue->rules);
}

using Required = std::vector<Literals>;

TEST(Prefilter, TakesTheStrictestRunThatNoFormWritesOtherwise) {
  EXPECT_EQ(literals_of(R"(Image="*\\MsMpEng.exe")"), (Required{{"msmpeng.exe"}}));
  EXPECT_EQ(literals_of(R"(CommandLine="*a&b<script>\"quoted\"*")"), (Required{{"script"}}));
  EXPECT_EQ(literals_of("mimikatz"), (Required{{"mimikatz"}}));
  // Longer, but in every event.
  EXPECT_EQ(literals_of(R"(TargetFilename="*\\Windows\\System32\\x.sys")"), (Required{{"x.sys"}}));
}

TEST(Prefilter, AllThatMustHoldBringsItsOwnTheStrictestFirst) {
  EXPECT_EQ(literals_of(R"(Image="*\\a\\b.exe" TargetFilename="*\\drivers.cab" User=*)"),
            (Required{{"drivers.cab"}, {"b.exe"}}));
}

TEST(Prefilter, WhatNearlyEveryEventHoldsIsLookedForOnlyWhereThereIsNothingElse) {
  EXPECT_EQ(literals_of(R"(Image="*\\MsMpEng.exe" TargetFilename="*:\\Windows\\System32\\*")"),
            (Required{{"msmpeng.exe"}}));
  EXPECT_EQ(literals_of(R"(Image="*\\System32\\*" User="*SYSTEM")").size(), 1);
}

TEST(Prefilter, EveryAlternativeMustBringALiteral) {
  EXPECT_EQ(literals_of("Image=*one.exe OR Image=*two.exe"), (Required{{"one.exe", "two.exe"}}));
  EXPECT_EQ(literals_of("Image IN (*one.exe, *two.exe)"), (Required{{"one.exe", "two.exe"}}));
  EXPECT_EQ(literals_of("Image=*one.exe OR EventID=11"), Required());
}

TEST(Prefilter, NothingIsTakenFromWhatDoesNotStandInTheEvent) {
  EXPECT_EQ(literals_of("action=created"), Required());        // made by a rule
  EXPECT_EQ(literals_of("signature=FileCreate"), Required());  // made by a rule
  EXPECT_EQ(literals_of("source=XmlWinEventLog*"), Required());
  EXPECT_EQ(literals_of("dvc_nt_host=FILESRV*"), Required());  // a rule that reads the envelope's host
  EXPECT_EQ(literals_of("NOT Image=*one.exe"), Required());
  EXPECT_EQ(literals_of("Image!=*one.exe"), Required());
  EXPECT_EQ(literals_of("EventID=4688"), Required());  // a number may be written otherwise
  EXPECT_EQ(literals_of("Image=*é*"), Required());
  EXPECT_EQ(literals_of("transport_dest_port=tcp*"), Required());  // put together
}

TEST(Prefilter, ARuleThatTakesAPieceOfTheEventKeepsItsLiterals) {
  EXPECT_EQ(literals_of("process_name=rundll32.exe"), (Required{{"rundll32.exe"}}));
  EXPECT_EQ(literals_of("dest=FILESRV*"), (Required{{"filesrv"}}));
  EXPECT_EQ(literals_of("user=alice"), (Required{{"alice"}}));
  EXPECT_EQ(literals_of("registry_value_name=DisableAntiSpyware"), (Required{{"disableantispyware"}}));
  EXPECT_EQ(literals_of("registry_value_data=*evil.dll*"), (Required{{"evil.dll"}}));
  EXPECT_EQ(literals_of("action=quarantined"), (Required{{"quarantined"}}));  // no rule makes that
}

TEST(Prefilter, WhereAStreamIsCutOutNoLiteralGoesAcross) {
  EXPECT_EQ(literals_of("file_name=evil-tool_1.exe"), (Required{{"tool_1.exe"}}));
  EXPECT_EQ(literals_of("file_path=*a:b-c:d*"), Required());
}

TEST(Prefilter, DataModelFieldsThatReadUnknownNeedNoLiteralForIt) {
  std::string tstats =
      "| tstats count from datamodel=Endpoint.Processes where Processes.{} by Processes.dest";
  auto of = [&](const char* condition) { return literals_of(fmt::format(fmt::runtime(tstats), condition)); };
  EXPECT_EQ(of("process=*comsvcs.dll*"), (Required{{"comsvcs.dll"}}));
  EXPECT_EQ(of("process=*unknown*"), Required());
  EXPECT_EQ(of("process_name=rundll32.exe"), (Required{{"rundll32.exe"}}));
  EXPECT_EQ(of("process_integrity_level=UntrustedX"), (Required{{"untrustedx"}}));
}

// What a search gathers of some events, as one text.
std::string gathered(const std::shared_ptr<const ScanSet>& scans, Prefiltering prefiltering,
                     const std::function<void(Matcher&, store::DeltaSet&)>& feed,
                     std::uint64_t* decoded = nullptr) {
  Matcher matcher(scans, Panes::one_window, prefiltering);
  store::DeltaSet deltas;
  feed(matcher, deltas);
  std::vector<std::string> groups;
  for (const auto& [key, delta] : deltas) {
    std::string state;
    delta.state.encode(state);
    groups.push_back(fmt::format("{:x} {} {}", key.scan, key.group, state));
  }
  std::ranges::sort(groups);
  if (decoded != nullptr) *decoded = matcher.decoded();
  return fmt::format("{}", fmt::join(groups, "\n"));
}

TEST(Prefilter, SeesThroughEscapesAndHecFields) {
  auto loaded = catalogue::load_search("test", R"(Image="*\\MsMpEng.exe" | stats count by Image)", {});
  auto scans = std::make_shared<const ScanSet>(loaded.catalogue);
  struct Case {
    std::string raw, fields;
    Shape shape = Shape::json;
  };
  for (const Case& each : {
           Case{R"({"Image":"C:\\a\\MsMpEng.exe"})", ""},
           Case{R"({"Image":"C:\\a\\MSMPENG.EXE"})", ""},
           Case{R"({"Image":"C:\\a\\M\u0073MpEng.exe"})", ""},
           Case{R"({"Image":"C:\u005ca\u005cMsMpEng\u002eexe"})", ""},
           Case{R"({"Other":"x"})", R"({"Image":"C:\\a\\MsMpEng.exe"})"},
           Case{
               R"(<Event><System/><EventData><Data Name='Image'>C:\a\MsMpEng.exe</Data></EventData></Event>)",
               "", Shape::xml},
       }) {
    auto feed = [&](Matcher& matcher, store::DeltaSet& deltas) {
      std::string padded = each.raw + std::string(64, ' ');
      std::string padded_fields = each.fields + std::string(64, ' ');
      EventView event;
      event.raw = std::string_view(padded).substr(0, each.raw.size());
      event.fields = std::string_view(padded_fields).substr(0, each.fields.size());
      event.shape = each.shape;
      matcher.evaluate(event, 0, deltas);
    };
    EXPECT_NE(gathered(scans, Prefiltering::off, feed), "") << each.raw;
    EXPECT_EQ(gathered(scans, Prefiltering::on, feed), gathered(scans, Prefiltering::off, feed)) << each.raw;
  }
}

TEST(Prefilter, OnAndOffAgreeOverRealEventsForEveryDetectionOfTheCatalogue) {
  std::string shared = shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the shared corpus is not here; set HECATE_SHARED to its folder";
  catalogue::Sources sources;
  sources.detections = {std::string(catalogue::kBuiltin), shared + "/escu/detections"};
  sources.macros = {shared + "/escu/macros"};
  sources.include_disabled = true;
  auto scans = std::make_shared<const ScanSet>(catalogue::load(sources).catalogue);
  EXPECT_GT(scans->scans.size(), 400u);
  std::size_t compared = 0;
  for (const char* file : {"/corpus/sigma-regression.xml.txt.zst", "/corpus/mixed60k.ndjson.zst"}) {
    auto feed = [&](Matcher& matcher, store::DeltaSet& deltas) {
      std::uint64_t arrival = 0;
      auto read =
          decode::read_events(shared + file, decode::InputFormat::automatic, {}, [&](EventView& event) {
            // Each fourth of the large file is enough to meet every kind of event in it.
            event.arrival = arrival++;
            if (arrival < 1000 || arrival % 4 == 0) matcher.evaluate(event, 0, deltas);
          });
      EXPECT_TRUE(read.has_value());
    };
    std::string on = gathered(scans, Prefiltering::on, feed);
    EXPECT_TRUE(on == gathered(scans, Prefiltering::off, feed)) << file;
    compared += static_cast<std::size_t>(std::ranges::count(on, '\n'));
  }
  RecordProperty("groups", static_cast<int>(compared));
  EXPECT_GT(compared, 100u);
}

}  // namespace
}  // namespace hecate::match
