#include "outputs/findings.h"

#include "outputs/finding_list.h"
#include "outputs/outbox_cursor.h"
#include "outputs/schema.h"
#include "tests/outputs/result.h"
#include "tests/support/testing.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace hecate::outputs {
namespace {

using testing::OwnedRow;

constexpr const char* kDetection = R"(
name: N
type: TTP
search: search x=1
finding: {title: "T $dest$", entity: {field: dest, type: system, score: 50}}
)";
constexpr const char* kThrottled = R"(
name: N
type: TTP
search: search x=1
throttling: {fields: [dest], period: 2h}
)";

// The journal, with the runner's part played by the test.
class FindingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = store::Store::open(folder_.path(), clock_, registry_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    start(true);
  }

  void start(bool deliver) {
    FindingOptions options;
    options.deliver = deliver;
    auto findings = Findings::make(*store_, options, registry_,
                                   [this](std::string_view json) { told_.emplace_back(json); });
    ASSERT_TRUE(findings) << findings.error().message;
    findings_ = std::move(*findings);
    auto reader = store_->reader();
    ASSERT_TRUE(reader);
    reader_ = std::move(*reader);
  }

  void write(store::Store::Job job) {
    if (!job) return;
    auto written = store_->write_and_wait(std::move(job));
    ASSERT_TRUE(written) << written.error().message;
  }
  store::Store::Job job(const window::Run& run, bool last) {
    auto taken = findings_->take(run, last);
    EXPECT_TRUE(taken) << taken.error().message;
    return taken ? std::move(*taken) : nullptr;
  }
  void execute(const std::string& sql) {
    write([sql](store::Database& database) { return database.execute(sql); });
  }

  // The next run, `hours` after the usual one, not yet done.
  window::Run begin(const catalogue::LoadedDetection& detection, int hours = 0) {
    window::Run run = testing::run(detection, ++last_run_);
    run.window = detection.schedule.window(run.window.scheduled + hours * kHour);
    run.search_time += hours * kHour;
    execute("INSERT INTO run (run, detection, scheduled, earliest, latest, rows, done) VALUES (" +
            std::to_string(run.id) + ", '" + detection.detection.name + "', " +
            std::to_string(run.window.scheduled) + ", 0, 0, 0, 0)");
    return run;
  }
  void tell(const window::Run& run, const std::string& dest, const std::string& count = "1") {
    OwnedRow row;
    row.set("dest", {dest});
    row.set("count", {count});
    auto result = row.result({"dest"});
    result.aggregates = aggregates_;
    findings_->row(run, result, nullptr);
  }
  void finish(const window::Run& run) {
    while (findings_->withdraw(run).value()) write(job(run, false));
    write(job(run, true));
    execute("UPDATE run SET done = 1 WHERE run = " + std::to_string(run.id));
    findings_->done(run);
  }
  void run_with(const catalogue::LoadedDetection& detection, const std::vector<std::string>& dests,
                int hours = 0) {
    window::Run run = begin(detection, hours);
    for (const std::string& dest : dests) tell(run, dest);
    finish(run);
  }

  std::string listed(Time since = 0, int limit = 100) {
    auto list =
        list_findings(*reader_, {.since = since, .before = {}, .limit = limit, .detection = {}, .host = {}});
    return list ? list->json : list.error().message;
  }
  static int count(const std::string& text, const std::string& word) {
    int count = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
  }
  std::int64_t number(const std::string& sql) {
    auto statement = reader_->prepare(sql);
    EXPECT_TRUE(statement);
    EXPECT_TRUE((*statement)->step().value_or(false));
    std::int64_t value = (*statement)->integer(0);
    (*statement)->reset();
    return value;
  }
  std::string text(const std::string& sql) {
    auto statement = reader_->cursor(sql);
    EXPECT_TRUE(statement && (*statement)->step().value_or(false)) << sql;
    return std::string((*statement)->text(0));
  }
  // What would be posted now.
  std::vector<std::string> outbox() {
    StoredRules rules;
    OutboxCursor rows(*reader_, rules);
    std::vector<std::string> envelopes;
    while (rows.next().value()) envelopes.push_back(rows.envelope().value());
    return envelopes;
  }
  std::string metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  testing::TemporaryFolder folder_;
  testing::ManualClock clock_;
  prometheus::Registry registry_;
  std::vector<std::string> told_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Findings> findings_;
  std::unique_ptr<store::Database> reader_;
  std::int64_t last_run_ = 0;
  const std::vector<std::string> aggregates_{"count"};
};

