// `hecate test`: the tests of detections, as in CI.
#include "daemon/content.h"
#include "daemon/junit.h"
#include "daemon/test_runner.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

using Verdict = TestOutcome::Verdict;

struct Totals {
  std::size_t passed = 0, failed = 0, broken = 0, skipped = 0, untested = 0;

  void count(Verdict verdict) {
    ++(verdict == Verdict::passed   ? passed
       : verdict == Verdict::failed ? failed
       : verdict == Verdict::broken ? broken
                                    : skipped);
  }
};

std::string_view word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "pass";
    case Verdict::failed:
      return "FAIL";
    case Verdict::broken:
      return "ERROR";
    default:
      return "skip";
  }
}

void print(const TestedCase& each, bool quiet) {
  const TestOutcome& outcome = each.outcome;
  if (quiet && outcome.verdict == Verdict::passed) return;
  fmt::print("{:<5} {}: {} ({}:{})\n", word_of(outcome.verdict), each.detection, each.name, each.file,
             each.line);
  for (const std::string& line : outcome.message) fmt::print("      {}\n", line);
}

class Tester {
 public:
  Tester(const TestOptions& options, const catalogue::LoadResult& loaded)
      : options_(options), loaded_(loaded) {}

  void run_all() {
    for (const catalogue::Refused& each : loaded_.refused)
      add({each.name.empty() ? each.file : each.name,
           "loads",
           each.file,
           each.line,
           0,
           {Verdict::broken, {to_line(each)}}});
    for (std::size_t i = 0; i < loaded_.catalogue->detections.size(); ++i) run(i);
  }
  [[nodiscard]] const std::vector<TestedCase>& cases() const { return cases_; }
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  void run(std::size_t index) {
    const catalogue::Detection& detection = loaded_.catalogue->detections[index].detection;
    if (!options_.name.empty() && !spl::equals_without_case(detection.name, options_.name)) return;
    auto tests = read_tests(detection.name, detection.file);
    if (!tests) {
      add({detection.name, "tests", detection.file, 1, 0, {Verdict::broken, {tests.error().message}}});
      return;
    }
    if (tests->empty()) {
      ++totals_.untested;
      if (!options_.quiet) fmt::print("none  {}: has no tests ({})\n", detection.name, detection.file);
    }
    for (const DetectionTest& test : *tests) {
      auto begin = std::chrono::steady_clock::now();
      TestOutcome outcome =
          run_test(test, loaded_.catalogue, index, {options_.attack_data, options_.allow_missing});
      std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      add({detection.name, test.name, test.file, test.line, seconds.count(), std::move(outcome)});
    }
  }
  void add(TestedCase each) {
    totals_.count(each.outcome.verdict);
    print(each, options_.quiet);
    cases_.push_back(std::move(each));
  }

  const TestOptions& options_;
  const catalogue::LoadResult& loaded_;
  std::vector<TestedCase> cases_;
  Totals totals_;
};

bool write_report(const std::string& file, const std::vector<TestedCase>& cases) {
  std::ofstream out(file, std::ios::binary);
  out << junit_xml(cases);
  out.close();
  if (!out) fmt::print(stderr, "hecate: {} could not be written; check folder and permissions\n", file);
  return static_cast<bool>(out);
}

}  // namespace

int test(const TestOptions& options) {
  catalogue::LoadResult loaded = read_content(options.content);
  tell_warnings(loaded);
  Tester tester(options, loaded);
  tester.run_all();
  const Totals& totals = tester.totals();
  fmt::print("{} passed, {} failed, {} errors, {} skipped; {} detections without tests\n", totals.passed,
             totals.failed, totals.broken, totals.skipped, totals.untested);
  if (!options.junit.empty() && !write_report(options.junit, tester.cases())) return 2;
  if (tester.cases().empty()) {
    fmt::print(stderr, "hecate: there are no tests in these paths\n");
    return 2;
  }
  return totals.failed + totals.broken == 0 ? 0 : 1;
}

}  // namespace hecate::daemon
