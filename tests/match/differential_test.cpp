// Every detection over events that were made for it: prefilter on and off, one worker and four, JSON and XML
// give the same rows. From each detection's own predicate events are made that must match, and near misses
// that must not. With HECATE_SHARED the detections are those of Splunk's public catalogue, else our own.
#include "outputs/json_writer.h"
#include "pipeline/decode/file_reader.h"
#include "pipeline/ingest/ingest.h"
#include "pipeline/match/matcher.h"
#include "pipeline/spl/values.h"
#include "tests/ingest/fake_store.h"
#include "tests/match/event_maker.h"
#include "tests/match/result_texts.h"
#include "tests/support/testing.h"

#include <algorithm>
#include <array>
#include <deque>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

namespace hecate::match {
namespace {

using hecate::testing::EventMaker;
using hecate::testing::MadeEvent;

constexpr int kTriesOfEachKind = 24;
constexpr std::size_t kMany = 220;  // the largest count that the catalogue asks for is 200
const Time kStart = from_civil(2026, 4, 27, 13);

using Events = std::vector<MadeEvent>;
enum class Form { json, escaped_json, xml };

std::string text_of(const MadeEvent& event, Form form) {
  return form == Form::xml ? event.as_xml() : form == Form::json ? event.as_json() : event.as_escaped_json();
}

Time time_of(std::uint64_t arrival) {
  return kStart + static_cast<Time>(arrival) * kMillisecond;
}

// Hands a made event to a matcher, as a reader would.
void feed(Matcher& matcher, store::DeltaSet& deltas, const MadeEvent& event, Form form,
          std::uint64_t arrival) {
  std::string raw = text_of(event, form);
  std::size_t size = raw.size();
  raw.append(64, '\0');
  EventView view;
  view.raw = std::string_view(raw).substr(0, size);
  view.shape = form == Form::xml ? Shape::xml : Shape::json;
  view.source = event.source;
  view.envelope_time = time_of(arrival);
  view.arrival = arrival;
  matcher.evaluate(view, kStart + kHour, deltas);
}

// The event as a shipper sends it.
std::string envelope_of(const MadeEvent& event, Form form, std::uint64_t arrival) {
  std::string text = text_of(event, form);
  outputs::JsonWriter json;
  json.begin_object().key("time").raw(fmt::format("{:.3f}", static_cast<double>(time_of(arrival)) / kSecond));
  if (!event.source.empty()) json.key("source").value(event.source);
  json.key("event");
  if (form == Form::xml)
    json.value(text);
  else
    json.raw(text);
  return json.end_object().take();
}

// All of it as one window.
store::DeltaSet in_one_pane(store::DeltaSet& deltas) {
  store::DeltaSet merged;
  for (auto& [key, delta] : deltas) {
    store::DeltaSet one;
    one.at({key.scan, 0, key.group}) = std::move(delta);
    merged.merge(std::move(one));
  }
  return merged;
}

std::vector<std::string> rows_of(const spl::Plan& plan, const store::DeltaSet& deltas) {
  return hecate::testing::result_texts(plan, deltas, kStart, kStart + kHour, "_raw");
}

// What one detection gives for some events, by itself.
class OneDetection {
 public:
  OneDetection(std::shared_ptr<const catalogue::Catalogue> catalogue, std::size_t index)
      : catalogue_(std::move(catalogue)),
        plan_(*catalogue_->detections[index].plan),
        scans_(std::make_shared<const ScanSet>(catalogue_, index)) {}

  [[nodiscard]] std::vector<std::string> rows(const Events& events, Form form = Form::json) const {
    Matcher matcher(scans_, Panes::one_window);
    store::DeltaSet deltas;
    std::uint64_t arrival = 0;
    for (const MadeEvent& event : events) feed(matcher, deltas, event, form, arrival++);
    return rows_of(plan_, deltas);
  }
  [[nodiscard]] bool takes(const MadeEvent& event, Form form = Form::json) const {
    Matcher matcher(scans_, Panes::one_window);
    store::DeltaSet deltas;
    feed(matcher, deltas, event, form, 0);
    return deltas.size() > 0;
  }
  [[nodiscard]] const spl::Plan& plan() const { return plan_; }

