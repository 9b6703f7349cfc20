// Splunk's own forms: macros.conf, transforms.conf and savedsearches.conf, in the layers of apps.
#include "pipeline/catalogue/catalogue.h"
#include "tests/support/testing.h"

#include <deque>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hecate::catalogue {
namespace {

std::string told(const std::vector<Refused>& list) {
  std::string out;
  for (const Refused& each : list)
    out += fmt::format("{}:{}:{}: {}: {}\n", each.file, each.line, each.column, each.name, each.reason);
  return out;
}

void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << part << " in\n" << message;
}

class Conf : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) { folder_.write(name, text); }
  LoadResult load() {
    Sources sources;
    sources.detections = {folder_ / "app"};
    sources.macros = macros_;
    sources.lookups = lookups_;
    sources.include_disabled = true;
    return catalogue::load(sources);
  }
  // The only detection, loaded without an error.
  LoadedDetection one() {
    const LoadResult& loaded = kept_.emplace_back(load());
    EXPECT_EQ(told(loaded.refused), "");
    EXPECT_EQ(told(loaded.warnings), "");
    EXPECT_EQ(loaded.catalogue->detections.size(), 1U);
    return loaded.catalogue->detections.size() == 1 ? loaded.catalogue->detections[0] : LoadedDetection{};
  }
  std::string refused() { return told(load().refused); }
  static std::string condition_of(const LoadedDetection& loaded) {
    return loaded.plan ? spl::canonical(loaded.plan->scan().condition()) : "none";
  }
  static std::string condition_of_search(const std::string& search) {
    return condition_of(load_search("x", search, {}).catalogue->detections.at(0));
  }

  hecate::testing::TemporaryFolder folder_;
  std::vector<std::string> macros_, lookups_;
  std::deque<LoadResult> kept_;  // plans point into their catalogue's names
};

const std::string kDetection = "name: A\ntype: TTP\nsearch: '`found(x, 5)`'\n";

TEST_F(Conf, MacrosOfAnAppLieInLayersSettingBySetting) {
  write("app/d.yml", kDetection);
  write("app/default/macros.conf",
        "# the app's own\n[found(2)]\nargs = field, value\ndefinition = $field$=$value$ OR \\\n y=1\n");
  EXPECT_EQ(condition_of(one()), condition_of_search("x=5 OR y=1"));
  write("app/local/macros.conf", "[found(2)]\ndefinition = local=$value$\n");
  EXPECT_EQ(condition_of(one()), condition_of_search("local=5")) << "the arguments are those of default";
  write("site/macros.conf", "[found(2)]\ndefinition = site=$value$\n");
  macros_ = {folder_ / "site"};
  EXPECT_EQ(condition_of(one()), condition_of_search("site=5"));
  write("last.conf", "[found(2)]\ndefinition = last=$value$\n");
  macros_.push_back(folder_ / "last.conf");
  EXPECT_EQ(condition_of(one()), condition_of_search("last=5"));
  write("app/local/macros.conf", "");
  macros_.clear();
  EXPECT_EQ(condition_of(one()), condition_of_search("x=5 OR y=1")) << "an empty file is a file";
}

TEST_F(Conf, WhatIsWrongWithAMacroHasItsPlace) {
  write("app/d.yml", kDetection);
  write("app/default/macros.conf", "[found(2)]\ndefinition = x\n");
  expect_part(refused(), "macros.conf:1:1: : `args` lists 0 names, but the stanza [found(2)] is that of");
  write("app/default/macros.conf", "[found(2)]\nargs=a,b\niseval = 1\ndefinition = \"x=\" . $a$\n");
  expect_part(refused(), "d.yml:3:10: A: macro `found` (");
  expect_part(refused(), "macros.conf:4) is an eval expression (`iseval`)");
  write("app/default/macros.conf", "[found(2)]\nargs=a,b\nnot a setting\n[open\ndefinition=x=1\n");
  expect_part(refused(), "macros.conf:3:1: : expected [a stanza] or key = value");
  expect_part(refused(), "macros.conf:4:1: : the stanza's name is not closed by ]");
}

