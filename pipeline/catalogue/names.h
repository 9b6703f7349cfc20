#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::catalogue {

// Names with commas or blanks between, as several of Splunk's settings have them.
[[nodiscard]] inline std::vector<std::string> names_in(std::string_view text) {
  constexpr std::string_view kBetween = ", \t\r\n";
  std::vector<std::string> names;
  while (true) {
    std::size_t begin = text.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return names;
    std::size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    names.emplace_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

}  // namespace hecate::catalogue