TEST_F(FindingsTest, AreVisibleWhenTheirRunIsDone) {
  auto detection = testing::detection(kDetection);
  window::Run run = begin(detection);
  tell(run, "H1");
  tell(run, "H2");
  EXPECT_EQ(findings_->pending(), 2u);
  write(job(run, false));
  EXPECT_EQ(findings_->pending(), 0u);
  EXPECT_EQ(listed(), "[]\n");
  EXPECT_TRUE(told_.empty());
  tell(run, "H3");
  finish(run);
  EXPECT_EQ(count(listed(), "\"id\":"), 3);
  ASSERT_EQ(told_.size(), 3u);
  EXPECT_NE(told_[0].find("\"title\":\"T H1\""), std::string::npos) << told_[0];
  EXPECT_NE(told_[2].find("\"title\":\"T H3\""), std::string::npos) << told_[2];
  EXPECT_NE(metrics().find("hecate_findings_total{detection=\"N\"} 3"), std::string::npos);
}

TEST_F(FindingsTest, AreListedNewestFirst) {
  auto detection = testing::detection(kDetection);
  run_with(detection, {"H1", "H2"});
  run_with(detection, {"H3"}, 1);
  std::string list = listed();
  EXPECT_LT(list.find("T H3"), list.find("T H2"));
  EXPECT_LT(list.find("T H2"), list.find("T H1"));
  EXPECT_EQ(count(listed(0, 2), "\"id\":"), 2);
  EXPECT_EQ(count(listed(from_civil(2026, 4, 27, 13, 30)), "\"id\":"), 1);
}

TEST_F(FindingsTest, AnIdIsToldOnce) {
  auto detection = testing::detection(kDetection);
  run_with(detection, {"H1"});
  run_with(detection, {"H1", "H2"});  // the same window again
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_EQ(number("SELECT count(*) FROM outbox WHERE kind = 'notable'"), 2);
  EXPECT_NE(metrics().find("reason=\"told_before\"} 1"), std::string::npos) << metrics();
}

TEST_F(FindingsTest, WhatWasToldEarlyIsKeptUpToDate) {
  auto detection = testing::detection(kDetection);
  window::Run early = begin(detection);
  early.early = true;
  tell(early, "H1", "1");
  finish(early);
  window::Run again = begin(detection);
  again.early = true;
  tell(again, "H1", "2");
  finish(again);
  EXPECT_NE(listed().find("\"count\":\"2\""), std::string::npos);
  window::Run scheduled = begin(detection);
  tell(scheduled, "H1", "7");
  finish(scheduled);
  EXPECT_NE(listed().find("\"count\":\"7\""), std::string::npos);
  EXPECT_EQ(count(listed(), "\"id\":"), 1);
  EXPECT_EQ(told_.size(), 1u);
}

// What version 1 of the tables held is there, and is not told again.
TEST_F(FindingsTest, FindingsOfAnOlderVersionKeepTheirIds) {
  auto detection = testing::detection(kDetection);
  run_with(detection, {"H1"});
  std::string id = text("SELECT id FROM finding");
  std::string body = text("SELECT json_insert(body, '$.revision', 1) FROM finding");
  findings_.reset();
  write([&](store::Database& database) -> Result<void> {
    for (const char* table : {"finding", "finding_id", "rule", "outbox", "throttle", "parked"})
      if (auto done = database.execute(std::string("DROP TABLE ") + table); !done) return done;
    if (auto done = database.execute("DELETE FROM meta WHERE key = 'schema.outputs'"); !done) return done;
    if (auto done = database.migrate("outputs", std::span(kSchema).first(1)); !done) return done;
    auto old = database.prepare(
        "INSERT INTO finding (id, revision, run, detection, created, earliest, latest, status, body)"
        " VALUES (?, 1, ?, 'N', 0, ?, ?, 'new', ?)");
    if (!old) return std::unexpected(old.error());
    auto window = testing::run(detection).window;
    (*old)->bind_text(1, id).bind(2, last_run_).bind(3, window.earliest).bind(4, window.latest);
    if (auto done = (*old)->bind_text(5, body).run(); !done) return done;
    return database.execute(
        "INSERT INTO outbox (seq, run, finding, kind, queued, payload) VALUES (9, 1, 'f', 'notable', 1, "
        "'nine');"
        "INSERT INTO outbox (seq, run, finding, kind, queued, payload) VALUES (5, 1, 'f', 'notable', 1, "
        "'five');"
        "DELETE FROM outbox WHERE seq = 9");
  });
  start(true);
  // What waits is posted as it is, and no number is given twice.
  EXPECT_EQ(outbox(), std::vector<std::string>{"five"});
  EXPECT_EQ(count(listed(), "\"revision\""), 1) << listed();
  EXPECT_NE(listed().find("\"revision\":1,\"status\":\"new\",\"id\":\"" + id), std::string::npos) << listed();
  told_.clear();
  run_with(detection, {"H1", "H2"});
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_EQ(number("SELECT count(*) FROM finding"), 2);
  EXPECT_EQ(number("SELECT min(seq) FROM outbox WHERE seq > 5"), 10);
}

