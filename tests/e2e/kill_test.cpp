// Nothing lost and nothing twice, through kill -9 and SIGTERM at any moment under load: the test's log
// shippers know what was answered, its SIEM what was told; between them runs the real binary.
#include "pipeline/base/clock.h"
#include "pipeline/store/database.h"
#include "tests/e2e/process.h"
#include "tests/e2e/shippers.h"
#include "tests/support/hec_double.h"
#include "tests/support/stash.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace hecate::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kToken = "11111111-2222-4333-8444-555555555555";
constexpr int kConnections = 4;
constexpr const char* kEach = "Each Event";
constexpr const char* kAll = "All Events";

// Events lie in the first of these minutes. Each minute is a window whose run was missed and is made up once
// the grace is over: so the test says when runs happen, and waits for no clock.
constexpr int kMinutes = 20;
constexpr Time kBegan = 30 * kMinute;

struct Setup {
  const char* name;
  int workers;
  const char* emit;
  const char* revise;
  bool dedup;
};
void PrintTo(const Setup& setup, std::ostream* out) {
  *out << setup.name;
}

// Grows with each run, also one for late events; and when one that was missed is done.
constexpr const char* kNewestRun = "SELECT coalesce(max(run), 0) FROM run WHERE early = 0";
constexpr const char* kLastRun = "SELECT min(last_run) FROM schedule";

constexpr Setup kSetups[] = {
    {"OneWorker", 1, "schedule", "fields", false},
    {"FourWorkersFirstMatch", 4, "first_match", "any", false},
    {"NetworkThreadDedup", 0, "schedule", "any", true},
};

// HECATE_KILLS, for more of them than CI has time for.
int kills() {
  const char* set = std::getenv("HECATE_KILLS");
  return set ? std::max(2, std::atoi(set)) : 20;
}

std::string detection(const char* name, const char* by) {
  return fmt::format(
      "name: {}\ntype: TTP\nsearch: 'EventID=11 | stats count by {}'\n"
      "deployment: {{scheduling: {{cron_schedule: '* * * * *', earliest_time: -1m@m, latest_time: '@m'}}}}\n",
      name, by);
}

// The BY values of an event's own group.
std::pair<std::string, std::string> group_of(std::size_t number) {
  return {fmt::format("ws-{}", number % 7), fmt::format("C:\\Windows\\System32\\d{}.sys", number)};
}

// A finding that is visible: the newest revision comes last.
struct Told {
  std::string id;
  std::string revision;
  std::string status;
  std::map<std::string, std::string> row;
};

using Identity = std::pair<std::string, std::string>;  // id and revision

Identity identity_of(const std::string& envelope) {
  simdjson::dom::parser parser;
  simdjson::padded_string text(envelope);
  simdjson::dom::element parsed = parser.parse(text);
  StashFields fields = read_stash(std::string_view(parsed["event"]));
  return {fields["finding_id"].at(0), fields["revision"].at(0)};
}

class KillTest : public ::testing::TestWithParam<Setup> {
 protected:
  void SetUp() override {
    content_.write("each.yml", detection(kEach, "dest, TargetFilename"));
    content_.write("all.yml", detection(kAll, "EventID"));
    siem_.answer([this](const HecDouble::Request&, std::size_t number) {
      if (siem_is_silent_) return HecDouble::never();
      return number % 16 == 15 ? HecDouble::reset() : HecDouble::success();
    });
    hecate_ = std::make_unique<Serving>(configuration("1h"));
    hecate_->stop();
    pretend_stopped_since(begin_);
    shippers_ = std::make_unique<Shippers>(kConnections, kToken, [this](std::size_t n) { return event(n); });
    go_on();
  }

  // After the next start, runs that were missed are made up.
  void make_runs_due() {
    runs_due_ = true;
    hecate_->configure(configuration("1s"));
  }

  void go_on() {
    sign_ = sign_of_runs();
    before_ = sign_ ? number(sign_) : 0;
    hecate_->restart();
    shippers_->send_to(hecate_->hec_port());
  }

  // What grows as soon as hecate runs something; null when nothing is due.
  const char* sign_of_runs() {
    if (!runs_due_) return nullptr;
    bool any_missed = number(kLastRun) < floor_to(SystemClock().now(), kMinute);
    return any_missed && random_() % 2 == 0 ? kLastRun : kNewestRun;
  }

  // After a random number of answered requests, where runs are due since the first one began.
  void wait_for_some_moment() {
    auto begun = [this] { return !sign_ || number(sign_) > before_; };
    ASSERT_TRUE(eventually(begun, 60s)) << hecate_->process().errors();
    ASSERT_TRUE(shippers_->wait_for_answers(1 + random_() % 100)) << hecate_->process().errors();
  }