TEST_F(Conf, LookupsOfAnAppHaveTheirRulesAndTheirFile) {
  write("app/d.yml",
        "name: A\ntype: TTP\nsearch: 'x=1 | lookup tools name OUTPUT kind | stats count by kind'\n");
  write("app/default/transforms.conf",
        "[default]\ncase_sensitive_match = false\n[tools]\nfilename = tools.csv\n"
        "match_type = WILDCARD(name)\n[extraction]\nREGEX = (x)\nFORMAT = a::$1\n");
  write("app/lookups/tools.csv", "name,kind\n*mimi*,credentials\n");
  std::uint64_t in_default = one().plan->scan().id();
  write("same.yml",
        "name: tools\nfilename: app/lookups/tools.csv\nmatch_type: WILDCARD(name)\n"
        "case_sensitive_match: 'false'\n");
  lookups_ = {folder_ / "same.yml"};
  EXPECT_EQ(one().plan->scan().id(), in_default) << "the settings of [default] are beneath";
  lookups_.clear();
  write("app/local/transforms.conf", "[tools]\nmax_matches = 1\n");
  EXPECT_NE(one().plan->scan().id(), in_default) << "local changes one setting";
  write("app/local/transforms.conf", "[tools]\nmax_matches = 0\n");
  expect_part(refused(), "local/transforms.conf:2:15: : `max_matches` expected a whole number from 1");
  write("app/local/transforms.conf", "[tools]\nmatch_type = FUZZY(name)\n");
  expect_part(refused(), "not `FUZZY(name)`");
}

TEST_F(Conf, ALookupThatIsNoFileSaysSoToWhoUsesIt) {
  write("app/d.yml",
        "name: A\ntype: TTP\nsearch: 'x=1 | lookup tools name OUTPUT kind | stats count by kind'\n");
  write("app/default/transforms.conf", "[tools]\nexternal_type = kvstore\ncollection = tools\n");
  expect_part(refused(), "transforms.conf:3) cannot be used: it is a collection of Splunk's KV store");
  write("app/default/transforms.conf", "[tools]\nexternal_cmd = tools.py name\n");
  expect_part(refused(), "a program of Splunk's answers it");
  write("app/default/transforms.conf", "[tools]\nfilename = missing.csv\n");
  expect_part(refused(), "d.yml:3:23: A: the lookup `tools` (");
  expect_part(refused(), "missing.csv: there is no such file");
}

const std::string kSaved = R"([ESCU - Dumps - Rule]
action.escu.search_type = detection
action.correlationsearch.enabled = 1
action.correlationsearch.annotations = {"analytic_story": ["S"], "cve": ["CVE-1"], "mitre_attack": ["T1003"]}
action.risk = 1
action.risk.param._risk_message = Dumped on $dest$
action.risk.param._risk = [{"risk_object_field": "dest", "risk_object_type": "system", "risk_score": 64}, \
 {"threat_object_field": "Image", "threat_object_type": "process"}]
action.notable = 1
action.notable.param.nes_fields = user,dest,src
action.notable.param.rule_title = A %name%
action.notable.param.security_domain = network
alert.suppress = 1
alert.suppress.fields = dest, user
alert.suppress.period = 1h
cron_schedule = 5 * * * *
dispatch.earliest_time = -65m@m
dispatch.latest_time = -5m@m
counttype = number of events
relation = greater than
quantity = 0
enableSched = 1
disabled = true
description = About it.
search = x=1 \
| stats count by dest
)";

TEST_F(Conf, ASavedSearchIsADetection) {
  write("app/default/savedsearches.conf", kSaved);
  LoadedDetection loaded = one();
  const Detection& found = loaded.detection;
  EXPECT_EQ(found.name, "Dumps");
  EXPECT_EQ(found.search_name, "ESCU - Dumps - Rule");
  EXPECT_EQ(found.type, "TTP");
  EXPECT_EQ(loaded.off, "its file disables it; an override `disabled: false` turns it on");
  EXPECT_EQ(found.cron + " " + found.earliest + " " + found.latest, "5 * * * * -65m@m -5m@m");
  EXPECT_TRUE(found.notable && found.risk);
  EXPECT_EQ(found.rule_title, "A %name%");
  EXPECT_EQ(found.notable_fields, (std::vector<std::string>{"user", "dest", "src"}));
  EXPECT_EQ(found.security_domain, "network");
  EXPECT_EQ(found.message, "Dumped on $dest$");
  ASSERT_EQ(found.risk_objects.size(), 1U);
  EXPECT_EQ(found.risk_objects[0].field + found.risk_objects[0].type, "destsystem");
  EXPECT_EQ(found.risk_score(), 64);
  ASSERT_EQ(found.threat_objects.size(), 1U);
  EXPECT_EQ(found.threat_objects[0].field, "Image");
  EXPECT_EQ(found.throttle.fields, (std::vector<std::string>{"dest", "user"}));
  EXPECT_EQ(found.throttle.period, kHour);
  EXPECT_EQ(found.mitre_attack, std::vector<std::string>{"T1003"});
  EXPECT_EQ(found.cve, std::vector<std::string>{"CVE-1"});
  EXPECT_EQ(found.line, 25);
  EXPECT_EQ(found.column, 10);
}

