#include "pipeline/match/prefilter.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace hecate::match {
namespace {

using spl::Condition;
using spl::Pattern;
using Origin = fields::FieldRules::Origin;

// Shorter texts stand in nearly every event.
constexpr std::size_t kShortest = 3;

// Characters that stand in the raw event as they are in the value, whatever the form: JSON and XML may write
// the others as escapes or entities.
bool stands_as_it_is(char c) {
  constexpr std::string_view kEscaped = "\\/\"&<>";
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && kEscaped.find(c) == std::string_view::npos;
}

bool is_number(std::string_view text) {
  return text.find_first_not_of("0123456789.-") == std::string_view::npos;
}

// Words of nearly every event. A literal that stands in one of them rules out next to nothing.
constexpr std::string_view kUsual[] = {
    "c:\\windows\\system32\\svchost.exe",
    "microsoft-windows-sysmon/operational",
    "program files (x86)",
    "processguid",
    "processid",
    "parentprocess",
    "sourceprocess",
    "targetprocess",
    "nt authority system",
    "c:\\users\\",
    "hklm\\software\\microsoft\\windows\\currentversion",
    "hklm\\system\\currentcontrolset\\services",
    "unknown",
    "targetfilename",
    "commandline",
    "sourceimage",
    "targetimage",
    "sha256=",
    "imphash",
};

bool is_usual(std::string_view literal) {
  return std::ranges::any_of(kUsual, [&](std::string_view usual) { return usual.contains(literal); });
}

// How much a literal rules out, by and large.
constexpr std::size_t kUsualStrictness = 1;
std::size_t strictness(std::string_view literal) {
  return is_usual(literal) ? kUsualStrictness : literal.size();
}

// The strictest run of such characters in the pieces of a pattern; empty when none is long enough.
std::string strictest_run(const Pattern& pattern, bool uncut_only) {
  auto stands = [&](char c) { return stands_as_it_is(c) && (!uncut_only || Origin::is_uncut(c)); };
  std::string strictest;
  for (const std::string& piece : pattern.pieces()) {
    for (std::size_t begin = 0; begin < piece.size();) {
      std::size_t end = begin;
      while (end < piece.size() && stands(piece[end])) ++end;
      std::string_view run = std::string_view(piece).substr(begin, end - begin);
      begin = end + 1;
      if (run.size() < kShortest || is_number(run)) continue;
      if (strictest.empty() || strictness(run) > strictness(strictest)) strictest = run;
    }
  }
  return strictest;
}

std::optional<Literals> of_pattern(const Pattern& pattern, const Origin& origin) {
  if (origin.text == Origin::Text::computed) return std::nullopt;
  if (std::ranges::any_of(origin.constants, [&](const auto& constant) { return pattern.matches(constant); }))
    return std::nullopt;
  std::string run = strictest_run(pattern, origin.text == Origin::Text::cut);
  if (run.empty()) return std::nullopt;
  return Literals{std::move(run)};
}

std::size_t weakest(const Literals& literals) {
  std::size_t least = SIZE_MAX;
  for (const std::string& literal : literals) least = std::min(least, strictness(literal));
  return least;
}

// Whether `a` lets fewer events pass: its weakest literal is stricter, or it has fewer of them.
bool is_stricter(const Literals& a, const Literals& b) {
  if (weakest(a) != weakest(b)) return weakest(a) > weakest(b);
  return a.size() < b.size();
}

// All of several alternatives must bring literals; then any of those may stand in the event.
template <typename Range, typename ToLiterals>
std::optional<Literals> any(const Range& alternatives, ToLiterals to_literals) {
  Literals all;
  for (const auto& alternative : alternatives) {
    std::optional<Literals> some = to_literals(alternative);
    if (!some) return std::nullopt;
    all.insert(all.end(), some->begin(), some->end());
  }
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  if (all.empty()) return std::nullopt;
  return all;
}

std::vector<Literals> one(std::optional<Literals> literals) {
  std::vector<Literals> all;
  if (literals) all.push_back(*std::move(literals));
  return all;
}

std::vector<Literals> of_all(const std::vector<Condition>& conditions, const fields::FieldRules& rules) {
  std::vector<Literals> all;
  for (const Condition& condition : conditions)
    std::ranges::move(required_literals(condition, rules), std::back_inserter(all));
  std::ranges::stable_sort(all, is_stricter);
  all.erase(std::ranges::unique(all).begin(), all.end());
  // What stands in nearly every event costs a look at each and rules out none: only where there is nothing
  // else.
  while (all.size() > 1 && weakest(all.back()) == kUsualStrictness) all.pop_back();
  return all;
}

// Of each alternative what it requires first of all.
std::optional<Literals> of_any(const std::vector<Condition>& conditions, const fields::FieldRules& rules) {
  return any(conditions, [&](const Condition& condition) -> std::optional<Literals> {
    std::vector<Literals> all = required_literals(condition, rules);
    if (all.empty()) return std::nullopt;
    return std::move(all.front());
  });
}

}  // namespace

std::vector<Literals> required_literals(const Condition& condition, const fields::FieldRules& rules) {
  switch (condition.kind) {
    case Condition::Kind::equal:
      return one(of_pattern(condition.pattern, rules.origin(condition.field.id)));
    case Condition::Kind::term:
      return one(of_pattern(condition.pattern, Origin()));
    case Condition::Kind::in: {
      Origin origin = rules.origin(condition.field.id);
      return one(
          any(condition.patterns, [&](const Pattern& pattern) { return of_pattern(pattern, origin); }));
    }
    case Condition::Kind::any_of:
      return one(of_any(condition.children, rules));
    case Condition::Kind::all_of:
      return of_all(condition.children, rules);
    default:
      return {};
  }
}

}  // namespace hecate::match
