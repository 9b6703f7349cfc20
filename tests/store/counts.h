#pragma once

#include "pipeline/spl/aggregate.h"
#include "pipeline/store/store.h"

#include <map>
#include <string>
#include <string_view>
#include <tuple>

namespace hecate::store::testing {

// States that count, as `stats count by …` has them.
inline void add_count(DeltaSet& deltas, std::uint64_t scan, std::int64_t minute, const std::string& group,
                      std::uint64_t n = 1) {
  auto& accumulators = deltas.at({scan, minute, group}).state.parts().accumulators;
  if (accumulators.empty()) accumulators.emplace_back(spl::CountOf{});
  std::get<spl::CountOf>(accumulators[0]).n += n;
}

inline std::uint64_t count_of(const spl::GroupState& state) {
  return std::get<spl::CountOf>(state.parts().accumulators.at(0)).n;
}

// What read_groups gives, in its order.
inline std::vector<std::pair<std::string, std::uint64_t>> read_counts(Database& reader, std::uint64_t scan,
                                                                      std::int64_t from, std::int64_t to) {
  std::vector<std::pair<std::string, std::uint64_t>> found;
  auto read =
      read_groups(reader, scan, from, to, [&](std::string_view key, spl::GroupState&& state, const Sample&) {
        found.emplace_back(key, count_of(state));
        return true;
      });
  if (!read) found.emplace_back(read.error().message, 0);
  return found;
}

}  // namespace hecate::store::testing
