#include "tests/match/result_texts.h"

#include "gtest/gtest.h"
#include "pipeline/spl/values.h"

#include <map>

#include <fmt/format.h>

namespace hecate::testing {

std::vector<std::string> result_texts(const spl::Plan& plan, const store::DeltaSet& deltas, Time earliest,
                                      Time latest, std::string_view left_out) {
  Arena arena;
  spl::EvalContext context{.arena = arena, .now = latest, .earliest = earliest, .latest = latest};
  std::vector<std::string> rows;
  auto read = [&](const spl::Scan& scan, spl::GroupVisitor visit) {
    return store::read_groups(deltas, scan, visit);
  };
  auto take = [&](const spl::ResultRow& result) {
    std::map<std::string, std::string> fields;
    for (const spl::Row::Entry& entry : result.row.entries()) {
      if (entry.name == left_out) continue;
      std::string& text = fields[std::string(entry.name)];
      for (const Value& value : entry.value.each()) spl::append_text(value, text += "|");
    }
    std::string& row = rows.emplace_back();
    for (const auto& [name, text] : fields) row += fmt::format("{}={} ", name, text);
  };
  EXPECT_TRUE(spl::run(plan, context, read, take));
  EXPECT_EQ(context.incomplete, "");
  return rows;
}

}  // namespace hecate::testing
