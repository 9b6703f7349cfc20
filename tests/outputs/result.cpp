#include "tests/outputs/result.h"

#include <gtest/gtest.h>

namespace hecate::testing {

void OwnedRow::set(const std::string& name, const std::vector<std::string>& values) {
  std::vector<Value>& list = lists_.emplace_back();
  for (const std::string& value : values) list.emplace_back(std::string_view(texts_.emplace_back(value)));
  row_.set(texts_.emplace_back(name), Value::multi(list));
}

spl::ResultRow OwnedRow::result(const std::vector<std::string>& keys, std::string_view group) const {
  spl::ResultRow result{row_, {}, group};
  for (const spl::Row::Entry& entry : row_.entries())
    for (const std::string& key : keys)
      if (entry.name == key) result.keys.emplace_back(entry.name, entry.value);
  return result;
}

catalogue::LoadedDetection detection(const std::string& yaml) {
  auto parsed = catalogue::parse_detections(yaml, "test.yml");
  if (!parsed || parsed->empty()) {
    ADD_FAILURE() << (parsed ? "no detection" : parsed.error().message);
    return {};
  }
  auto schedule =
      schedule::Schedule::parse(parsed->front().cron, parsed->front().earliest, parsed->front().latest);
  return {parsed->front(), *schedule, nullptr, {}};
}

window::Run run(const catalogue::LoadedDetection& detection, std::int64_t id) {
  Time scheduled = from_civil(2026, 4, 27, 13);
  return {.id = id,
          .detection = detection,
          .window = detection.schedule.window(scheduled),
          .search_time = scheduled + 250 * kMillisecond};
}

}  // namespace hecate::testing
