#pragma once

#include <map>
#include <string>
#include <vector>

namespace YAML {
class Node;
}

namespace hecate::daemon {

// What a configuration says, by key (`inputs.hec.tokens[0].name`), as it is written. For comparing only:
// there are secrets among the values.
using GivenKeys = std::map<std::string, std::string>;
[[nodiscard]] GivenKeys given_keys(const YAML::Node& node);

// The keys that differ and that SIGHUP does not apply.
[[nodiscard]] std::vector<std::string> restart_keys(const GivenKeys& running, const GivenKeys& read);

}  // namespace hecate::daemon
