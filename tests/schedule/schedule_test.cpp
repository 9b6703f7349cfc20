#include "pipeline/schedule/schedule.h"

#include "tests/support/testing.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::schedule {
namespace {

YAML::Node cases(const std::string& name) {
  return YAML::LoadFile(std::string(HECATE_SOURCE_DIR) + "/tests/cases/schedule/" + name);
}

Time time_of(const YAML::Node& node) {
  auto time = parse_timestamp(node.as<std::string>());
  EXPECT_TRUE(time) << node.as<std::string>();
  return time.value_or(0);
}

// True when the case is one that must be refused; then `error` is checked.
template <typename T>
bool refused(const YAML::Node& node, const Result<T>& result) {
  if (!node["error"]) {
    EXPECT_TRUE(result) << result.error().message;
    return !result;
  }
  EXPECT_FALSE(result) << "it was not refused";
  if (!result) {
    EXPECT_NE(result.error().message.find(node["error"].as<std::string>()), std::string::npos)
        << result.error().message;
  }
  return true;
}

TEST(Cron, Cases) {
  auto all = cases("cron.yaml");
  ASSERT_GT(all.size(), 20u);
  for (const auto& node : all) {
    SCOPED_TRACE(node["name"].as<std::string>());
    auto cron = Cron::parse(node["cron"].as<std::string>());
    if (refused(node, cron)) continue;
    Time at = time_of(node["after"]);
    for (const auto& expected : node["next"]) {
      at = cron->next(at);
      EXPECT_EQ(format_iso(at), format_iso(time_of(expected)));
    }
  }
}

TEST(Cron, NextIsTheFirstMinuteThatMatches) {
  for (const char* text : {"7 3-5 * * *", "*/13 * 1-7 * 2", "0 0 28-31 2,4 *", "59 23 * 12 0"}) {
    auto cron = Cron::parse(text);
    ASSERT_TRUE(cron);
    Time at = from_civil(2027, 12, 1);
    std::vector<Time> found;
    for (Time next = cron->next(at); found.size() < 40; next = cron->next(next)) found.push_back(next);
    for (std::size_t i = 1; i < found.size(); ++i) {
      ASSERT_LT(found[i - 1], found[i]);
      // Asking from anywhere in between gives the same.
      EXPECT_EQ(cron->next((found[i - 1] + found[i]) / 2), found[i]);
      EXPECT_EQ(cron->next(found[i] - 1), found[i]);
    }
  }
}

TEST(RelativeTime, Cases) {
  auto all = cases("relative_time.yaml");
  ASSERT_GT(all.size(), 40u);
  for (const auto& node : all) {
    SCOPED_TRACE(node["time"].as<std::string>());
    auto time = RelativeTime::parse(node["time"].as<std::string>());
    if (refused(node, time)) continue;
    EXPECT_EQ(format_iso(time->resolve(time_of(node["now"]))), format_iso(time_of(node["gives"])));
    EXPECT_EQ(time->on_minute(), !node["minute"] || node["minute"].as<bool>());
  }
}

TEST(Schedule, Cases) {
  auto all = cases("windows.yaml");
  ASSERT_GT(all.size(), 8u);
  for (const auto& node : all) {
    SCOPED_TRACE(node["name"].as<std::string>());
    auto schedule = Schedule::parse(node["cron"].as<std::string>(), node["earliest"].as<std::string>(),
                                    node["latest"].as<std::string>());
    if (refused(node, schedule)) continue;
    for (const auto& run : node["runs"]) {
      Window expected{time_of(run.first), time_of(run.second[0]), time_of(run.second[1])};
      EXPECT_EQ(schedule->window(expected.scheduled), expected);
    }
    for (const auto& first : node["first"]) {
      auto window = schedule->first_window_with(time_of(first["event"]), time_of(first["after"]));
      auto expected = first["run"].as<std::string>();
      EXPECT_EQ(window ? format_iso(window->scheduled) : "none",
                expected == "none" ? expected : format_iso(time_of(first["run"])));
    }
  }
}

}  // namespace
}  // namespace hecate::schedule