 private:
  std::shared_ptr<const catalogue::Catalogue> catalogue_;
  const spl::Plan& plan_;
  std::shared_ptr<const ScanSet> scans_;
};

// What of an event is told apart by a number, when it comes again and again.
enum class Vary {
  numbers,       // ids, numbers, command lines that nobody asked for
  others,        // all that nobody asked for
  wished_ends,   // what was asked for, behind its end
  wished_names,  // … before its last component
};

Events varied(const MadeEvent& event, const std::vector<std::string>& wished, Vary vary) {
  Events events;
  bool of_wished = vary == Vary::wished_ends || vary == Vary::wished_names;
  for (std::size_t i = 0; i < kMany; ++i) {
    MadeEvent& one = events.emplace_back(event);
    one.record = static_cast<int>(i + 1);
    for (auto& [name, value] : one.fields) {
      bool is_wished = std::ranges::find(wished, name) != wished.end();
      if (is_wished != of_wished || name == "UtcTime" || name == "User" || name == "EventType") continue;
      bool number = !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
      std::size_t last = value.find_last_of("\\/");
      if (number && !of_wished)
        value = std::to_string(10'000 + i);
      else if (vary != Vary::numbers && vary != Vary::wished_ends && last != std::string::npos)
        value.insert(last + 1, fmt::format("v{}", i));
      else if (vary != Vary::numbers || name.ends_with("Guid") || name.ends_with("CommandLine"))
        value += fmt::format(" v{}", i);
    }
  }
  return events;
}

// Events for which the detection has a row; empty where none were found.
struct Found {
  Events events;              // with a row
  std::vector<Events> takes;  // each alone contributes
  std::vector<std::string> wished;
};

Found make_events(const OneDetection& detection, std::uint32_t seed) {
  Found found;
  const spl::Scan& scan = detection.plan().scan();
  EventMaker maker(scan.condition(), detection.plan().source().text(), scan.fields());
  std::mt19937 random(seed);
  Events all;
  std::size_t kinds_taken = 0;
  for (std::size_t kind = 0; kind < maker.kinds() && kinds_taken < 4; ++kind) {
    std::size_t before = all.size();
    for (int i = 0; i < kTriesOfEachKind && all.size() - before < 8; ++i) {
      MadeEvent event = maker.make(kind, random, i == 0);
      if (!detection.takes(event)) continue;
      all.push_back(event);
      found.wished = maker.wished();
      if (!detection.rows({event}).empty()) {
        found.events = {event};
        return found;
      }
      if (all.size() - before > 3) continue;
      for (Vary vary : {Vary::numbers, Vary::others, Vary::wished_ends, Vary::wished_names}) {
        Events many = varied(event, maker.wished(), vary);
        if (!detection.rows(many).empty()) {
          found.events = std::move(many);
          return found;
        }
      }
    }
    kinds_taken += all.size() > before;
  }
  // Several kinds together: what compares or joins them.
  if (!all.empty() && !detection.rows(all).empty()) found.events = all;
  if (found.events.empty() && !all.empty()) {
    found.takes.push_back(all);
    Events more;
    for (const MadeEvent& event : all)
      for (MadeEvent& one : varied(event, found.wished, Vary::numbers)) more.push_back(std::move(one));
    if (!detection.rows(more).empty()) found.events = std::move(more);
  }
  return found;
}

// Whether it looks for a phrase in the raw text, which escapes change.
bool looks_at_raw(const spl::Condition& condition) {
  return condition.kind == spl::Condition::Kind::term ||
         std::ranges::any_of(condition.children, looks_at_raw);
}

// The slow twin of matching: written down here once more, as the language is described.
bool like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i)
      if (like(text.substr(i), pattern.substr(1))) return true;
    return false;
  }
  return !text.empty() && text.front() == pattern.front() && like(text.substr(1), pattern.substr(1));
}

std::string folded(std::string_view text) {
  std::string out;
  spl::fold_case(text, out);
  // Runs of wildcards mean the same as one, and cost the twin dearly.
  std::string once;
  for (char c : out)
    if (c != '*' || once.empty() || once.back() != '*') once += c;
  return once;
}

