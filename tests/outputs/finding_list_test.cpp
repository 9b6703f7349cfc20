#include "outputs/finding_list.h"

#include "outputs/findings.h"
#include "outputs/rule.h"
#include "tests/support/testing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <simdjson.h>

namespace hecate::outputs {
namespace {

class FindingListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::Store::open(folder_ / "state", clock_, registry_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    ASSERT_TRUE(prepare_tables(*store_));
    reader_ = std::move(*store_->reader());
    add_run(1, true);
  }

  void execute(const std::string& sql) {
    auto done = store_->write_and_wait([&](store::Database& database) { return database.execute(sql); });
    ASSERT_TRUE(done) << done.error().message << sql;
  }
  void add_run(int run, bool done) {
    execute(
        fmt::format("INSERT INTO run(run, detection, scheduled, earliest, latest, rows, done) VALUES"
                    " ({}, 'd', 0, 0, 0, 1, {})",
                    run, int{done}));
  }
  // One finding, told at second `created`.
  void add(const std::string& id, int created, const std::string& row, int revision = 1, int run = 1,
           const std::string& detection = "d", int rule = 0) {
    std::string body = fmt::format(
        R"({{"id":"{}","kind":"finding","detection":"{}","title":"t","severity":"low","risk_score":30,"risk_objects":[{{"field":"f","value":"Risky","type":"system","score":1}}],"annotations":{{"mitre_attack":["T1"]}},"row":{},"sample":{{"host":"Sampled","raw":"r"}}}})",
        id, detection, row);
    execute(fmt::format(
        "INSERT INTO finding(id, revision, run, detection, created, earliest, latest, status, plain,"
        " seen, rule, body) VALUES ('{0}', {1}, {2}, '{3}', {4}, 0, 1000000, 'new', 1, 1, {6}, '{5}');"
        "INSERT INTO finding_id SELECT '{0}', {1}, max(seq) FROM finding",
        id, revision, run, detection, created * kSecond, body, rule));
  }

  // The ids in their order, `|` where the list goes on.
  std::string ids(const FindingListQuery& query) {
    auto list = list_findings(*reader_, query);
    if (!list) return list.error().message;
    next_ = list->next;
    simdjson::dom::parser parser;
    std::string found;
    for (simdjson::dom::element each : simdjson::dom::array(parser.parse(list->json)))
      found += std::string(std::string_view(each["id"])) + " ";
    return found + (next_ ? "|" : "");
  }

