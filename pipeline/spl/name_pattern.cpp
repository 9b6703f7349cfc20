#include "pipeline/spl/name_pattern.h"

namespace hecate::spl {

bool NamePattern::matches(std::string_view name) const {
  std::vector<std::string_view> parts;
  return match(name, parts);
}

// The first wildcards take as little as possible, the last takes what is left.
bool NamePattern::match(std::string_view name, std::vector<std::string_view>& parts) const {
  parts.clear();
  std::string_view pattern = text_;
  std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*')) {
    std::size_t found = name.find(pattern.substr(0, star));
    if (found == std::string_view::npos) return false;
    parts.push_back(name.substr(0, found));
    name.remove_prefix(found + star);
    pattern.remove_prefix(star + 1);
  }
  if (!name.ends_with(pattern)) return false;
  parts.push_back(name.substr(0, name.size() - pattern.size()));
  return true;
}

std::string NamePattern::fill(std::span<const std::string_view> parts) const {
  std::string filled;
  std::size_t next = 0;
  for (char c : text_) {
    if (c != '*') {
      filled.push_back(c);
    } else if (next < parts.size()) {
      filled += parts[next++];
    }
  }
  return filled;
}

}  // namespace hecate::spl