bool twin_matches(const spl::Condition& condition, fields::EventFields& event, Arena& arena) {
  using Kind = spl::Condition::Kind;
  auto child = [&](const spl::Condition& one) { return twin_matches(one, event, arena); };
  auto any_value = [&](auto&& holds) {
    Value value = event.find(condition.field.name);
    return std::ranges::any_of(value.each(), [&](const Value& one) {
      std::string text;
      spl::append_text(one, text);
      return holds(text);
    });
  };
  auto equal = [](const std::string& text, const spl::Pattern& pattern) {
    return like(folded(text), folded(pattern.text()));
  };
  switch (condition.kind) {
    case Kind::always:
      return true;
    case Kind::never:
      return false;
    case Kind::all_of:
      return std::ranges::all_of(condition.children, child);
    case Kind::any_of:
    case Kind::subsearch:
      return std::ranges::any_of(condition.children, child);
    case Kind::none_of:
      return !child(condition.children[0]);
    case Kind::equal:
    case Kind::term:
      return any_value([&](const std::string& text) { return equal(text, condition.pattern); });
    case Kind::not_equal:
      return any_value([&](const std::string& text) { return !equal(text, condition.pattern); });
    case Kind::in:
      return any_value([&](const std::string& text) {
        return std::ranges::any_of(condition.patterns,
                                   [&](const spl::Pattern& pattern) { return equal(text, pattern); });
      });
    case Kind::cidr:
      return any_value([&](const std::string& text) { return condition.network->contains(text); });
    default:
      return any_value([&](const std::string& text) {
        auto left = spl::to_number(text);
        auto right = condition.pattern.number();
        int order =
            left && right ? (*left < *right ? -1 : *left > *right) : text.compare(condition.pattern.text());
        return condition.kind == Kind::less         ? order < 0
               : condition.kind == Kind::less_equal ? order <= 0
               : condition.kind == Kind::greater    ? order > 0
                                                    : order >= 0;
      });
  }
}

// The event with one thing about its wished fields changed: a letter, its case, its end, the whole value.
std::vector<MadeEvent> near_misses(const MadeEvent& event, const std::vector<std::string>& wished) {
  std::vector<MadeEvent> misses;
  for (const std::string& name : wished) {
    auto field = event.fields.find(name);
    bool ascii = field != event.fields.end() &&
                 std::ranges::all_of(field->second, [](char c) { return (c & 0x80) == 0; });
    if (!ascii || field->second.empty()) continue;
    auto with = [&](std::string value) {
      misses.push_back(event);
      misses.back().fields[name] = std::move(value);
    };
    std::string value = field->second;
    for (std::size_t at : {std::size_t{0}, value.size() / 2, value.size() - 1}) {
      std::string changed = value;
      changed[at] = changed[at] == '~' ? '!' : '~';
      with(changed);
    }
    with(value.substr(0, value.size() - 1));
    with(value + "~");
    std::string other_case = value;
    for (char& c : other_case)
      if (std::isalpha(static_cast<unsigned char>(c)) != 0) c = static_cast<char>(c ^ 0x20);
    with(other_case);
    misses.push_back(event);
    misses.back().fields.erase(name);
  }
  return misses;
}

