#include "daemon/comparison.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

constexpr std::string_view kPrefix = "ESCU - ";
constexpr std::string_view kSuffix = " - Rule";
// A run is not told at once; what is told later than this after another of its window came late.
constexpr Time kLater = kMinute;
// A notable has these of the row under `orig_…`, since its own event has them, too.
constexpr std::array<std::string_view, 9> kRenamed{"_time",      "_raw", "host",      "index",    "source",
                                                   "sourcetype", "tag",  "eventtype", "linecount"};

constexpr std::array<std::string_view, 4> kHosts{"dest", "Computer", "dvc", "host"};

std::string bare_name(std::string name) {
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  if (name.ends_with(kSuffix)) name.erase(name.size() - kSuffix.size());
  return name;
}

// What a search gave: a field of hecate's row, and the same of the notable's.
struct Likeness {
  std::size_t equal = 0, compared = 0;
  bool same_object = true;  // nothing says that they are about different hosts or risk objects
  std::vector<Difference> differences;

  [[nodiscard]] bool alike() const { return same_object && equal > 0 && 2 * equal >= compared; }
};

Likeness likeness(const Told& splunk, const Told& hecate, const std::vector<std::string>& ignored) {
  Likeness found;
  for (const auto& [name, values] : hecate.fields) {
    if (std::ranges::find(ignored, name) != ignored.end()) continue;
    bool renamed = std::ranges::find(kRenamed, name) != kRenamed.end();
    auto other = splunk.fields.find(renamed ? "orig_" + name : name);
    if (other == splunk.fields.end()) continue;
    ++found.compared;
    auto ours = values, theirs = other->second;
    std::ranges::sort(ours);
    std::ranges::sort(theirs);
    if (ours == theirs) {
      ++found.equal;
    } else {
      bool object = std::ranges::find(kHosts, name) != kHosts.end() ||
                    std::ranges::find(hecate.objects, name) != hecate.objects.end();
      found.same_object = found.same_object && !object;
      found.differences.push_back({name, other->second, values});
    }
  }
  return found;
}

using Window = std::tuple<std::string, Time, Time>;
struct Sides {
  std::vector<const Told*> splunk, hecate, withdrawn;
};

Window window_of(const Told& told) {
  return {told.search, told.earliest, told.latest};
}

// Pairs off what is alike, the likest first, and takes it out of both.
std::vector<Pair> pair_off(std::vector<const Told*>& splunk, std::vector<const Told*>& hecate,
                           const std::vector<std::string>& ignored) {
  struct Candidate {
    std::size_t equal, compared, splunk, hecate;
  };
  std::vector<Candidate> candidates;
  for (std::size_t s = 0; s < splunk.size(); ++s) {
    for (std::size_t h = 0; h < hecate.size(); ++h) {
      Likeness found = likeness(*splunk[s], *hecate[h], ignored);
      if (found.alike()) candidates.push_back({found.equal, found.compared, s, h});
    }
  }
  std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) {
    std::size_t wrong_a = a.compared - a.equal, wrong_b = b.compared - b.equal;
    return std::tuple(wrong_a, b.equal) < std::tuple(wrong_b, a.equal);
  });
  std::vector<bool> splunk_done(splunk.size()), hecate_done(hecate.size());
  std::vector<Pair> pairs;
  for (const Candidate& each : candidates) {
    if (splunk_done[each.splunk] || hecate_done[each.hecate]) continue;
    splunk_done[each.splunk] = hecate_done[each.hecate] = true;
    const Told* left = splunk[each.splunk];
    const Told* right = hecate[each.hecate];
    pairs.push_back({left, right, likeness(*left, *right, ignored).differences});
  }
  auto drop = [](std::vector<const Told*>& all, const std::vector<bool>& done) {
    std::size_t i = 0;
    std::erase_if(all, [&](const Told*) { return done[i++]; });
  };
  drop(splunk, splunk_done);
  drop(hecate, hecate_done);
  return pairs;
}

const Told* find_alike(const Told& told, const std::vector<Told>& others, bool told_by_splunk,
                       const std::vector<std::string>& ignored) {
  for (const Told& other : others) {
    bool overlaps = other.earliest < told.latest && told.earliest < other.latest;
    if (other.search != told.search || !overlaps || window_of(other) == window_of(told) || other.withdrawn)
      continue;
    if ((told_by_splunk ? likeness(told, other, ignored) : likeness(other, told, ignored)).alike())
      return &other;
  }
  return nullptr;
}

std::string window_text(Time earliest, Time latest) {
  return fmt::format("{} to {}", format_iso(earliest), format_iso(latest));
}

class Comparer {
 public:
  Comparer(const std::vector<Told>& splunk, const std::vector<Told>& hecate, const CompareQuestion& question)
      : splunk_(splunk), hecate_(hecate), question_(question) {}

