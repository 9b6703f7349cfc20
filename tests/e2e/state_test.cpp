// `hecate state` over a small folder that the test makes, in use and stopped.
#include "outputs/findings.h"
#include "pipeline/store/store.h"
#include "pipeline/window/journal_rows.h"
#include "tests/e2e/process.h"
#include "tests/store/counts.h"

#include <filesystem>
#include <future>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <simdjson.h>
#include <unistd.h>

namespace hecate::testing {
namespace {

class StateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *store::Store::open(path(), clock_, registry_);
    ASSERT_TRUE(outputs::prepare_tables(*store_));
  }

  [[nodiscard]] std::string path() const { return folder_ / "state"; }
  void execute(const std::string& sql) {
    auto done = store_->write_and_wait([&](store::Database& database) { return database.execute(sql); });
    ASSERT_TRUE(done) << done.error().message;
  }

  // Two detections that share a scan, three findings (one of a run that is not done, one with two revisions),
  // what waits, and what was kept aside.
  void fill() {
    execute(fmt::format(
        "INSERT INTO schedule(detection, last_run, scan) VALUES ('One', {0}, 7), ('Two', {0}, 7), ('Three', "
        "{0}, 0);"
        "INSERT INTO run(run, detection, scheduled, earliest, latest, rows, done) VALUES"
        " (1, 'One', 0, 0, 0, 1, 1), (2, 'Two', 0, 0, 0, 1, 1), (3, 'Two', 0, 0, 0, 1, 0);"
        "INSERT INTO finding(id, revision, run, detection, created, earliest, latest, status, plain, seen, "
        "body)"
        " VALUES ('a', 1, 1, 'One', {0}, 0, 0, 'new', 0, 1, '{{\"id\":\"a\"}}'),"
        " ('b', 1, 2, 'Two', {1}, 0, 0, 'new', 0, 2, '{{\"id\":\"b\"}}'),"
        " ('a', 2, 2, 'One', {2}, 0, 0, 'new', 0, 2, '{{\"id\":\"a\"}}'),"
        " ('c', 1, 3, 'Two', {2}, 0, 0, 'new', 0, 3, '{{\"id\":\"c\"}}');"
        "INSERT INTO finding_id SELECT id, revision, seq FROM finding;"
        "INSERT INTO outbox(run, finding, kind, queued, payload) VALUES"
        " (1, 'a', 'notable', {0}, '{{\"event\":1}}'), (3, 'c', 'risk', {0}, '{{}}');"
        "INSERT INTO parked VALUES (9, 'b', 'notable', '{{\"event\":2}}', 400, 7, 'no \"index\"', {0});",
        clock_.now(), clock_.now() + kHour, clock_.now() + 2 * kHour));
    store::DeltaSet deltas;
    for (int i = 0; i < 4; ++i) store::testing::add_count(deltas, 7, i % 2, fmt::format("g{}", i));
    store::testing::add_count(deltas, 0xabc, 5, "other");
    store::Sample sample;
    sample.time = clock_.now() - kDay;
    sample.raw = "an \"event\"";
    sample.host = "HOST1";
    sample.source = "s";
    sample.sourcetype = "st";
    deltas.add_aside({store::Aside::Reason::late, 7, clock_.now(), sample});
    std::promise<store::Store::Outcome> outcome;
    store_->submit(std::move(deltas), [&](store::Store::Outcome result) { outcome.set_value(result); });
    ASSERT_EQ(outcome.get_future().get(), store::Store::Outcome::committed);
    ASSERT_TRUE(store_->fold());
  }

  [[nodiscard]] Finished state(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {hecate_binary(), "state"});
    arguments.insert(arguments.end(), {"--path", path()});
    return run(arguments);
  }
  // The values of `field` of its lines of JSON.
  static std::vector<std::string> values(const std::string& lines, const std::string& field) {
    std::vector<std::string> found;
    simdjson::dom::parser parser;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      simdjson::dom::element value = parser.parse(line)[field];
      found.push_back(value.is_string() ? std::string(std::string_view(value)) : simdjson::minify(value));
    }
    return found;
  }

  using Texts = std::vector<std::string>;
  TemporaryFolder folder_;
  ManualClock clock_;
  prometheus::Registry registry_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(StateTest, ASoundFolderIsOkInUseAndStopped) {
  fill();
  for (bool running : {true, false}) {
    if (!running) store_.reset();
    Finished checked = state({"check"});
    EXPECT_EQ(checked.exit_code, 0) << checked.errors;
    EXPECT_EQ(checked.output, "ok\n");
  }
  SetUp();  // and it starts again
}