class Differential : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    catalogue::Sources sources;
    sources.include_disabled = true;
    std::string shared = hecate::testing::shared_folder();
    sources.detections = {std::string(catalogue::kBuiltin),
                          HECATE_SOURCE_DIR "/tests/cases/match/detections.yml"};
    if (!shared.empty()) {
      sources.detections.push_back(shared + "/escu/detections");
      sources.macros = {shared + "/escu/macros", HECATE_SOURCE_DIR "/detections/macros"};
    }
    loaded_ = catalogue::load(sources);
    catalogue_ = loaded_.catalogue;
    ASSERT_GE(catalogue_->detections.size(), shared.empty() ? 20U : 480U);
    for (std::size_t i = 0; i < catalogue_->detections.size(); ++i) {
      detections_.emplace_back(catalogue_, i);
      found_.push_back(make_events(detections_[i], static_cast<std::uint32_t>(i + 1)));
    }
  }

  // All rows of all detections over the events of all, mixed.
  struct Run {
    Form form = Form::json;
    Prefiltering prefiltering = Prefiltering::on;
    std::size_t workers = 1;
  };
  std::vector<std::vector<std::string>> rows_of_all(const Run& run, const std::vector<std::size_t>& whose) {
    auto scans = std::make_shared<const ScanSet>(catalogue_);
    std::vector<std::unique_ptr<Matcher>> workers;
    std::vector<store::DeltaSet> deltas(run.workers);
    for (std::size_t i = 0; i < run.workers; ++i)
      workers.push_back(std::make_unique<Matcher>(scans, Panes::one_window, run.prefiltering));
    std::uint64_t arrival = 0;
    for (std::size_t index : whose) {
      for (const MadeEvent& event : found_[index].events) {
        std::size_t worker = arrival % run.workers;
        feed(*workers[worker], deltas[worker], event, run.form, arrival++);
      }
    }
    store::DeltaSet merged = std::move(deltas.back());
    for (std::size_t i = run.workers - 1; i-- > 0;) merged.merge(std::move(deltas[i]));
    return rows_of_each(merged);
  }
  // Likewise by the daemon's own way: HEC bodies of 40 events, the queue, worker threads, the journal's
  // commit.
  std::vector<std::vector<std::string>> rows_by_ingest(const Run& run,
                                                       const std::vector<std::size_t>& whose) {
    hecate::testing::FakeStore store;
    store.at_once = true;
    hecate::testing::ManualClock clock(kStart + kHour);
    SharedTimeBounds bounds;
    prometheus::Registry registry;
    auto ingest = ingest::Ingest::make(store, clock, bounds, {.workers = static_cast<int>(run.workers)},
                                       registry, {"hec"});
    ingest->set_feed({catalogue_, {}});
    auto batch = std::make_unique<ingest::Batch>();
    std::uint64_t arrival = 0;
    auto submit = [&] {
      batch->done = [](const ingest::BatchResult& result) { EXPECT_TRUE(result.stored); };
      EXPECT_TRUE(ingest->submit(batch));
      batch = std::make_unique<ingest::Batch>();
    };
    for (std::size_t index : whose) {
      for (const MadeEvent& event : found_[index].events) {
        batch->body.append(envelope_of(event, run.form, arrival++));
        if (arrival % 40 == 0) submit();
      }
    }
    submit();
    ingest->barrier();
    ingest.reset();
    return rows_of_each(in_one_pane(store.merged));
  }
  std::vector<std::vector<std::string>> rows_of_each(const store::DeltaSet& deltas) {
    std::vector<std::vector<std::string>> rows;
    for (const catalogue::LoadedDetection& each : catalogue_->detections)
      rows.push_back(rows_of(*each.plan, deltas));
    return rows;
  }
  void expect_same(const std::vector<std::vector<std::string>>& a,
                   const std::vector<std::vector<std::string>>& b, const std::string& how) {
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_EQ(a[i], b[i]) << how << ": " << catalogue_->detections[i].detection.name;
  }

  // Made once for all tests.
  static inline catalogue::LoadResult loaded_;
  static inline std::shared_ptr<const catalogue::Catalogue> catalogue_;
  static inline std::deque<OneDetection> detections_;
  static inline std::vector<Found> found_;
};

