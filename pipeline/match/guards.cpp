#include "pipeline/match/guards.h"

#include <algorithm>
#include <map>
#include <string>

namespace hecate::match {
namespace {

using spl::Condition;

template <typename Visitor>
void for_each_part(const Condition& condition, const Visitor& visit) {
  if (condition.kind == Condition::Kind::all_of) {
    for (const Condition& child : condition.children) for_each_part(child, visit);
  } else if (condition.kind != Condition::Kind::always) {
    visit(condition);
  }
}

}  // namespace

Guards::Guards(std::span<const Condition* const> conditions) {
  std::map<std::string, Guard> parts;
  for (std::size_t scan = 0; scan < conditions.size(); ++scan) {
    for_each_part(*conditions[scan], [&](const Condition& part) {
      auto found = parts.try_emplace(spl::canonical(part), Guard{&part, ScanBits(conditions.size())}).first;
      found->second.scans.add(scan);
    });
  }
  for (auto& [text, guard] : parts)
    if (guard.scans.size() > 1) guards_.push_back(std::move(guard));
  std::ranges::stable_sort(guards_,
                           [](const Guard& a, const Guard& b) { return a.scans.size() > b.scans.size(); });
}

void Guards::rule_out(ScanBits& candidates, const spl::Row& row, spl::EvalContext& context) const {
  for (const Guard& guard : guards_) {
    if (candidates.meets(guard.scans) && !spl::matches(*guard.condition, row, context))
      candidates.remove(guard.scans);
  }
}

}  // namespace hecate::match
