#include "daemon/config_changes.h"

#include <algorithm>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace hecate::daemon {
namespace {

void gather(const YAML::Node& node, const std::string& path, GivenKeys& found) {
  if (node.IsMap()) {
    for (const auto& each : node) {
      std::string key = each.first.IsScalar() ? each.first.Scalar() : "";
      gather(each.second, path.empty() ? key : path + "." + key, found);
    }
  } else if (node.IsSequence()) {
    std::size_t number = 0;
    for (const YAML::Node& each : node) gather(each, fmt::format("{}[{}]", path, number++), found);
  } else if (node.IsScalar()) {
    found.emplace(path, node.Scalar());
  }
}

// The index of notables is one of a detection's settings.
bool is_applied(const std::string& key) {
  return key.starts_with("detections.") || key == "outputs.hec.index";
}

}  // namespace

GivenKeys given_keys(const YAML::Node& node) {
  GivenKeys found;
  gather(node, "", found);
  return found;
}

std::vector<std::string> restart_keys(const GivenKeys& running, const GivenKeys& read) {
  GivenKeys changed;
  std::ranges::set_symmetric_difference(running, read, std::inserter(changed, changed.end()));
  std::vector<std::string> keys;
  for (const auto& [key, value] : changed)
    if (!is_applied(key)) keys.push_back(key);
  return keys;
}

}  // namespace hecate::daemon