  void kill_in_start() {
    const char* mark = random_() % 2 == 0 ? "loaded" : "ready";
    Process starting({hecate_binary(), "serve", "--config", hecate_->folder() / "hecate.yaml"});
    EXPECT_TRUE(eventually([&] { return starting.errors().find(mark) != std::string::npos; }))
        << starting.errors();
    starting.signal(SIGKILL);
    EXPECT_EQ(starting.wait(), 128 + SIGKILL);
  }

  void kill_under_load() {
    wait_for_some_moment();
    hecate_->kill();
    if (random_() % 4 == 0) kill_in_start();
    go_on();
  }

  // Everything is answered, run and delivered.
  void finish() {
    ASSERT_TRUE(shippers_->settle()) << hecate_->process().errors();
    make_runs_due();
    hecate_->stop();
    Time stopped = SystemClock().now();
    hecate_->restart();
    auto done = [&] {
      return number("SELECT count(*) FROM schedule WHERE last_run > ?", floor_to(stopped, kMinute) - 1) ==
                 2 &&
             number("SELECT count(*) FROM late_minute") == 0 && number("SELECT count(*) FROM outbox") == 0;
    };
    ASSERT_TRUE(eventually(done, 60s)) << hecate_->process().errors();
    hecate_->stop();
  }

  void check_counts() const;
  void check_delivery() const;

  std::string configuration(const char* grace) const;
  std::string event(std::size_t number) const;
  void pretend_stopped_since(Time time) const;
  std::int64_t number(const std::string& sql, std::int64_t bound = 0) const;
  std::vector<Told> read_told(const char* detection) const;

  const Time begin_ = floor_to(SystemClock().now(), kMinute) - kBegan;
  std::mt19937 random_{1};
  bool runs_due_ = false;
  const char* sign_ = nullptr;  // since the last start
  std::int64_t before_ = 0;     // what the sign was then
  TemporaryFolder content_;
  std::atomic<bool> siem_is_silent_{false};
  HecDouble siem_;
  std::unique_ptr<Serving> hecate_;
  std::unique_ptr<Shippers> shippers_;
};

std::string KillTest::configuration(const char* grace) const {
  return fmt::format(R"(
inputs: {{hec: {{listen: "127.0.0.1:0", tokens: [{{name: test, token: {}}}]}}}}
admin: {{listen: "127.0.0.1:0"}}
state: {{path: "@STATE@"}}
ingest: {{workers: {}, dedup: {}}}
windows: {{grace: {}}}
detections: {{paths: ["{}"], defaults: {{emit: {}, revise: {}}}}}
outputs: {{hec: {{url: "{}", token: out, index: notable}}}}
)",
                     kToken, GetParam().workers, GetParam().dedup, grace, content_.path(), GetParam().emit,
                     GetParam().revise, siem_.url());
}

std::string KillTest::event(std::size_t number) const {
  auto [host, file] = group_of(number);
  Time time = begin_ + static_cast<Time>(number * 7'654'321 % static_cast<std::size_t>(kMinutes * kMinute));
  for (std::size_t at = 0; (at = file.find('\\', at)) != std::string::npos; at += 2) file.insert(at, 1, '\\');
  return fmt::format(R"({{"time":{},"event":{{"EventID":11,"SourceName":"Microsoft-Windows-Sysmon",)"
                     R"("Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"{}","RecordNumber":{},)"
                     R"("Image":"C:\\Defender\\MsMpEng.exe","TargetFilename":"{}"}}}})",
                     format_epoch(time), host, number, file);
}

void KillTest::pretend_stopped_since(Time time) const {
  auto database =
      store::Database::open(hecate_->folder() / "state/hecate.db", store::Database::Mode::read_write);
  ASSERT_TRUE(database.has_value()) << database.error().message;
  auto done = (*database)->execute(
      fmt::format("UPDATE schedule SET last_run = {0}, first = {1}", time, time - kHour));
  ASSERT_TRUE(done.has_value()) << done.error().message;
}

std::int64_t KillTest::number(const std::string& sql, std::int64_t bound) const {
  auto database =
      store::Database::open(hecate_->folder() / "state/hecate.db", store::Database::Mode::read_only);
  if (!database) return -1;
  auto statement = (*database)->cursor(sql);
  if (!statement) return -1;
  if (sql.find('?') != std::string::npos) (*statement)->bind(1, bound);
  auto row = (*statement)->step();
  return row && *row ? (*statement)->integer(0) : -1;
}

std::vector<Told> KillTest::read_told(const char* detection) const {
  std::vector<Told> told;
  auto database =
      store::Database::open(hecate_->folder() / "state/hecate.db", store::Database::Mode::read_only);
  auto rows = database.value()->cursor(
      "SELECT f.id, f.revision, f.status, coalesce(f.newest, f.body) FROM finding f JOIN run r"
      " ON r.run = f.run"
      " WHERE r.done = 1 AND f.detection = ? ORDER BY f.id, f.revision");
  rows.value()->bind_text(1, detection);
  simdjson::dom::parser parser;
  while (rows.value()->step().value()) {
    Told& each = told.emplace_back(Told{std::string((*rows)->text(0)),
                                        std::to_string((*rows)->integer(1)),
                                        std::string((*rows)->text(2)),
                                        {}});
    simdjson::padded_string text((*rows)->text(3));
    simdjson::dom::element body = parser.parse(text);
    for (auto [name, value] : simdjson::dom::object(body["row"]))
      each.row[std::string(name)] = std::string(std::string_view(value));
  }
  return told;
}