TEST_F(StateTest, CheckTellsWhatCannotBeReadAndWhatBelongsToNothing) {
  fill();
  execute("UPDATE pane SET state = x'01ff' WHERE scan = 2748");
  execute("UPDATE aside SET sample = x'77'");
  execute("DELETE FROM run WHERE run = 2");
  Finished checked = state({"check"});
  EXPECT_EQ(checked.exit_code, 1);
  EXPECT_NE(
      checked.output.find("a row of pane cannot be read: scan 0000000000000abc, minute 1970-01-01T00:05"),
      std::string::npos)
      << checked.output;
  EXPECT_NE(checked.output.find("1 events kept aside cannot be read"), std::string::npos) << checked.output;
  execute("UPDATE aside SET sample = x''; DELETE FROM pane");
  checked = state({"check"});
  EXPECT_EQ(checked.exit_code, 1);
  EXPECT_NE(checked.output.find("2 rows of finding belong to no run"), std::string::npos) << checked.output;
}

TEST_F(StateTest, CheckTellsOfANewerSchemaAndOfDamagedPages) {
  fill();
  execute("UPDATE meta SET value = 99 WHERE key = 'schema.outputs'");
  Finished checked = state({"check"});
  EXPECT_EQ(checked.exit_code, 1);
  EXPECT_NE(checked.output.find("the outputs tables are of version 99"), std::string::npos) << checked.output;
  execute(
      "CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES (1), (2);"
      "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'i'");
  checked = state({"check"});
  EXPECT_EQ(checked.exit_code, 1);
  EXPECT_NE(checked.output.find("never used"), std::string::npos) << checked.output;
}

TEST_F(StateTest, CheckMissesTheLogOfAHecateThatWasKilled) {
  fill();
  std::filesystem::create_directories(folder_ / "copy");
  for (const char* name : {"hecate.db", "lock"})
    std::filesystem::copy_file(path() + "/" + name, folder_ / "copy/" + name);
  for (int i = 0; i < 2; ++i) {  // looking does not make it good
    Finished checked = run({hecate_binary(), "state", "check", "--path", folder_ / "copy"});
    EXPECT_EQ(checked.exit_code, 1);
    EXPECT_NE(checked.output.find("hecate.db-wal is missing"), std::string::npos) << checked.output;
    (void)run({hecate_binary(), "state", "show", "--path", folder_ / "copy"});
  }
  EXPECT_FALSE(store::Store::open(folder_ / "copy", clock_, registry_));
}

TEST_F(StateTest, ShowIsATableForPeople) {
  fill();
  Finished shown = state({"show"});
  ASSERT_EQ(shown.exit_code, 0) << shown.errors;
  for (const char* line :
       {"findings  2\n", "outbox    1 waiting, the oldest since 2026-04-27T12:00:00.000Z, 1 parked\n",
        "aside     1 late, 0 from the future, 0 damaged rows\n",
        "\nOne                      2026-04-27T12:00:00.000Z        2          4",
        "\nThree                    2026-04-27T12:00:00.000Z        0          0         0 B        0        "
        " 0\n",
        "\n(scan 0000000000000abc)  -                               1          1"})
    EXPECT_NE(shown.output.find(line), std::string::npos) << line << " in\n" << shown.output;
  execute("INSERT INTO tail VALUES (100, zeroblob(2048))");
  shown = state({"show"});
  EXPECT_NE(shown.output.find("\n  tail      2.0 KiB that no line below counts yet\n"), std::string::npos)
      << shown.output;
}

