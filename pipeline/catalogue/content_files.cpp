#include "pipeline/catalogue/content_files.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace hecate::catalogue {
namespace {

namespace fs = std::filesystem;

// Folders that stand inside a folder of detections and hold something else.
bool holds_other_content(const fs::path& folder) {
  fs::path name = folder.filename();
  return name == "macros" || name == "deployments" || name == "lookups" || name == "data_sources";
}

}  // namespace

bool is_yaml(const fs::path& path) {
  return path.extension() == ".yml" || path.extension() == ".yaml";
}

bool is_csv(const fs::path& path) {
  return path.extension() == ".csv";
}

bool is_detections(const fs::path& path) {
  return is_yaml(path) && path.stem().extension() != ".test";
}

bool is_macros_conf(const fs::path& path) {
  return path.filename() == "macros.conf";
}

bool is_transforms_conf(const fs::path& path) {
  return path.filename() == "transforms.conf";
}

bool is_saved_searches(const fs::path& path) {
  return path.filename() == "savedsearches.conf";
}

bool is_conf(const fs::path& path) {
  return path.extension() == ".conf";
}

fs::path app_of(const fs::path& file) {
  fs::path folder = file.parent_path();
  bool layer = folder.filename() == "default" || folder.filename() == "local";
  return layer ? folder.parent_path() : folder;
}

std::vector<std::string> files_of(const fs::path& path, FileKind kind, bool detections) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path.string()};
  std::vector<std::string> files;
  fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::end(entry); entry.increment(error)) {
    if (entry->is_directory(error)) {
      if (detections && holds_other_content(entry->path())) entry.disable_recursion_pending();
    } else if (kind(entry->path())) {
      files.push_back(entry->path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::string> read_text(const std::string& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return fail("there is no such file or folder; check the path");
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  bool empty = in.peek() == std::ifstream::traits_type::eof();
  if (!empty && !(text << in.rdbuf())) return fail("cannot be read; check its permissions");
  if (empty && !in.is_open()) return fail("cannot be read; check its permissions");
  return std::move(text).str();
}

}  // namespace hecate::catalogue
