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

}  // namespace

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    std::size_t end = std::min(query.find('&'), query.size());
    std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    std::size_t equals = std::min(pair.find('='), pair.size());
    if (query_decode(pair.substr(0, equals)) != name) continue;
    return query_decode(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

}  // namespace hecate::daemon
