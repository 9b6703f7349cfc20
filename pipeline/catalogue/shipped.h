#pragma once

#include <span>
#include <string_view>

namespace hecate::catalogue {

// A file of detections/, as it was when the binary was built.
struct ShippedFile {
  std::string_view path;  // below detections/: `macros/sysmon.yml`
  std::string_view text;
};
[[nodiscard]] std::span<const ShippedFile> shipped_files();

}  // namespace hecate::catalogue