  testing::TemporaryFolder folder_;
  testing::ManualClock clock_;
  prometheus::Registry registry_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Database> reader_;
  std::optional<FindingPlace> next_;
};

FindingListQuery query() {
  return {.before = std::nullopt, .detection = {}, .host = {}};
}

TEST_F(FindingListTest, APieceAtATimeEachOnceWhateverComesMeanwhile) {
  for (int i = 0; i < 5; ++i) add(fmt::format("f{}", i), i < 3 ? 10 : 20, "{}");
  FindingListQuery two = query();
  two.limit = 2;
  EXPECT_EQ(ids(two), "f4 f3 |");
  add("f5", 30, "{}");
  two.before = next_;
  EXPECT_EQ(ids(two), "f2 f1 |");
  two.before = next_;
  EXPECT_EQ(ids(two), "f0 ");
}

TEST_F(FindingListTest, TheNewestVisibleRevisionIsListed) {
  add("a", 10, "{}");
  add("b", 11, "{}");
  add("a", 12, "{}", 2);
  add_run(2, false);
  add("b", 13, "{}", 2, 2);
  EXPECT_EQ(ids(query()), "a b ");
}

TEST_F(FindingListTest, ByTimeDetectionAndHost) {
  add("a", 10, R"({"dest":"Web-1.corp"})");
  add("b", 20, R"({"dest":["x","db-2"],"Computer":"y"})", 1, 1, "e");
  add("c", 30, R"({"user":"web-1"})");
  FindingListQuery by = query();
  by.since = 10 * kSecond;
  by.until = 30 * kSecond;
  EXPECT_EQ(ids(by), "b a ");
  by = query();
  by.detection = "e";
  EXPECT_EQ(ids(by), "b ");
  by = query();
  by.host = "WEB-1";
  EXPECT_EQ(ids(by), "a ");
  by.host = "db";
  EXPECT_EQ(ids(by), "b ");
  by.host = "sampled";
  EXPECT_EQ(ids(by), "c b a ");
  by.host = "risky";
  EXPECT_EQ(ids(by), "c b a ");
  by.host = "nobody";
  EXPECT_EQ(ids(by), "");
}

TEST_F(FindingListTest, LooksAtSoManyAndTellsWhereToGoOn) {
  add("a", 10, R"({"dest":"wanted"})");
  for (int i = 0; i < 3; ++i) add(fmt::format("f{}", i), 20, "{}");
  FindingListQuery few = query();
  few.host = "wanted";
  few.look_at = 2;
  EXPECT_EQ(ids(few), "|");
  few.before = next_;
  EXPECT_EQ(ids(few), "a ");
}

TEST_F(FindingListTest, BriefNamesHostsAndTechniquesAndLeavesTheRest) {
  add("a", 10, R"({"dest":"sampled","dvc":"d1"})");
  FindingListQuery brief = query();
  brief.brief = true;
  EXPECT_EQ(
      list_findings(*reader_, brief)->json,
      R"([{"created":"1970-01-01T00:00:10.000Z","revision":1,"status":"new","id":"a","kind":"finding",)"
      R"("detection":"d","title":"t","severity":"low","risk_score":30,"hosts":["sampled","d1","Risky"],)"
      R"("mitre_attack":["T1"]}])"
      "\n");
}

TEST_F(FindingListTest, OneIsShownWithRevisionsDeliveryAndSearches) {
  Rule rule;
  rule.name = "d";
  rule.search_name = "ESCU - \"d\" - Rule";
  rule.notable = true;
  rule.index = "notable";
  rule.drilldowns = {{"Of $dest$", "index=x dest=\"$dest$\"", "$info_min_time$", "$info_max_time$"}};
  execute("INSERT INTO rule VALUES (7, 0, '" + rule.to_json() + "')");
  add("a", 10, R"({"dest":"w"})", 1, 1, "d", 7);
  add("a", 20, R"({"dest":"w\" | delete"})", 2, 1, "d", 7);
  execute("INSERT INTO outbox(run, told, finding, kind, queued) VALUES (1, 2, 'a', 'notable', 0)");
  execute("INSERT INTO parked VALUES (1, 'a', 'risk', '{}', 400, 7, '', 0)");
  auto shown = show_finding(*reader_, "a");
  ASSERT_TRUE(shown);
  ASSERT_TRUE(*shown);
  simdjson::dom::parser parser;
  simdjson::dom::element json = parser.parse(**shown);
  EXPECT_EQ(std::int64_t(json["finding"]["revision"]), 2);
  EXPECT_EQ(simdjson::dom::array(json["revisions"]).size(), 2u);
  EXPECT_EQ(std::int64_t(json["delivery"]["waiting"]), 1);
  EXPECT_EQ(std::int64_t(json["delivery"]["parked"]), 1);
  simdjson::dom::array splunk = json["splunk"];
  ASSERT_EQ(splunk.size(), 2u);
  EXPECT_EQ(std::string_view(splunk.at(0)["search"]),
            R"(index="notable" source="ESCU - \"d\" - Rule" finding_id="a")");
  EXPECT_EQ(std::string_view(splunk.at(0)["earliest"]), "19.000");
  EXPECT_EQ(std::string_view(splunk.at(1)["search"]), R"(index=x dest="w\" | delete")");
  EXPECT_EQ(std::string_view(splunk.at(1)["latest"]), "1.000");
  auto none = show_finding(*reader_, "b");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

}  // namespace
}  // namespace hecate::outputs