TEST_F(FindingsTest, EqualRowsOfOneRunAreToldApart) {
  auto detection = testing::detection(kDetection);
  window::Run run = begin(detection);
  tell(run, "H1");
  write(job(run, false));
  tell(run, "H1");
  finish(run);
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_EQ(number("SELECT count(DISTINCT id) FROM finding"), 2);
}

TEST_F(FindingsTest, WhatAnUndoneRunLeftIsGone) {
  auto detection = testing::detection(kDetection);
  window::Run crashed = begin(detection);
  tell(crashed, "H1");
  tell(crashed, "H2");
  write(job(crashed, false));
  start(true);
  run_with(detection, {"H1"});
  EXPECT_EQ(number("SELECT count(*) FROM finding"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM outbox WHERE kind = 'notable'"), 1);
  EXPECT_EQ(told_.size(), 1u);
}

// The ids of a run of several writes are put into their index at its end, in their order.
TEST_F(FindingsTest, AllIdsOfALongRunAreKnown) {
  auto detection = testing::detection(kDetection);
  window::Run run = begin(detection);
  for (int i = 0; i < 50; ++i) {
    tell(run, "H" + std::to_string(i));
    if (i % 10 == 9) write(job(run, false));
  }
  EXPECT_EQ(number("SELECT count(*) FROM finding_id"), 0);
  tell(run, "H50");
  finish(run);
  EXPECT_EQ(
      number("SELECT count(*) FROM finding_id i JOIN finding f USING (id, revision) WHERE f.seq = i.finding"),
      51);
  told_.clear();
  run_with(detection, {"H7", "H50"});
  EXPECT_EQ(told_.size(), 49u);  // withdrawn
  EXPECT_EQ(number("SELECT count(*) FROM finding WHERE status = 'withdrawn'"), 49);
}

// What a run does not show that lacks events may well be true.
TEST_F(FindingsTest, ARunThatLacksEventsWithdrawsNothing) {
  auto detection = testing::detection(kDetection);
  run_with(detection, {"H1", "H2"});
  window::Run run = begin(detection);
  run.incomplete = true;
  tell(run, "H1");
  finish(run);
  EXPECT_EQ(number("SELECT count(*) FROM finding WHERE status = 'withdrawn'"), 0);
  run_with(detection, {"H1"});
  EXPECT_EQ(number("SELECT count(*) FROM finding WHERE status = 'withdrawn'"), 1);
}

TEST_F(FindingsTest, ADetectionThatTakesNoActionAnyMoreWithdrawsNothing) {
  run_with(testing::detection(kDetection), {"H1"});
  run_with(testing::detection("{name: N, type: Hunting, search: s}"), {});
  EXPECT_EQ(number("SELECT count(*) FROM finding WHERE status = 'withdrawn'"), 0);
}

// A few hundred a write, each once, and back again.
TEST_F(FindingsTest, ManyAreWithdrawnInPieces) {
  auto detection = testing::detection(kDetection);
  std::vector<std::string> hosts;
  for (int i = 0; i < 600; ++i) hosts.push_back("H" + std::to_string(i));
  run_with(detection, hosts);
  run_with(detection, {"H7"});
  EXPECT_EQ(number("SELECT count(*) FROM finding WHERE status = 'withdrawn'"), 599);
  EXPECT_EQ(number("SELECT count(DISTINCT id) FROM finding WHERE status = 'withdrawn'"), 599);
  EXPECT_NE(metrics().find("hecate_findings_withdrawn_total{detection=\"N\"} 599"), std::string::npos);
  run_with(detection, {"H7", "H8"});
  EXPECT_EQ(number("SELECT count(*) FROM finding WHERE status = 'withdrawn'"), 599);
  EXPECT_EQ(number("SELECT count(*) FROM finding WHERE revision = 3 AND status = 'revised'"), 1);
}

// With `revise: never` nothing is posted, but what is shown is right.
TEST_F(FindingsTest, WhatIsNeverRevisedComesBackAllTheSame) {
  auto detection = testing::detection(kDetection);
  detection.detection.revise = catalogue::Revise::never;
  run_with(detection, {"H1"});
  run_with(detection, {});
  run_with(detection, {"H1"});
  EXPECT_EQ(text("SELECT status FROM finding WHERE revision = 3"), "revised");
  EXPECT_EQ(number("SELECT count(*) FROM outbox WHERE kind = 'notable'"), 1);
}

// It has no next run that would clear them.
TEST_F(FindingsTest, WhatAnUndoneRunOfARemovedDetectionLeftIsCleared) {
  auto detection = testing::detection(kDetection);
  window::Run crashed = begin(detection);
  tell(crashed, "H1");
  write(job(crashed, false));
  catalogue::Catalogue running;
  running.detections.push_back(testing::detection(kDetection));
  ASSERT_TRUE(findings_->clean_up(clock_.now(), kDay, running));
  EXPECT_EQ(number("SELECT count(*) FROM finding"), 1);
  ASSERT_TRUE(findings_->clean_up(clock_.now(), kDay, {}));
  EXPECT_EQ(number("SELECT (SELECT count(*) FROM finding) + (SELECT count(*) FROM outbox)"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM run"), 0);
}

// An endpoint may get a finding twice: it is the same then, though what is shown of it has changed since.
TEST_F(FindingsTest, WhatIsPostedStaysAsItWasTold) {
  auto detection = testing::detection(kDetection);
  window::Run early = begin(detection);
  early.early = true;
  tell(early, "H1", "1");
  finish(early);
  auto posted = outbox();
  ASSERT_EQ(posted.size(), 2u);
  EXPECT_NE(posted[0].find(R"(count=\"1\")"), std::string::npos) << posted[0];
  window::Run scheduled = begin(detection);
  tell(scheduled, "H1", "7");
  finish(scheduled);
  EXPECT_NE(listed().find("\"count\":\"7\""), std::string::npos);
  EXPECT_EQ(outbox(), posted);
}

// Its rows are passed over, and what others told is posted.
TEST_F(FindingsTest, ARunThatGoesOnHoldsUpNobody) {
  auto detection = testing::detection(kDetection);
  auto other = testing::detection("{name: M, type: TTP, search: s}");
  window::Run run = begin(detection);
  tell(run, "H1");
  tell(run, "H2");
  write(job(run, false));
  run_with(other, {"H3"});
  EXPECT_EQ(outbox().size(), 1u);
}

TEST_F(FindingsTest, ARevisionBringsRiskEventsForNewObjectsOnly) {
  auto detection = testing::detection(
      "{name: N, type: TTP, search: s, finding: {title: T, entity: {field: user, type: user, score: 50}}}");
  auto run_with_users = [&](const std::vector<std::string>& users) {
    window::Run run = begin(detection);
    OwnedRow row;
    row.set("dest", {"H1"});
    row.set("user", users);
    findings_->row(run, row.result({"dest"}), nullptr);
    finish(run);
  };
  auto risks = [this] { return number("SELECT count(*) FROM outbox WHERE kind = 'risk'"); };
  run_with_users({"a"});
  EXPECT_EQ(risks(), 1);
  run_with_users({"a", "b"});
  EXPECT_EQ(risks(), 2);
  EXPECT_NE(outbox().back().find(R"(risk_object=\"b\")"), std::string::npos);
  run_with_users({"b"});
  run_with_users({"a"});
  EXPECT_EQ(risks(), 2);
  EXPECT_EQ(number("SELECT max(revision) FROM finding"), 4);
}

TEST_F(FindingsTest, ThrottlingGoesByScheduledTimeAndValues) {
  auto detection = testing::detection(kThrottled);
  run_with(detection, {"H1"});
  run_with(detection, {"H1", "H2"}, 1);  // H1 is within two hours
  EXPECT_EQ(told_.size(), 2u);
  run_with(detection, {"H1", "H2"}, 2);  // H1's two hours are over, H2's are not
  EXPECT_EQ(told_.size(), 3u);
  EXPECT_EQ(number("SELECT count(*) FROM outbox WHERE kind = 'notable'"), 3);
  EXPECT_NE(metrics().find("reason=\"throttled\"} 2"), std::string::npos) << metrics();
}

TEST_F(FindingsTest, ThrottlingHoldsWithinARunToo) {
  auto detection = testing::detection(kThrottled);
  run_with(detection, {"H1", "H1"});
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(FindingsTest, AnUndoneRunThrottlesNothing) {
  auto detection = testing::detection(kThrottled);
  window::Run crashed = begin(detection);
  tell(crashed, "H1");
  write(job(crashed, false));
  start(true);
  run_with(detection, {"H1"}, 1);
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(FindingsTest, WithoutAnOutputNothingIsQueued) {
  start(false);
  run_with(testing::detection(kDetection), {"H1"});
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_EQ(number("SELECT count(*) FROM outbox"), 0);
}

TEST_F(FindingsTest, RiskEventsAreQueuedBesideTheFinding) {
  run_with(testing::detection(kDetection), {"H1"});  // a TTP's deployment has both
  EXPECT_EQ(number("SELECT count(*) FROM outbox WHERE kind = 'risk'"), 1);
}

TEST_F(FindingsTest, DetectionsWithoutAnActionTellNothing) {
  run_with(testing::detection("{name: N, type: Hunting, search: s}"), {"H1"});
  EXPECT_EQ(listed(), "[]\n");
  EXPECT_TRUE(told_.empty());
}

}  // namespace
}  // namespace hecate::outputs
