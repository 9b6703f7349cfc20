#pragma once

#include "pipeline/spl/source.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace hecate::catalogue {

// What is wrong with a YAML document, and where. Thrown while one is read and caught by whoever began to; it
// never leaves this library.
struct Wrong {
  spl::Position position;
  std::string message;
};

[[nodiscard]] spl::Position position_of(const YAML::Node& node);

// Reads the keys of a map, each with the type that it must have; throws Wrong, naming key and place. A key
// that is missing and one that is null are the same. Keys that nobody asks for are nobody's business: the
// catalogue's form grows.
class MapReader {
 public:
  // `what` names the map in messages: `finding.entity`; empty for the document itself.
  MapReader(const YAML::Node& node, std::string what);

  [[nodiscard]] bool has(const char* key) const;
  [[nodiscard]] std::vector<std::string> keys() const;
  [[nodiscard]] std::optional<std::string> text(const char* key) const;
  [[nodiscard]] std::string text_or(const char* key, std::string_view otherwise) const;
  [[nodiscard]] std::string required(const char* key) const;
  [[nodiscard]] std::optional<double> number(const char* key) const;
  [[nodiscard]] std::optional<bool> boolean(const char* key) const;
  // A list of texts; one text alone counts as a list of one.
  [[nodiscard]] std::vector<std::string> texts(const char* key) const;
  [[nodiscard]] std::optional<MapReader> map(const char* key) const;
  [[nodiscard]] std::vector<MapReader> maps(const char* key) const;

  [[nodiscard]] spl::Position position() const { return position_of(node_); }
  [[nodiscard]] spl::Position position(const char* key) const;
  [[nodiscard]] YAML::Mark mark(const char* key) const { return node_[key].Mark(); }
  [[noreturn]] void wrong(const char* key, const std::string& message) const;

 private:
  [[nodiscard]] std::string path(const char* key) const { return what_.empty() ? key : what_ + "." + key; }

  const YAML::Node node_;
  std::string what_;
};

}  // namespace hecate::catalogue