// With subsearches: what all scans of a detection hold is told under its name, and the tables it writes.
TEST_F(StateTest, ShowPutsScansOfSubsearchesUnderTheirDetection) {
  ASSERT_TRUE(store_->write_and_wait(window::prepare_tables));
  fill();
  execute(
      "INSERT INTO scan_use VALUES ('One', 0, 7), ('One', 1, 2748);"
      "INSERT INTO lookup VALUES ('hosts_seen', 12, 'dest')");
  Finished shown = state({"show"});
  ASSERT_EQ(shown.exit_code, 0) << shown.errors;
  for (const char* line :
       {"\n  lookup    hosts_seen: 12 rows\n", "\nOne        2026-04-27T12:00:00.000Z        3          5",
        "\nTwo        2026-04-27T12:00:00.000Z        2          4"})
    EXPECT_NE(shown.output.find(line), std::string::npos) << line << " in\n" << shown.output;
  EXPECT_EQ(shown.output.find("(scan "), std::string::npos) << shown.output;
}

TEST_F(StateTest, ShowTellsWhatHasRunAndCountsScheduledRuns) {
  execute(fmt::format(
      "INSERT INTO schedule(detection, last_run, scan) VALUES ('Fresh', {0}, 7), ('Ran', {1}, 8);"
      "INSERT INTO run(run, detection, scheduled, earliest, latest, rows, done, early) VALUES"
      " (1, 'Ran', 60, 0, 0, 1, 1, 0), (2, 'Ran', 60, 0, 0, 1, 1, 0), (3, 'Ran', 120, 0, 0, 1, 1, 0),"
      " (4, 'Ran', 180, 0, 0, 1, 1, 1), (5, 'Fresh', 60, 0, 0, 1, 1, 1)",
      clock_.now() + 1, clock_.now()));
  Finished shown = state({"show"});
  for (const char* line :
       {"\nFresh      -                               0          0         0 B        0         0\n",
        "\nRan        2026-04-27T12:00:00.000Z        0          0         0 B        2         0\n"})
    EXPECT_NE(shown.output.find(line), std::string::npos) << line << " in\n" << shown.output;
}

TEST_F(StateTest, ParkedEnvelopesArePutBackOnceHecateHasStopped) {
  fill();
  Finished running = state({"requeue"});
  EXPECT_EQ(running.exit_code, 2);
  EXPECT_NE(running.errors.find("in use"), std::string::npos) << running.errors;
  execute("INSERT INTO parked VALUES (11, 'b', 'risk', '{\"event\":3}', 400, 7, 'x', 0)");
  store_.reset();
  Finished wrong = state({"requeue", "--seq", "9", "--seq", "10"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.errors.find("no parked envelope has the number 10"), std::string::npos) << wrong.errors;
  EXPECT_EQ(values(state({"outbox"}).output, "state"), (Texts{"waiting", "parked", "parked"}));
  Finished one = state({"requeue", "--seq", "11"});
  EXPECT_EQ(one.output, "1 put back; they are posted when hecate starts\n") << one.errors;
  EXPECT_EQ(values(state({"outbox"}).output, "envelope"),
            (Texts{R"({"event":1})", R"({"event":3})", R"({"event":2})"}));
  EXPECT_EQ(state({"requeue"}).output, "1 put back; they are posted when hecate starts\n");
  EXPECT_EQ(values(state({"outbox"}).output, "state"), (Texts{"waiting", "waiting", "waiting"}));
  EXPECT_EQ(state({"requeue"}).output, "0 put back; they are posted when hecate starts\n");
  EXPECT_EQ(state({"check"}).output, "ok\n");
  SetUp();
}

TEST_F(StateTest, WhatCannotBeLookedAtIsToldInWords) {
  store_.reset();
  folder_.write("empty/hecate.db", "");
  Finished empty = run({hecate_binary(), "state", "show", "--path", folder_ / "empty"});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_NE(empty.errors.find("hecate.db is empty"), std::string::npos) << empty.errors;
  folder_.write("text/hecate.db", "this is no database at all, but it is long enough to look at");
  Finished text = run({hecate_binary(), "state", "check", "--path", folder_ / "text"});
  EXPECT_NE(text.exit_code, 0);
  EXPECT_NE((text.errors + text.output).find("not a database"), std::string::npos)
      << text.errors << text.output;
  std::filesystem::create_directories(folder_ / "folder/hecate.db");
  EXPECT_NE(run({hecate_binary(), "state", "show", "--path", folder_ / "folder"}).errors.find("is no file"),
            std::string::npos);
  std::filesystem::create_symlink(folder_ / "loop", folder_ / "loop");
  Finished loop = run({hecate_binary(), "state", "show", "--path", folder_ / "loop"});
  EXPECT_EQ(loop.exit_code, 2);
  EXPECT_NE(loop.errors.find("cannot be looked at: Too many levels of symbolic links"), std::string::npos)
      << loop.errors;
}

// root may look at everything.
TEST_F(StateTest, AnotherUserIsToldWhoMayLook) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  store_.reset();
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
  for (const char* what : {"show", "check", "requeue"}) {
    Finished closed =
        run({"setpriv", "--reuid=65534", "--clear-groups", hecate_binary(), "state", what, "--path", path()});
    EXPECT_NE(closed.exit_code, 0);
    EXPECT_NE((closed.output + closed.errors).find("Permission denied; the folder is closed to all but"),
              std::string::npos)
        << closed.output << closed.errors;
  }
}

