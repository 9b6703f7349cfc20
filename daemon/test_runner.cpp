#include "daemon/test_runner.h"

#include "daemon/event_explainer.h"
#include "pipeline/decode/file_reader.h"
#include "pipeline/decode/shape.h"
#include "pipeline/match/matcher.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>

#include <fmt/format.h>

namespace hecate::daemon {
namespace {

namespace fs = std::filesystem;
using Verdict = TestOutcome::Verdict;

// Of events that tell no time, the first is of this one and each further one a second later.
constexpr Time kFirstArrival = kDay;

bool is_url(const std::string& data) {
  return data.starts_with("http://") || data.starts_with("https://");
}

std::string existing(const fs::path& path) {
  std::error_code error;
  for (const char* packed : {"", ".gz", ".zst"})
    if (fs::path file = path.string() + packed; fs::is_regular_file(file, error)) return file.string();
  return {};
}

// Git keeps a line or two in place of a large file that was not fetched.
bool is_lfs_pointer(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string first;
  std::getline(in, first);
  return first.starts_with("version https://git-lfs");
}

// Runs one test's events through one detection.
class Run {
 public:
  Run(std::shared_ptr<const catalogue::Catalogue> catalogue, std::size_t detection)
      : catalogue_(std::move(catalogue)),
        loaded_(catalogue_->detections[detection]),
        matcher_(std::make_shared<const match::ScanSet>(catalogue_, detection), match::Panes::one_window),
        explainer_(loaded_, catalogue_, 1) {}

  void take(EventView event) {
    event.arrival = events_;
    Time arrived = kFirstArrival + static_cast<Time>(events_++) * kSecond;
    matcher_.evaluate(event, arrived, deltas_);
    explainer_.look_at(event, arrived);
    last_ = arrived;
  }
  std::vector<TextRow> rows(const std::optional<SearchTime>& window) {
    SearchTime time = window.value_or(SearchTime{.latest = last_ + kSecond, .now = last_ + kSecond});
    std::vector<TextRow> rows;
    (void)run_window(*loaded_.plan, deltas_, time, [&](const TextRow& row) { rows.push_back(row); });
    return rows;
  }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  // Why there is no row: what the event that came nearest lacks.
  void tell_nearest(std::vector<std::string>& lines);

