#include "pipeline/catalogue/catalogue.h"
#include "tests/support/testing.h"

#include <gtest/gtest.h>

namespace hecate::catalogue {
namespace {

using testing::TemporaryFolder;

std::string reasons(const std::vector<Refused>& list) {
  std::string out;
  for (const Refused& each : list)
    out += each.file + ":" + std::to_string(each.line) + ":" + std::to_string(each.column) + ": " +
           each.name + ": " + each.reason + "\n";
  return out;
}

std::string detection(const std::string& name, const std::string& more = "",
                      const std::string& search = "search x=1") {
  return "name: " + name + "\ntype: TTP\nsearch: '" + search + "'\n" + more;
}

// The scan of one detection's search tells which macro was put in.
std::string condition_of(const LoadResult& loaded) {
  if (loaded.catalogue->detections.size() != 1) return "not one detection: " + reasons(loaded.refused);
  return spl::canonical(loaded.catalogue->detections[0].plan->scan().condition());
}

std::string condition_of_search(const std::string& search) {
  return condition_of(load_search("x", search, {}));
}

TEST(Load, WhatShips) {
  Sources sources;
  sources.detections = {std::string(kBuiltin)};
  LoadResult loaded = load(sources);
  EXPECT_TRUE(loaded.refused.empty()) << reasons(loaded.refused);
  ASSERT_FALSE(loaded.catalogue->detections.empty());
  const LoadedDetection& found = loaded.catalogue->detections[0];
  EXPECT_EQ(found.detection.name, "Windows MsMpEng Writing to System32");
  EXPECT_TRUE(found.detection.notable);
  EXPECT_FALSE(found.detection.risk);
  EXPECT_EQ(found.detection.cron, "0 * * * *");
  EXPECT_EQ(found.detection.risk_score(), 50);
  EXPECT_EQ(found.detection.notable_fields, (std::vector<std::string>{"user", "dest"}));
  EXPECT_EQ(found.detection.message,
            "$Image$ wrote a File or an Alternate Data Stream $TargetFilename$ on $dest$.");
  EXPECT_EQ(found.detection.kill_chain_phases, (std::vector<std::string>{"Exploitation", "Installation"}));
  EXPECT_TRUE(found.plan->can_emit_first_match());
  EXPECT_NE(loaded.catalogue->rules, nullptr);
}

TEST(Load, TheFolderThatShipsIsTheSame) {
  Sources sources;
  sources.detections = {HECATE_SOURCE_DIR "/detections"};
  LoadResult loaded = load(sources);
  EXPECT_TRUE(loaded.refused.empty()) << reasons(loaded.refused);
  EXPECT_EQ(loaded.catalogue->detections.size(), 1u);
}

TEST(Load, MacrosLieInLayers) {
  TemporaryFolder folder;
  folder.write("content/d.yml", detection("A", "", "`sysmon` x=1"));
  Sources sources;
  sources.detections = {folder / "content"};
  EXPECT_EQ(condition_of(load(sources)), condition_of_search("`sysmon` x=1"));  // the one that ships
  folder.write("macros/m.yml", "name: sysmon\ndefinition: source=beside\n");
  EXPECT_EQ(condition_of(load(sources)), condition_of_search("source=beside x=1"));
  folder.write("content/macros/m.yml", "name: sysmon\ndefinition: source=inside\n");
  EXPECT_EQ(condition_of(load(sources)), condition_of_search("source=inside x=1"));
  folder.write("site/m.yml", "name: sysmon\ndefinition: source=site\n");
  sources.macros = {folder / "site"};
  EXPECT_EQ(condition_of(load(sources)), condition_of_search("source=site x=1"));
}

TEST(Load, MacrosWithArguments) {
  TemporaryFolder folder;
  folder.write("m/m.yml",
               "name: eq(2)\narguments: [f, v]\ndefinition: $f$=$v$\n---\nname: eq\ndefinition: none=1\n");
  folder.write("d.yml", detection("A", "", "`eq(a, 5)` `eq`"));
  Sources sources;
  sources.detections = {folder / "d.yml"};
  sources.macros = {folder / "m"};
  EXPECT_EQ(condition_of(load(sources)), condition_of_search("a=5 none=1"));
}

TEST(Load, AMacroWhoseNameContradictsItsArgumentsIsRefused) {
  TemporaryFolder folder;
  folder.write("m.yml", "name: f(2)\narguments: [x]\ndefinition: y\n");
  Sources sources;
  sources.macros = {folder / "m.yml"};
  EXPECT_NE(reasons(load(sources).refused).find("m.yml:1:7: f(2): `name` says 2 arguments"),
            std::string::npos)
      << reasons(load(sources).refused);
}

TEST(Load, AFilterMacroThatNobodyDefinesPassesAll) {
  TemporaryFolder folder;
  folder.write("d.yml", detection("A", "", "x=1 | `a_filter`"));
  Sources sources;
  sources.detections = {folder / "d.yml"};
  EXPECT_TRUE(load(sources).refused.empty());
  folder.write("d.yml", detection("A", "", "x=1 | `a_filtre`"));
  EXPECT_EQ(load(sources).refused.size(), 1u);
}

TEST(Load, AnErrorInTheSearchHasItsPlaceInTheFile) {
  TemporaryFolder folder;
  folder.write("d.yml", "name: A\ntype: TTP\nsearch: |\n  x=1\n  | frobnicate y\n");
  Sources sources;
  sources.detections = {folder / "d.yml"};
  LoadResult loaded = load(sources);
  ASSERT_EQ(loaded.refused.size(), 1u);
  EXPECT_EQ(loaded.refused[0].name, "A");
  EXPECT_EQ(loaded.refused[0].line, 5);
  EXPECT_EQ(loaded.refused[0].column, 5);
}

TEST(Load, ASearchGivenAsTextHasItsOwnPlaces) {
  LoadResult loaded = load_search("search", "x=1\n| frobnicate y", {});
  ASSERT_EQ(loaded.refused.size(), 1u);
  EXPECT_EQ(loaded.refused[0].line, 2);
  EXPECT_EQ(loaded.refused[0].column, 3);
}

TEST(Load, DeploymentsByTypeThenTheFilesThenTheSites) {
  TemporaryFolder folder;
  folder.write("d/a.yml", detection("A"));
  folder.write("d/b.yml", detection("B", "deployment: {scheduling: {cron_schedule: 7 * * * *}}\n"));
  folder.write(
      "deployments/t.yml",
      "type: TTP\nscheduling: {cron_schedule: 5 * * * *, earliest_time: -30m@m, latest_time: now}\n");
  Sources sources;
  sources.detections = {folder / "d"};
  auto loaded = load(sources);
  ASSERT_EQ(loaded.catalogue->detections.size(), 2u) << reasons(loaded.refused);
  EXPECT_EQ(loaded.catalogue->detections[0].detection.cron, "5 * * * *");
  EXPECT_EQ(loaded.catalogue->detections[0].detection.latest, "now");
  EXPECT_FALSE(loaded.catalogue->detections[0].detection.notable);  // this deployment has no actions
  EXPECT_EQ(loaded.catalogue->detections[1].detection.cron, "7 * * * *");
  EXPECT_EQ(loaded.catalogue->detections[1].detection.earliest, "-30m@m");

  sources.defaults.cron = "9 * * * *";
  sources.overrides["B"].cron = "11 * * * *";
  sources.overrides["B"].risk = true;
  sources.overrides["B"].index = "main";
  loaded = load(sources);
  EXPECT_EQ(loaded.catalogue->detections[0].detection.cron, "9 * * * *");
  EXPECT_EQ(loaded.catalogue->detections[1].detection.cron, "11 * * * *");
  EXPECT_TRUE(loaded.catalogue->detections[1].detection.risk);
  EXPECT_EQ(loaded.catalogue->detections[1].detection.index, "main");
}

TEST(Load, AnOverrideForNobodyIsRefused) {
  TemporaryFolder folder;
  folder.write("d.yml", detection("Windows Odd Driver"));
  Sources sources;
  sources.detections = {folder / "d.yml"};
  sources.overrides["Windows Od Driver"].disabled = true;
  LoadResult loaded = load(sources);
  ASSERT_EQ(loaded.refused.size(), 1u);
  EXPECT_NE(loaded.refused[0].reason.find("did you mean `Windows Odd Driver`?"), std::string::npos);
}

TEST(Load, WhatIsOffIsNotRefused) {
  TemporaryFolder folder;
  folder.write("a.yml", detection("Off", "enabled: false\n"));
  folder.write("b.yml", detection("Old", "status: deprecated\n"));
  folder.write("c.yml", "name: Base\ntype: Baseline\nsearch: '| no such command'\n");
  folder.write("d.yml", detection("On"));
  Sources sources;
  sources.detections = {folder.path()};
  LoadResult loaded = load(sources);
  EXPECT_TRUE(loaded.refused.empty()) << reasons(loaded.refused);
  EXPECT_EQ(loaded.catalogue->disabled, (std::vector<std::string>{"Base", "Off", "Old"}));
  EXPECT_EQ(loaded.ignored.size(), 3u);
  EXPECT_EQ(loaded.catalogue->detections.size(), 1u);

  sources.overrides["Old"].disabled = false;
  sources.overrides["On"].disabled = true;
  loaded = load(sources);
  ASSERT_EQ(loaded.catalogue->detections.size(), 1u);
  EXPECT_EQ(loaded.catalogue->detections[0].detection.name, "Old");

  sources.include_disabled = true;
  EXPECT_EQ(load(sources).catalogue->detections.size(), 3u);
}

TEST(Load, TwoOfOneName) {
  TemporaryFolder folder;
  folder.write("a.yml", detection("A"));
  folder.write("b.yml", detection("A"));
  Sources sources;
  sources.detections = {folder.path()};
  LoadResult loaded = load(sources);
  EXPECT_EQ(loaded.catalogue->detections.size(), 1u);
  ASSERT_EQ(loaded.refused.size(), 1u);
  EXPECT_EQ(loaded.refused[0].file, folder / "b.yml");
  EXPECT_NE(loaded.refused[0].reason.find(folder / "a.yml"), std::string::npos);
}

TEST(Load, AFileNamedTwiceIsReadOnce) {
  TemporaryFolder folder;
  folder.write("a.yml", detection("A"));
  Sources sources;
  sources.detections = {folder.path(), folder / "a.yml"};
  LoadResult loaded = load(sources);
  EXPECT_TRUE(loaded.refused.empty()) << reasons(loaded.refused);
}

TEST(Load, OneBadFileHoldsUpNoOther) {
  TemporaryFolder folder;
  folder.write("a.yml", "name: [");
  folder.write("b.yml", detection("B"));
  folder.write("notes.txt", "no detection");
  Sources sources;
  sources.detections = {folder.path(), folder / "missing"};
  LoadResult loaded = load(sources);
  EXPECT_EQ(loaded.catalogue->detections.size(), 1u);
  ASSERT_EQ(loaded.refused.size(), 2u) << reasons(loaded.refused);
  EXPECT_EQ(loaded.refused[1].file, folder / "missing");
}

TEST(Load, ASearchedWindowOffTheMinuteIsRefused) {
  TemporaryFolder folder;
  folder.write("a.yml", detection("A"));
  Sources sources;
  sources.detections = {folder.path()};
  sources.defaults.earliest = "-90s";
  EXPECT_EQ(load(sources).refused.size(), 1u);
}

TEST(Load, FirstMatchWhereItIsPossible) {
  TemporaryFolder folder;
  folder.write("a.yml", detection("Rows", "", "x=1 | stats count by dest"));
  folder.write("b.yml", detection("Whole", "", "x=1 | stats count by dest | head 1"));
  Sources sources;
  sources.detections = {folder.path()};
  sources.defaults.emit = Emit::first_match;
  LoadResult loaded = load(sources);
  ASSERT_EQ(loaded.catalogue->detections.size(), 2u) << reasons(loaded.refused);
  EXPECT_EQ(loaded.catalogue->detections[0].detection.emit, Emit::first_match);
  EXPECT_EQ(loaded.catalogue->detections[1].detection.emit, Emit::schedule);
  sources.overrides["Whole"].emit = Emit::first_match;
  EXPECT_EQ(load(sources).refused.size(), 1u);
}

TEST(Load, AnErrorInsideAMacroNamesTheMacroAndItsPlace) {
  TemporaryFolder folder;
  folder.write("d.yml", "name: A\ntype: TTP\nsearch: |\n  x=1\n  | `outer(dest)`\n");
  folder.write("m/m.yml",
               "name: outer(1)\narguments: [f]\ndefinition: 'stats count by $f$ | `inner`'\n---\n"
               "name: inner\ndefinition: frobnicate y\n");
  Sources sources;
  sources.detections = {folder / "d.yml"};
  sources.macros = {folder / "m"};
  auto only_reason = [&] {
    LoadResult loaded = load(sources);
    return loaded.refused.size() == 1 ? loaded.refused[0] : Refused{};
  };
  EXPECT_EQ(only_reason().line, 5);
  EXPECT_EQ(only_reason().column, 5);
  EXPECT_NE(only_reason().reason.find("frobnicate"), std::string::npos);
  std::string file = folder / "m/m.yml";
  std::string chain = "in macro `inner` (" + file + ":6), called by `outer` (" + file + ":3)";
  EXPECT_NE(only_reason().reason.find(chain), std::string::npos) << only_reason().reason;

  folder.write("m/m.yml", "name: outer(1)\narguments: [f]\ndefinition: 'stats count by $f$ | `inner`'\n");
  EXPECT_NE(only_reason().reason.find("unknown macro `inner`"), std::string::npos);
  EXPECT_NE(only_reason().reason.find("in macro `outer` (" + file + ":3)"), std::string::npos)
      << only_reason().reason;
  EXPECT_EQ(load_search("x", "x=1 | frobnicate y", {}).refused[0].reason.find("in macro"), std::string::npos);
  EXPECT_EQ(load_search("x", "`sysmn` x=1", {}).refused[0].reason,
            "macro `sysmn` is unknown: did you mean `sysmon`?");
  EXPECT_EQ(load_search("x", "`sysmon(1)` x=1", {}).refused[0].reason,
            "macro `sysmon` takes 0 arguments, not 1");
}

TEST(Load, AMisspeltKeyIsHintedAndAStrangeOneIsNot) {
  TemporaryFolder folder;
  folder.write("d.yml", "name: A\ntype: TTP\nserch: x=1\n");
  Sources sources;
  sources.detections = {folder / "d.yml"};
  EXPECT_NE(reasons(load(sources).refused)
                .find("d.yml:3:8: A: `serch` is not a key that is known: did you "
                      "mean `search`?"),
            std::string::npos)
      << reasons(load(sources).refused);
  folder.write("d.yml", detection("A", "drilldown_serches: []\nsomething_of_ours: 1\n"));
  LoadResult loaded = load(sources);
  EXPECT_TRUE(loaded.refused.empty()) << reasons(loaded.refused);
  ASSERT_EQ(loaded.warnings.size(), 1u) << reasons(loaded.warnings);
  EXPECT_NE(loaded.warnings[0].reason.find("did you mean `drilldown_searches`?"), std::string::npos);
}

TEST(Load, RiskObjectsHaveAKnownTypeAndAScoreUpTo100) {
  TemporaryFolder folder;
  Sources sources;
  sources.detections = {folder / "d.yml"};
  auto with = [&](const std::string& type, const std::string& score) {
    folder.write("d.yml", detection("A", "finding: {title: t, entity: {field: dest, type: " + type +
                                             ", score: " + score + "}}\n"));
    return load(sources);
  };
  LoadResult odd = with("systems", "50");
  EXPECT_TRUE(odd.refused.empty()) << reasons(odd.refused);
  EXPECT_NE(reasons(odd.warnings).find("`systems` is none that Splunk knows"), std::string::npos);
  EXPECT_NE(reasons(odd.warnings).find("did you mean `system`?"), std::string::npos);
  EXPECT_TRUE(with("user", "100").warnings.empty());
  EXPECT_TRUE(with("user", "0").refused.empty());
  for (const char* score : {"101", "-1", ".nan"}) {
    EXPECT_NE(reasons(with("user", score).refused).find("must be a number from 0 to 100"), std::string::npos)
        << score;
  }
}

TEST(Load, WhyADetectionIsOff) {
  TemporaryFolder folder;
  folder.write("a.yml", detection("Off", "enabled: false\n"));
  folder.write("b.yml", detection("Old", "status: deprecated\n"));
  folder.write("c.yml", "name: Base\ntype: Baseline\nsearch: '| no such command'\n");
  folder.write("d.yml", detection("On"));
  folder.write("e.yml", detection("Overridden"));
  Sources sources;
  sources.detections = {folder.path()};
  sources.overrides["Overridden"].disabled = true;
  sources.include_disabled = true;
  LoadResult loaded = load(sources);
  std::map<std::string, std::string> off;
  for (const LoadedDetection& each : loaded.catalogue->detections) off[each.detection.name] = each.off;
  EXPECT_EQ(off["On"], "");
  EXPECT_NE(off["Off"].find("its file"), std::string::npos) << off["Off"];
  EXPECT_NE(off["Old"].find("deprecated"), std::string::npos) << off["Old"];
  EXPECT_NE(off["Overridden"].find("override"), std::string::npos) << off["Overridden"];
  ASSERT_EQ(loaded.ignored.size(), 1u);
  EXPECT_EQ(loaded.ignored[0].name, "Base");
}

// Every file of the public catalogue is read; those that do not compile are another test's business.
TEST(Load, ThePublicCatalogueIsRead) {
  std::string shared = testing::shared_folder();
  if (shared.empty()) GTEST_SKIP() << "the public catalogue is not beside the project";
  Sources sources;
  sources.detections = {shared + "/escu/detections"};
  sources.include_disabled = true;
  LoadResult loaded = load(sources);
  EXPECT_EQ(loaded.catalogue->detections.size() + loaded.refused.size(), 570u);
  for (const Refused& each : loaded.refused) {
    EXPECT_NE(each.name, "") << each.file << ": " << each.reason;
    EXPECT_GT(each.line, 1) << each.file;  // the place is in the search, not the file's beginning
  }
}

}  // namespace
}  // namespace hecate::catalogue
