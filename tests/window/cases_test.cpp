#include "tests/window/simulation.h"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace hecate::window {
namespace {

using testing::Simulation;
using testing::time_of_day;

void add_detections(Simulation& simulation, const YAML::Node& detections) {
  for (const auto& item : detections) {
    const auto& node = item.second;
    auto text = [&](const char* key, const char* otherwise) { return node[key].as<std::string>(otherwise); };
    bool early = text("emit", "schedule") == std::string("first_match");
    simulation.add_detection(item.first.as<std::string>(), text("search", "EventID=11 | stats count by dest"),
                             text("cron", "0 * * * *"), text("earliest", "-70m@m"), text("latest", "-10m@m"),
                             early ? catalogue::Emit::first_match : catalogue::Emit::schedule);
    auto& detection = simulation.detection();
    detection.notable = true;
    detection.risk = node["risk"].as<bool>(false);
    if (detection.risk) detection.risk_objects = {{"dest", "system", 50, ""}};
    if (text("revise", "fields") == std::string("any")) detection.revise = catalogue::Revise::any;
    if (text("revise", "fields") == std::string("never")) detection.revise = catalogue::Revise::never;
    if (auto throttle = node["throttle"]) {
      detection.throttle.fields = throttle["fields"].as<std::vector<std::string>>();
      detection.throttle.period = throttle["hours"].as<int>() * kHour;
    }
  }
}

void play(Simulation& simulation, const YAML::Node& step) {
  if (step.IsScalar()) return simulation.stop();  // the one step without a value
  if (auto clock = step["clock"]) return simulation.run_until(time_of_day(clock.as<std::string>()));
  if (auto reload = step["reload"]) {
    simulation.remove_detections();
    add_detections(simulation, reload);
    return simulation.set_catalogue();
  }
  if (auto start = step["start"]) {
    simulation.clock.set(time_of_day(start.as<std::string>()));
    return simulation.start();
  }
  Simulation::Fields fields = {{"EventID", "11"}};
  for (const auto& field : step) fields[field.first.as<std::string>()] = field.second.as<std::string>();
  auto time = time_of_day(fields.at("time"));
  fields.erase("time");
  simulation.event(time, std::move(fields));
}

std::vector<std::string> strings(const YAML::Node& list) {
  std::vector<std::string> found;
  for (const auto& item : list) found.push_back(item.as<std::string>());
  return found;
}

class WindowCases : public ::testing::TestWithParam<std::string> {};

TEST_P(WindowCases, AsWritten) {
  for (const auto& node : YAML::LoadFile(GetParam())) {
    SCOPED_TRACE(node["name"].as<std::string>());
    Simulation simulation(time_of_day(node["start"].as<std::string>()));
    add_detections(simulation, node["detections"]);
    if (node["posted"] || node["stored"]) simulation.use_findings();
    if (node["future_skew"]) simulation.options.future_skew = node["future_skew"].as<int>() * kMinute;
    simulation.dedup = node["dedup"].as<bool>(false);
    simulation.start();
    for (const auto& step : node["timeline"]) {
      play(simulation, step);
      if (HasFatalFailure()) return;
    }
    if (node["findings"]) {
      EXPECT_EQ(simulation.told(), strings(node["findings"]));
    }
    if (node["posted"]) {
      EXPECT_EQ(simulation.posted(), strings(node["posted"]));
    }
    if (node["stored"]) {
      EXPECT_EQ(simulation.stored(), strings(node["stored"]));
    }
    if (node["aside"]) {
      EXPECT_EQ(simulation.aside(), strings(node["aside"]));
    }
    if (node["runs"]) {
      EXPECT_EQ(simulation.metric("hecate_window_runs_total"), node["runs"].as<double>());
    }
    if (node["incomplete"]) {
      EXPECT_EQ(std::max(0.0, simulation.metric("hecate_window_incomplete_total")),
                node["incomplete"].as<double>());
      EXPECT_EQ(simulation.query("SELECT count(*) FROM run WHERE incomplete = 1"),
                node["incomplete"].as<int>());
    }
    if (node["made_up"]) {
      EXPECT_EQ(simulation.metric("hecate_window_made_up_total"), node["made_up"].as<double>());
    }
  }
}

std::vector<std::string> case_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(HECATE_SOURCE_DIR "/tests/cases/window")) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, WindowCases, ::testing::ValuesIn(case_files()),
                         [](const auto& file) { return std::filesystem::path(file.param).stem().string(); });

}  // namespace
}  // namespace hecate::window