 private:
  std::shared_ptr<const catalogue::Catalogue> catalogue_;
  const catalogue::LoadedDetection& loaded_;
  match::Matcher matcher_;
  EventExplainer explainer_;
  store::DeltaSet deltas_;
  std::uint64_t events_ = 0;
  Time last_ = kFirstArrival;
};

// The clauses that keep the whole from holding.
void tell_missing(const spl::Clause& clause, std::vector<std::string>& lines) {
  constexpr std::size_t most = 12;
  if (clause.outcome == spl::Clause::Outcome::yes || lines.size() > most) return;
  if (clause.text == "AND") {
    for (const spl::Clause& child : clause.children) tell_missing(child, lines);
    return;
  }
  if (clause.text == "OR") {
    lines.push_back(fmt::format("    none of {} alternatives holds:", clause.children.size()));
    for (std::size_t i = 0; i < clause.children.size() && i < 3; ++i) tell_missing(clause.children[i], lines);
    return;
  }
  std::string values;
  for (const spl::FieldTexts& field : clause.fields)
    values +=
        fmt::format("{}{}: {}", values.empty() ? "" : ", ", field.name,
                    field.values.empty() ? "(null)" : fmt::format("{}", fmt::join(field.values, " | ")));
  lines.push_back(fmt::format("    does not hold: {}  [{}]{}", clause.text, values,
                              clause.macros.empty() ? "" : "  from " + clause.macros));
}

void Run::tell_nearest(std::vector<std::string>& lines) {
  if (events_ == 0) {
    lines.emplace_back("  there were no events");
    return;
  }
  for (const ExplainedEvent& event : explainer_.explained()) {
    lines.push_back(fmt::format("  of {} events, {} comes nearest: it {}", events_, event.number,
                                verdict(event.explanation)));
    tell_missing(event.explanation.condition, lines);
  }
  lines.emplace_back("  `hecate explain` tells more of it");
}

void judge(const DetectionTest& test, Run& run, TestOutcome& outcome) {
  std::vector<TextRow> found = run.rows(test.window);
  outcome.events = run.events();
  outcome.rows = found.size();
  std::vector<std::string>& lines = outcome.message;
  if (test.rows) {
    std::vector<std::string> differences = compare_rows(*test.rows, found, test.in_order);
    if (differences.empty()) return;
    lines.push_back(fmt::format("expected {} rows, found {}", test.rows->size(), found.size()));
    lines.insert(lines.end(), differences.begin(), differences.end());
  } else if (test.row_count) {
    if (*test.row_count == found.size()) return;
    lines.push_back(fmt::format("expected {} rows, found {}", *test.row_count, found.size()));
  } else {
    if (!found.empty()) return;
    lines.emplace_back("expected one row or more, found none");
  }
  outcome.verdict = Verdict::failed;
  if (found.empty()) run.tell_nearest(lines);
}

TestOutcome stopped(Verdict verdict, std::string why) {
  return {verdict, {std::move(why)}};
}

// What keeps the dataset from being read, if anything does.
std::optional<TestOutcome> read_dataset(const Dataset& dataset, const std::string& file,
                                        const AttackData& data, Run& run) {
  std::string path = find_dataset(dataset.data, file, data.folder);
  if (path.empty()) {
    bool nowhere_to_look = data.folder.empty() && is_url(dataset.data);
    std::string why =
        nowhere_to_look
            ? fmt::format("its data is {}; --attack-data names a folder with a copy", dataset.data)
            : fmt::format("there is no {}{}", dataset.data, data.folder.empty() ? "" : " in " + data.folder);
    return stopped(nowhere_to_look || data.allow_missing ? Verdict::skipped : Verdict::broken, why);
  }
  if (is_lfs_pointer(path))
    return stopped(
        data.allow_missing ? Verdict::skipped : Verdict::broken,
        fmt::format("{} is a pointer of Git LFS and not the data: `git lfs pull` fetches it", path));
  decode::FileDefaults defaults{.host = dataset.host,
                                .source = dataset.source,
                                .sourcetype = dataset.sourcetype,
                                .index = dataset.index};
  auto read = decode::read_events(path, decode::InputFormat::automatic, defaults,
                                  [&](EventView& event) { run.take(event); });
  if (!read) return stopped(Verdict::broken, read.error().message);
  if (read->events == 0) return stopped(Verdict::broken, fmt::format("{} holds no events", path));
  return std::nullopt;
}

void take_written(const TestEvent& written, Run& run) {
  constexpr std::size_t padding = 64;
  std::string raw = written.raw + std::string(padding, '\0');
  EventView event;
  event.raw = std::string_view(raw).substr(0, written.raw.size());
  event.shape = decode::shape_of(event.raw);
  if (written.time) event.envelope_time = *written.time;
  event.host = written.host;
  event.source = written.source;
  event.sourcetype = written.sourcetype;
  event.index = written.index;
  run.take(event);
}

}  // namespace

std::string find_dataset(const std::string& data, const std::string& beside, const std::string& folder) {
  fs::path path = is_url(data) ? data.substr(data.find("//") + 2) : data;
  if (!is_url(data)) {
    if (std::string file = existing(fs::path(beside).parent_path() / path); !file.empty()) return file;
    if (std::string file = existing(path); !file.empty()) return file;
  }
  if (folder.empty()) return {};
  // A name alone is many files' in that repository; only who wrote no more than it may mean it.
  std::vector<fs::path> parts(path.begin(), path.end());
  std::size_t least = parts.size() == 1 ? 1 : 2;
  for (std::size_t from = 0; from + least <= parts.size(); ++from) {
    fs::path end;
    for (std::size_t i = from; i < parts.size(); ++i) end /= parts[i].relative_path();
    if (std::string file = existing(fs::path(folder) / end); !file.empty()) return file;
  }
  return {};
}

TestOutcome run_test(const DetectionTest& test, const std::shared_ptr<const catalogue::Catalogue>& catalogue,
                     std::size_t detection, const AttackData& data) {
  if (!test.wrong.empty()) return stopped(Verdict::broken, test.wrong);
  if (!test.manual.empty()) return stopped(Verdict::skipped, "for people only: " + test.manual);
  Run run(catalogue, detection);
  for (const Dataset& dataset : test.datasets)
    if (auto outcome = read_dataset(dataset, test.file, data, run)) return *outcome;
  for (const TestEvent& event : test.events) take_written(event, run);
  TestOutcome outcome;
  judge(test, run, outcome);
  return outcome;
}

}  // namespace hecate::daemon
