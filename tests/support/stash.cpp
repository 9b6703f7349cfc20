#include "tests/support/stash.h"

#include <gtest/gtest.h>

namespace hecate::testing {

StashFields read_stash(std::string_view text) {
  StashFields fields;
  text.remove_prefix(std::min(text.find(','), text.size()));
  while (!text.empty()) {
    std::size_t equals = text.find("=\"");
    if (!text.starts_with(", ") || equals == std::string_view::npos) {
      ADD_FAILURE() << "no stash text here: " << text;
      return fields;
    }
    std::string name(text.substr(2, equals - 2));
    std::string value;
    std::size_t at = equals + 2;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
      value += text[at];
    }
    fields[name].push_back(value);
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return fields;
}

}  // namespace hecate::testing
