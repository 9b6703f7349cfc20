#include "pipeline/match/prefilter.h"

#include <algorithm>
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

// The longest run of such characters in the pieces of a pattern; empty when none is long enough.
std::string longest_run(const Pattern& pattern) {
  std::string longest;
  for (const std::string& piece : pattern.pieces()) {
    for (std::size_t begin = 0; begin < piece.size();) {
      std::size_t end = begin;
      while (end < piece.size() && stands_as_it_is(piece[end])) ++end;
      if (end - begin > longest.size()) longest = piece.substr(begin, end - begin);
      begin = end + 1;
    }
  }
  return longest.size() >= kShortest && !is_number(longest) ? longest : std::string();
}

std::optional<Literals> of_pattern(const Pattern& pattern, Origin origin) {
  if (origin == Origin::computed) return std::nullopt;
  if (origin == Origin::event_or_unknown && pattern.matches("unknown")) return std::nullopt;
  std::string run = longest_run(pattern);
  if (run.empty()) return std::nullopt;
  return Literals{std::move(run)};
}

std::size_t shortest(const Literals& literals) {
  return std::ranges::min(literals, {}, &std::string::size).size();
}

// Whether `a` lets fewer events pass: its weakest literal is longer, or it has fewer of them.
bool is_stricter(const Literals& a, const Literals& b) {
  if (shortest(a) != shortest(b)) return shortest(a) > shortest(b);
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

}  // namespace

std::optional<Literals> required_literals(const Condition& condition, const fields::FieldRules& rules) {
  switch (condition.kind) {
    case Condition::Kind::equal:
      return of_pattern(condition.pattern, rules.origin(condition.field.id));
    case Condition::Kind::term:
      return of_pattern(condition.pattern, Origin::event);
    case Condition::Kind::in:
      return any(condition.patterns, [&](const Pattern& pattern) {
        return of_pattern(pattern, rules.origin(condition.field.id));
      });
    case Condition::Kind::any_of:
      return any(condition.children, [&](const Condition& child) { return required_literals(child, rules); });
    case Condition::Kind::all_of: {
      std::optional<Literals> strictest;
      for (const Condition& child : condition.children) {
        std::optional<Literals> some = required_literals(child, rules);
        if (some && (!strictest || is_stricter(*some, *strictest))) strictest = std::move(some);
      }
      return strictest;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace hecate::match
