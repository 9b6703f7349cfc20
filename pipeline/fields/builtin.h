#pragma once

#include <string_view>

namespace hecate::fields {

// sysmon.yaml and datamodels.yaml as they were when the program was built.
extern const std::string_view kBuiltinRules;
extern const std::string_view kBuiltinModels;

}  // namespace hecate::fields