// For each event: answered ≤ counted ≤ answered + sent again without an answer; and exactly once with dedup.
void KillTest::check_counts() const {
  std::map<std::pair<std::string, std::string>, int> counted;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> ids;
  for (Told& each : read_told(kEach)) {
    std::pair group(each.row["dest"], each.row["TargetFilename"]);
    EXPECT_NE(each.status, "withdrawn") << group.second;
    counted[group] = std::stoi(each.row["count"]);
    ids[group].insert(each.id);
  }
  for (const auto& [group, group_ids] : ids)
    EXPECT_EQ(group_ids.size(), 1u) << "a second id: " << group.second;

  auto sent = shippers_->times_sent();
  int sum = 0;
  for (std::size_t number = 0; number < sent.size(); ++number) {
    int count = 0;
    if (auto found = counted.extract(group_of(number))) count = found.mapped();
    sum += count;
    int most = GetParam().dedup ? 1 : sent[number].answered + sent[number].unanswered;
    EXPECT_TRUE(sent[number].answered <= count && count <= most)
        << "event " << number << " counts " << count << " times; answered " << sent[number].answered
        << " times, sent without an answer " << sent[number].unanswered << " times";
  }
  EXPECT_TRUE(counted.empty()) << "never sent: " << counted.begin()->first.second;
  EXPECT_GT(sum, 0);

  std::map<std::string, int> windows;  // by id, of which each window has one here
  for (Told& each : read_told(kAll)) windows[each.id] = std::stoi(each.row["count"]);
  EXPECT_LE(windows.size(), static_cast<std::size_t>(kMinutes));
  int sum_of_windows = 0;
  for (const auto& [id, count] : windows) sum_of_windows += count;
  EXPECT_EQ(sum_of_windows, sum) << "the two detections count the same events";
}

// What was told arrived, nothing else did, and none in two forms.
void KillTest::check_delivery() const {
  std::set<Identity> told;
  for (const char* name : {kEach, kAll})
    for (const Told& each : read_told(name)) told.emplace(each.id, each.revision);

  std::map<Identity, std::string> sent;
  for (const HecDouble::Request& request : siem_.requests()) {
    std::istringstream lines(request.body);
    for (std::string line; std::getline(lines, line);) {
      auto [at, is_new] = sent.emplace(identity_of(line), line);
      EXPECT_EQ(at->second, line) << "one (id, revision) with two contents";
      EXPECT_TRUE(told.contains(at->first)) << "sent, but not told: " << line;
    }
  }
  std::set<Identity> confirmed;
  for (const std::string& line : siem_.accepted()) confirmed.insert(identity_of(line));
  for (const Identity& each : told)
    EXPECT_TRUE(confirmed.contains(each))
        << "told, but never delivered: " << each.first << " " << each.second;
}

TEST_P(KillTest, KilledAtAnyMomentItLosesNothingAndTellsNothingTwice) {
  for (int i = 0; i < kills(); ++i) {
    if (i == kills() / 2) make_runs_due();
    kill_under_load();
    if (HasFatalFailure()) return;
  }
  ASSERT_NO_FATAL_FAILURE(finish());
  EXPECT_TRUE(shippers_->refusals().empty()) << ::testing::PrintToString(shippers_->refusals());
  EXPECT_TRUE(std::ranges::any_of(shippers_->times_sent(), [](TimesSent t) { return t.unanswered > 0; }));
  check_counts();
  check_delivery();
}

// Each request gets a whole answer or the end of its connection, also while the SIEM says nothing.
TEST_P(KillTest, StoppedUnderLoadItEndsWithZeroAndLosesNothing) {
  for (int i = 0; i < 20; ++i) {
    if (i == 10) make_runs_due();
    siem_is_silent_ = i % 8 == 7;
    wait_for_some_moment();
    hecate_->process().signal(SIGTERM);
    ASSERT_EQ(hecate_->process().wait(10s), 0) << hecate_->process().errors();
    go_on();
    if (HasFatalFailure()) return;
  }
  siem_is_silent_ = false;
  ASSERT_NO_FATAL_FAILURE(finish());
  for (const auto& [refusal, times] : shippers_->refusals())
    EXPECT_EQ(refusal, R"(503 {"text":"Server is shutting down","code":23})") << times << " times";
  check_counts();
  check_delivery();
}

INSTANTIATE_TEST_SUITE_P(Setups, KillTest, ::testing::ValuesIn(kSetups),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hecate::testing