  Comparison compare() {
    Comparison result;
    std::map<Window, Sides> windows;
    Time earliest = question_.earliest, latest = question_.latest;
    for (const Told& each : splunk_) {
      windows[window_of(each)].splunk.push_back(&each);
      if (question_.earliest == 0)
        earliest = earliest == 0 ? each.earliest : std::min(earliest, each.earliest);
      if (question_.latest == 0) latest = std::max(latest, each.latest);
    }
    for (const Told& each : hecate_) {
      if (each.earliest < earliest || each.latest > latest) {
        if (!each.withdrawn) ++result.outside;
        continue;
      }
      Sides& sides = windows[window_of(each)];
      (each.withdrawn ? sides.withdrawn : sides.hecate).push_back(&each);
    }
    for (auto& [window, sides] : windows) {
      if (sides.splunk.empty() && sides.hecate.empty()) continue;
      result.windows.push_back(compare_window(window, sides));
    }
    return result;
  }

 private:
  WindowComparison compare_window(const Window& window, Sides& sides) {
    WindowComparison result;
    std::tie(result.search, result.earliest, result.latest) = window;
    bool splunk_told = !sides.splunk.empty();
    Time splunk_ran = 0, first_told = 0;
    for (const Told* each : sides.splunk) splunk_ran = std::max(splunk_ran, each->when);
    for (const Told* each : sides.hecate)
      first_told = first_told == 0 ? each->when : std::min(first_told, each->when);
    result.both = pair_off(sides.splunk, sides.hecate, question_.ignored);
    for (const Pair& each : pair_off(sides.splunk, sides.withdrawn, question_.ignored))
      result.only_splunk.push_back(
          {each.splunk, "withdrawn", "hecate told it and took it back: a late event changed the row"});
    for (const Told* each : sides.splunk) result.only_splunk.push_back(explain_splunk(*each));
    for (const Told* each : sides.hecate)
      result.only_hecate.push_back(
          explain_hecate(*each, splunk_told, splunk_ran != 0 ? splunk_ran : first_told));
    return result;
  }

  Alone explain_splunk(const Told& told) const {
    if (const Told* other = find_alike(told, hecate_, true, question_.ignored))
      return {&told, "other_window",
              "hecate has it in the window " + window_text(other->earliest, other->latest) +
                  ": the schedules differ"};
    if (question_.explain) {
      auto [reason, why] = question_.explain(told);
      if (!reason.empty()) return {&told, reason, why};
    }
    return {
        &told, "missing_event",
        "hecate told nothing like it: the event did not come to it, or a macro, lookup or filter differs"};
  }

  Alone explain_hecate(const Told& told, bool splunk_told, Time expected) const {
    if (const Told* other = find_alike(told, splunk_, false, question_.ignored))
      return {&told, "other_window",
              "Splunk has it in the window " + window_text(other->earliest, other->latest) +
                  ": the schedules differ"};
    if (expected != 0 && told.when > expected + kLater)
      return {&told, "late",
              fmt::format("its event came late: hecate told it at {}, the window was searched at {}",
                          format_iso(told.when), format_iso(expected))};
    if (!splunk_told)
      return {&told, "splunk_silent",
              "Splunk told nothing of this window: the search was skipped or throttled, or the event was not "
              "indexed when it ran"};
    return {&told, "missing_event",
            "Splunk ran and told others: the event was not indexed then, is throttled, or a macro or lookup "
            "differs"};
  }

  const std::vector<Told>& splunk_;
  const std::vector<Told>& hecate_;
  const CompareQuestion& question_;
};

}  // namespace

Result<Told> told_by_splunk(const ExportedRow& row) {
  Told told;
  std::string name = first_value(row, "search_name");
  if (name.empty()) name = first_value(row, "source");
  if (name.empty()) return fail("a row has neither search_name nor source");
  told.search = bare_name(std::move(name));
  for (auto [field, time] : {std::pair("info_min_time", &told.earliest), {"info_max_time", &told.latest}}) {
    auto read = read_exported_time(first_value(row, field));
    if (!read)
      return fail(fmt::format("a row of \"{}\" has no {} that is a time; add it to the exported fields",
                              told.search, field));
    *time = *read;
  }
  for (const char* field : {"info_search_time", "_time"})
    if (told.when == 0) told.when = read_exported_time(first_value(row, field)).value_or(0);
  told.fields = row;
  return told;
}

bool Comparison::same() const {
  return std::ranges::all_of(windows, [](const WindowComparison& window) {
    auto equal = [](const Pair& pair) { return pair.differences.empty(); };
    return window.only_splunk.empty() && window.only_hecate.empty() &&
           std::ranges::all_of(window.both, equal);
  });
}

Comparison compare_findings(const std::vector<Told>& splunk, const std::vector<Told>& hecate,
                            const CompareQuestion& question) {
  return Comparer(splunk, hecate, question).compare();
}

std::string to_text(const Told& told) {
  constexpr std::size_t kMostFields = 4;
  std::vector<std::string> parts;
  for (const char* name : {"dest", "Computer", "orig_host", "host", "user", "User", "process_name", "Image",
                           "file_name", "TargetFilename"}) {
    auto found = told.fields.find(name);
    if (found != told.fields.end() && parts.size() < kMostFields)
      parts.push_back(fmt::format("{}={}", name, fmt::join(found->second, "|")));
  }
  for (const auto& [name, values] : told.fields)
    if (parts.empty() && !name.starts_with('_'))
      parts.push_back(fmt::format("{}={}", name, fmt::join(values, "|")));
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace hecate::daemon