TEST_F(Differential, EveryDetectionHasRowsAndTheyAreTheSameHoweverItIsRun) {
  std::vector<std::size_t> with_rows, in_both;
  std::vector<std::string> without;
  std::size_t of_several_scans = 0;
  for (std::size_t i = 0; i < found_.size(); ++i) {
    if (found_[i].events.empty() && detections_[i].plan().scans().size() > 1) {
      ++of_several_scans;  // events are made for one scan, and a join needs those of two that agree
      continue;
    }
    if (found_[i].events.empty()) {
      without.push_back(catalogue_->detections[i].detection.name +
                        (found_[i].takes.empty() ? "" : " (takes events)"));
      continue;
    }
    with_rows.push_back(i);
    bool both =
        std::ranges::all_of(found_[i].events, [](const MadeEvent& event) { return event.same_in_both(); });
    if (both) in_both.push_back(i);
  }
  fmt::print(
      "{} of {} detections that load have rows ({} have subsearches and none; {} events made; {} of them in "
      "XML too); {} do not load\n",
      with_rows.size(), found_.size(), of_several_scans,
      std::accumulate(found_.begin(), found_.end(), std::size_t{0},
                      [](std::size_t sum, const Found& each) { return sum + each.events.size(); }),
      in_both.size(), loaded_.refused.size());
  for (const std::string& name : without) fmt::print("  none: {}\n", name);
  EXPECT_GE(with_rows.size() * 100, (found_.size() - of_several_scans) * 95);

  auto rows = rows_of_all({}, with_rows);
  for (std::size_t i : with_rows)
    if (rows[i].empty())
      fmt::print("  none among the others' events: {}\n", catalogue_->detections[i].detection.name);
  expect_same(rows, rows_of_all({.prefiltering = Prefiltering::off}, with_rows), "prefilter off");
  expect_same(rows, rows_of_all({.workers = 4}, with_rows), "four workers");
  expect_same(rows, rows_by_ingest({.workers = 1}, with_rows), "by the ingest");
  expect_same(rows, rows_by_ingest({.workers = 4}, with_rows), "by the ingest, four workers");
  auto escaped = rows_of_all({.form = Form::escaped_json}, with_rows);
  for (std::size_t i = 0; i < escaped.size(); ++i)
    if (looks_at_raw(detections_[i].plan().scan().condition())) escaped[i] = rows[i];
  expect_same(rows, escaped, "JSON with escapes");
  auto json = rows_of_all({}, in_both);
  expect_same(json, rows_of_all({.form = Form::xml}, in_both), "XML");
  expect_same(json, rows_by_ingest({.form = Form::xml, .workers = 4}, in_both),
              "XML by the ingest, four workers");
  expect_same(json,
              rows_of_all({.form = Form::xml, .prefiltering = Prefiltering::off, .workers = 4}, in_both),
              "XML, prefilter off, four workers");
}

TEST_F(Differential, NearMissesAreTakenAsTheLanguageSays) {
  std::size_t missed = 0, tried = 0, taken = 0, without = 0;
  auto fields = fields::EventFields::make(catalogue_->names, catalogue_->rules);
  for (std::size_t i = 0; i < found_.size(); ++i) {
    // What a subsearch takes says nothing of the first clause.
    if (found_[i].events.empty() || detections_[i].plan().scans().size() > 1) continue;
    const spl::Scan& scan = detections_[i].plan().scan();
    std::size_t before = missed;
    for (const MadeEvent& event : near_misses(found_[i].events.front(), found_[i].wished)) {
      std::string raw = event.as_json();
      std::size_t size = raw.size();
      raw.append(64, '\0');
      EventView view;
      view.raw = std::string_view(raw).substr(0, size);
      view.shape = Shape::json;
      view.source = event.source;
      ASSERT_TRUE(fields->reset(view, kStart));
      Arena arena;
      spl::EvalContext context{.arena = arena, .event_time = kStart};
      bool matches = spl::matches(scan.condition(), spl::Row(fields.get()), context);
      EXPECT_EQ(matches, twin_matches(scan.condition(), *fields, arena))
          << catalogue_->detections[i].detection.name << ": " << raw;
      // What the whole way takes, the first clause must hold for.
      bool takes = detections_[i].takes(event);
      EXPECT_TRUE(matches || !takes) << catalogue_->detections[i].detection.name << ": " << raw;
      ++tried;
      missed += !takes;
      taken += takes;
    }
    if (missed == before) {
      ++without;
      fmt::print("  nothing about its event can be missed: {}\n", catalogue_->detections[i].detection.name);
    }
  }
  fmt::print("{} near misses: {} are missed, {} still match\n", tried, missed, taken);
  EXPECT_GT(missed, tried / 4);
  EXPECT_GT(taken, 0U) << "cases and free ends do match";
  EXPECT_LT(without * 20, found_.size());
}

}  // namespace
}  // namespace hecate::match
