#pragma once

#include "pipeline/base/error.h"

#include <filesystem>
#include <string>
#include <vector>

namespace hecate::catalogue {

// Which files of a folder are what, by their names.
using FileKind = bool (*)(const std::filesystem::path&);
[[nodiscard]] bool is_yaml(const std::filesystem::path& path);
[[nodiscard]] bool is_csv(const std::filesystem::path& path);
// YAML, but for the tests of a detection (`x.test.yml`), which stand beside it.
[[nodiscard]] bool is_detections(const std::filesystem::path& path);
// Splunk's files; one that was given is what it was given as, whatever its name.
[[nodiscard]] bool is_conf(const std::filesystem::path& path);
[[nodiscard]] bool is_macros_conf(const std::filesystem::path& path);
[[nodiscard]] bool is_transforms_conf(const std::filesystem::path& path);
[[nodiscard]] bool is_saved_searches(const std::filesystem::path& path);

// The folder of the Splunk app that a file in its default/ or local/ is of; the file's folder otherwise.
[[nodiscard]] std::filesystem::path app_of(const std::filesystem::path& file);

// Such files of a folder and its folders, sorted, so that "later" means the same everywhere; a file is
// itself. `detections`: folders in it that hold other content (macros/, lookups/, …) are passed over.
[[nodiscard]] std::vector<std::string> files_of(const std::filesystem::path& path, FileKind kind,
                                                bool detections = false);

// The whole text of a file; the error says what to do.
[[nodiscard]] Result<std::string> read_text(const std::string& file);

}  // namespace hecate::catalogue