TEST_F(StateTest, FindingsAreTheNewestRevisionsNewestFirst) {
  fill();
  EXPECT_EQ(values(state({"findings"}).output, "id"), (Texts{"a", "b"}));
  EXPECT_EQ(values(state({"findings"}).output, "revision"), (Texts{"2", "1"}));
  EXPECT_EQ(values(state({"findings", "--limit", "1"}).output, "id"), (Texts{"a"}));
  EXPECT_EQ(values(state({"findings", "--detection", "Two"}).output, "id"), (Texts{"b"}));
  EXPECT_EQ(values(state({"findings", "--since", "2026-04-27T13:30:00Z"}).output, "id"), (Texts{"a"}));
  EXPECT_EQ(state({"findings", "--since", "yesterday"}).exit_code, 2);
}

TEST_F(StateTest, ExportIsAllRevisionsAsTheyWereTold) {
  fill();
  store_.reset();
  Finished all = state({"export"});
  EXPECT_EQ(values(all.output, "id"), (Texts{"a", "b", "a"}));
  EXPECT_EQ(values(all.output, "revision"), (Texts{"1", "1", "2"}));
}

TEST_F(StateTest, OutboxIsWhatWaitsAndWhatWasPutAside) {
  fill();
  auto lines = state({"outbox"}).output;
  EXPECT_EQ(values(lines, "state"), (Texts{"waiting", "parked"}));
  EXPECT_EQ(values(lines, "finding"), (Texts{"a", "b"}));
  EXPECT_EQ(values(lines, "envelope"), (Texts{R"({"event":1})", R"({"event":2})"}));
  EXPECT_NE(lines.find(R"("status":400,"code":7,"answer":"no \"index\"")"), std::string::npos) << lines;
}

TEST_F(StateTest, LateIsWhatWasKeptAside) {
  fill();
  auto lines = state({"late"}).output;
  for (const auto& [field, value] :
       std::map<std::string, std::string>{{"reason", "late"},
                                          {"received", "2026-04-27T12:00:00.000Z"},
                                          {"time", "2026-04-26T12:00:00.000Z"},
                                          {"host", "HOST1"},
                                          {"source", "s"},
                                          {"sourcetype", "st"},
                                          {"raw", "an \"event\""}})
    EXPECT_EQ(values(lines, field), (Texts{value})) << field;
}

// Folders of a hecate that had fewer tables, and no folder at all.
TEST_F(StateTest, WhatIsNotThereYetIsNothing) {
  execute("DROP TABLE aside; DROP TABLE finding; DROP TABLE outbox; DROP TABLE parked; DROP TABLE damaged");
  for (const char* what : {"show", "findings", "late", "outbox", "export"})
    EXPECT_EQ(state({what}).exit_code, 0) << what;
  Finished nowhere = run({hecate_binary(), "state", "show", "--path", folder_ / "nowhere"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_NE(nowhere.errors.find("there is no hecate.db in"), std::string::npos) << nowhere.errors;
}

}  // namespace
}  // namespace hecate::testing
