#include "outputs/retention.h"

#include "outputs/findings.h"
#include "tests/support/testing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

namespace hecate::outputs {
namespace {

// Rows are written as the runner and the sink would; ages are days before `now`.
class RetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = store::Store::open(folder_.path(), clock_, registry_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    ASSERT_TRUE(prepare_tables(*store_));
    reader_ = *store_->reader();
    options_.findings_age = 90 * kDay;
    needs_.lateness = kDay;
  }

  void execute(const std::string& sql) {
    auto done = store_->write_and_wait([&](store::Database& database) { return database.execute(sql); });
    ASSERT_TRUE(done) << done.error().message;
  }
  [[nodiscard]] Time before(double days) const { return clock_.now() - static_cast<Time>(days * kDay); }

  void run(int id, double days, int rows = 1) {
    execute(
        fmt::format("INSERT INTO run(run, detection, scheduled, earliest, latest, rows, done)"
                    " VALUES ({}, 'd', {}, 0, 0, {}, 1)",
                    id, before(days), rows));
  }
  void finding(const std::string& id, int run, double days, double ends) {
    execute(fmt::format(
        "INSERT INTO finding(id, revision, run, detection, created, earliest, latest, status, plain,"
        " seen, body) VALUES ('{}', 1, {}, 'd', {}, 0, {}, 'new', 0, {}, '{{}}')",
        id, run, before(days), before(ends), run));
    execute(fmt::format("INSERT INTO finding_id SELECT id, revision, seq FROM finding WHERE id = '{}'", id));
  }
  std::string list(const std::string& sql) {
    auto rows = *reader_->cursor(sql + " ORDER BY 1");
    std::string all;
    while (*rows->step()) all += std::string(rows->text(0)) + " ";
    return all;
  }
  Removed remove() {
    auto removed = remove_old_findings(*store_, *reader_, clock_.now(), options_, needs_);
    EXPECT_TRUE(removed) << removed.error().message;
    return removed ? *removed : Removed{};
  }

  hecate::testing::TemporaryFolder folder_;
  hecate::testing::ManualClock clock_;
  prometheus::Registry registry_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Database> reader_;
  RetentionOptions options_;
  RetentionNeeds needs_;
};

TEST_F(RetentionTest, FindingsGoByAgeAndTheirRunsWithThem) {
  run(1, 95);
  run(2, 91);
  run(3, 89);
  finding("old", 1, 95, 95);
  finding("also", 2, 91, 91);
  finding("young", 3, 89, 89);
  auto removed = remove();
  EXPECT_EQ(removed.findings, 2);
  EXPECT_EQ(removed.runs, 2);
  EXPECT_EQ(list("SELECT id FROM finding"), "young ");
  EXPECT_EQ(list("SELECT id FROM finding_id"), "young ");
  EXPECT_EQ(list("SELECT run FROM run"), "3 ");
}

TEST_F(RetentionTest, FindingsGoByNumberTheOldestFirst) {
  execute(
      fmt::format("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1300)"
                  " INSERT INTO finding(id, revision, run, detection, created, earliest, latest, status, "
                  "plain, seen, body)"
                  " SELECT printf('f%04d', i), 1, 1, 'd', {0}, 0, {0}, 'new', 0, 1, '' FROM n",
                  before(80)));
  options_.findings_most = 3;
  EXPECT_EQ(remove().findings, 1297);
  EXPECT_EQ(list("SELECT id FROM finding"), "f1298 f1299 f1300 ");
  EXPECT_EQ(remove().findings, 0);
}

// Its ids must be known as long as the window may be run again.
TEST_F(RetentionTest, AFindingOfAWindowThatMayBeRunAgainStays) {
  options_.findings_age = 0;
  options_.findings_most = 1;
  run(1, 5);
  finding("closed", 1, 1.5, 1.1);
  finding("open", 1, 1.5, 0.9);
  finding("newest", 1, 0.1, 0.1);
  EXPECT_EQ(remove().findings, 1);
  EXPECT_EQ(list("SELECT id FROM finding"), "newest open ");
  EXPECT_EQ(list("SELECT run FROM run"), "1 ");
}

TEST_F(RetentionTest, ThrottleMarksStayForTheLongestPeriodAndLateness) {
  needs_.longest_throttle = 2 * kDay;
  execute(
      fmt::format("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
                  " INSERT INTO throttle SELECT 'd', i, iif(i % 2, {}, {}), 7 FROM n",
                  before(2.9), before(3.1)));
  execute("INSERT INTO throttle VALUES ('d', CAST(x'6100ff' AS TEXT), 1, 7)");  // a text like no other
  run(7, 3.1);
  auto removed = remove();
  EXPECT_EQ(removed.throttle_marks, 601);
  EXPECT_EQ(removed.runs, 0);
  EXPECT_EQ(list("SELECT count(*) FROM throttle"), "600 ");
}

TEST_F(RetentionTest, ParkedEnvelopesGoByAgeAndNumber) {
  options_.parked_most = 2;
  for (int i = 1; i <= 5; ++i)
    execute(fmt::format("INSERT INTO parked VALUES ({}, 'f', 'notable', '', 400, 6, '', {})", i,
                        before(i == 1 ? 91 : 3)));
  EXPECT_EQ(remove().parked, 3);
  EXPECT_EQ(list("SELECT seq FROM parked"), "4 5 ");
}

TEST_F(RetentionTest, ARunStaysWhileAnythingPointsToItOrItIsYoung) {
  for (int id = 1; id <= 5; ++id) run(id, id == 5 ? 0.9 : 2);
  finding("f", 1, 2, 2);
  execute("INSERT INTO outbox(run, finding, kind, queued, payload) VALUES (2, 'f', 'notable', 1, '')");
  execute(fmt::format("INSERT INTO throttle VALUES ('d', '[]', {}, 3)", before(0.5)));
  run(6, 2, 0);  // told nothing: the runner's own to remove
  EXPECT_EQ(remove().runs, 1);
  EXPECT_EQ(list("SELECT run FROM run"), "1 2 3 5 6 ");
}

// What is posted is made of them.
TEST_F(RetentionTest, FindingsInTheOutboxAndTheirRulesStay) {
  for (int id = 1; id <= 2; ++id) {
    run(id, 95);
    finding(id == 1 ? "waits" : "was told", id, 95, 95);
    execute(fmt::format("INSERT INTO rule VALUES ({}, {}, '{{}}')", id, before(95)));
  }
  execute("UPDATE finding SET rule = seq");
  execute("INSERT INTO outbox(run, told, finding, kind, queued) VALUES (1, 1, 'waits', 'notable', 1)");
  EXPECT_EQ(remove().findings, 1);
  EXPECT_EQ(list("SELECT id FROM finding"), "waits ");
  EXPECT_EQ(list("SELECT id FROM finding_id"), "waits ");
  EXPECT_EQ(list("SELECT run FROM run"), "1 ");
  execute("DELETE FROM outbox");
  run(3, 0.1);
  finding("young", 3, 0.1, 0.1);
  EXPECT_EQ(remove().findings, 1);
  EXPECT_EQ(list("SELECT count(*) FROM rule"), "0 ");
}

}  // namespace
}  // namespace hecate::outputs
