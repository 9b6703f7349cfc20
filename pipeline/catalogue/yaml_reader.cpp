#include "pipeline/catalogue/yaml_reader.h"

#include <fmt/format.h>

namespace hecate::catalogue {

spl::Position position_of(const YAML::Node& node) {
  YAML::Mark mark = node.Mark();
  return {mark.line + 1, mark.column + 1};
}

MapReader::MapReader(const YAML::Node& node, std::string what) : node_(node), what_(std::move(what)) {
  if (node_.IsMap()) return;
  std::string name = what_.empty() ? "the document" : "`" + what_ + "`";
  throw Wrong{position_of(node_), fmt::format("{} must be a map of keys and values", name)};
}

bool MapReader::has(const char* key) const {
  const YAML::Node node = node_[key];
  return node && !node.IsNull();
}

std::vector<std::string> MapReader::keys() const {
  std::vector<std::string> found;
  for (const auto& entry : node_)
    if (entry.first.IsScalar()) found.push_back(entry.first.Scalar());
  return found;
}

std::optional<std::string> MapReader::text(const char* key) const {
  if (!has(key)) return std::nullopt;
  if (!node_[key].IsScalar()) wrong(key, "must be a text");
  return node_[key].Scalar();
}

std::string MapReader::text_or(const char* key, std::string_view otherwise) const {
  return text(key).value_or(std::string(otherwise));
}

std::string MapReader::required(const char* key) const {
  std::string value = text_or(key, "");
  if (value.find_first_not_of(" \t\r\n") == std::string::npos) wrong(key, "is missing");
  return value;
}

std::optional<double> MapReader::number(const char* key) const {
  if (!has(key)) return std::nullopt;
  double value = 0;
  if (!node_[key].IsScalar() || !YAML::convert<double>::decode(node_[key], value))
    wrong(key, "must be a number");
  return value;
}

std::optional<bool> MapReader::boolean(const char* key) const {
  if (!has(key)) return std::nullopt;
  bool value = false;
  if (!node_[key].IsScalar() || !YAML::convert<bool>::decode(node_[key], value))
    wrong(key, "must be true or false");
  return value;
}

std::vector<std::string> MapReader::texts(const char* key) const {
  if (!has(key)) return {};
  const YAML::Node node = node_[key];
  if (node.IsScalar()) return {node.Scalar()};
  if (!node.IsSequence()) wrong(key, "must be a list of texts");
  std::vector<std::string> values;
  for (const YAML::Node& item : node) {
    if (!item.IsScalar())
      throw Wrong{position_of(item), fmt::format("`{}` must be a list of texts", path(key))};
    values.push_back(item.Scalar());
  }
  return values;
}

std::optional<MapReader> MapReader::map(const char* key) const {
  if (!has(key)) return std::nullopt;
  return MapReader(node_[key], path(key));
}

std::vector<MapReader> MapReader::maps(const char* key) const {
  if (!has(key)) return {};
  if (!node_[key].IsSequence()) wrong(key, "must be a list");
  std::vector<MapReader> values;
  for (const YAML::Node& item : node_[key]) values.emplace_back(item, path(key) + "[]");
  return values;
}

spl::Position MapReader::position(const char* key) const {
  return position_of(has(key) ? node_[key] : node_);
}

void MapReader::wrong(const char* key, const std::string& message) const {
  throw Wrong{position(key), fmt::format("`{}` {}", path(key), message)};
}

}  // namespace hecate::catalogue
