#include "daemon/url.h"

#include "pipeline/base/percent.h"

#include <algorithm>

namespace hecate::daemon {

namespace {

// In a query `+` is a blank (the form of HTML's forms).
std::string query_decode(std::string_view text) {
  std::string blanks(text);
  std::ranges::replace(blanks, '+', ' ');
  return percent_decode(blanks);
}

// Calls `take` with name and value, both undecoded, of one parameter after another while it returns true.
template <typename Take>
void each_parameter(std::string_view query, Take take) {
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    std::size_t equals = std::min(pair.find('='), pair.size());
    if (!take(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())))) return;
  }
}

}  // namespace

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  each_parameter(query, [&](std::string_view each, std::string_view value) {
    if (query_decode(each) == name) found = query_decode(value);
    return !found;
  });
  return found;
}

std::vector<std::string> query_names(std::string_view query) {
  std::vector<std::string> names;
  each_parameter(query, [&](std::string_view name, std::string_view /*value*/) {
    names.push_back(query_decode(name));
    return true;
  });
  return names;
}

}  // namespace hecate::daemon