TEST_F(Conf, LocalGoesOverDefaultSettingBySetting) {
  write("app/default/savedsearches.conf", kSaved);
  write("app/local/savedsearches.conf",
        "[ESCU - Dumps - Rule]\ndisabled = 0\ncron_schedule = 7 * * * *\nalert.suppress = 0\n"
        "action.risk = 0\naction.notable.param.rule_title = Ours\n");
  LoadedDetection loaded = one();
  EXPECT_EQ(loaded.off, "");
  EXPECT_EQ(loaded.detection.cron, "7 * * * *");
  EXPECT_EQ(loaded.detection.earliest, "-65m@m");
  EXPECT_EQ(loaded.detection.throttle.period, 0);
  EXPECT_FALSE(loaded.detection.risk);
  EXPECT_EQ(loaded.detection.rule_title, "Ours");
}

TEST_F(Conf, AStanzaChangesADetectionOfYaml) {
  write("app/d.yml", "name: Dumps\ntype: Anomaly\nsearch: y=1 | stats count by dest\n");
  write("app/local/savedsearches.conf",
        "[ESCU - Dumps - Rule]\ncron_schedule = 9 * * * *\naction.notable = 1\n");
  LoadedDetection loaded = one();
  EXPECT_EQ(loaded.detection.cron, "9 * * * *");
  EXPECT_EQ(loaded.detection.type, "Anomaly");
  EXPECT_TRUE(loaded.detection.notable && loaded.detection.risk);
  EXPECT_EQ(condition_of(loaded), condition_of_search("y=1"));
  write("app/local/savedsearches.conf", "[Dumps]\nsearch = z=1 | stats count by dest\n");
  EXPECT_EQ(condition_of(one()), condition_of_search("z=1"));
  write("app/local/savedsearches.conf", "[ESCU - Dump - Rule]\ndisabled = 1\n");
  expect_part(told(load().warnings), "savedsearches.conf:1:1: ESCU - Dump - Rule: has no search, and there");
}

TEST_F(Conf, WhatIsWrongWithASavedSearchHasItsPlace) {
  auto with = [&](const std::string& line) {
    write("app/default/savedsearches.conf", kSaved);
    write("app/local/savedsearches.conf", "[ESCU - Dumps - Rule]\n" + line + "\n");
    LoadResult loaded = load();
    EXPECT_TRUE(loaded.catalogue->detections.empty()) << "what is wrong does not run: " << line;
    return told(loaded.refused);
  };
  expect_part(with("search = x=1 \\\n| frobnicate"),
              "local/savedsearches.conf:3:3: Dumps: \"frobnicate\" is");
  expect_part(with("disabled = perhaps"), "savedsearches.conf:2:12: Dumps: `disabled` must be true or false");
  expect_part(with("cron_schedule = 99 * * * *"), "Dumps: ");
  expect_part(with("alert.suppress.period = soon"), "`alert.suppress.period` must be a number and a unit");
  expect_part(with("alert.suppress.fields ="), "`alert.suppress` is set without `alert.suppress.fields`");
  expect_part(with("dispatch.earliest_time ="), "`dispatch.earliest_time` is missing");
  expect_part(with("action.risk.param._risk = [{]"), "`action.risk.param._risk` is not JSON");
  expect_part(with("action.risk.param._risk = [{\"risk_object_field\": \"a\", \"risk_score\": 200}]"),
              "no number from 0 to 100");
  expect_part(with("counttype = number of hosts"), "`counttype` is `number of hosts`");
  expect_part(with("alert_condition = search count > 5"), "`alert_condition` is not supported");
}

TEST_F(Conf, TheNumberOfResultsIsAPartOfTheSearch) {
  write("app/default/savedsearches.conf", kSaved);
  write("app/local/savedsearches.conf", "[ESCU - Dumps - Rule]\nquantity = 5\n");
  EXPECT_TRUE(one().detection.search.ends_with(
      "| eventstats count AS hecate_results | where hecate_results > 5 | fields - hecate_results"));
}

TEST_F(Conf, AReportThatNobodySchedulesIsOff) {
  write("app/default/savedsearches.conf", "[Report]\nsearch = x=1 | stats count\n");
  EXPECT_EQ(one().off, "it is not scheduled (`enableSched = 1` with a `cron_schedule`)");
  write("app/default/savedsearches.conf",
        "[Base]\nsearch = x=1 | stats count\naction.escu.search_type = support\n");
  EXPECT_EQ(load().ignored.size(), 1U);
}

}  // namespace
}  // namespace hecate::catalogue
