#include "daemon/test_runner.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

constexpr std::size_t kNone = SIZE_MAX;
constexpr std::size_t kMostRows = 20;
constexpr std::size_t kMostFields = 40;

using Values = std::vector<std::string>;

const Values& values_of(const TextRow& row, const std::string& field) {
  static const Values none;
  auto found = row.find(field);
  return found == row.end() ? none : found->second;
}

std::size_t equal_fields(const TextRow& expected, const TextRow& found) {
  return static_cast<std::size_t>(std::ranges::count_if(
      expected, [&](const auto& field) { return values_of(found, field.first) == field.second; }));
}

bool has_all(const TextRow& expected, const TextRow& found) {
  return equal_fields(expected, found) == expected.size();
}

// Gives each row expected one that was found, as many as can be (augmenting paths).
class Pairing {
 public:
  Pairing(const std::vector<TextRow>& expected, const std::vector<TextRow>& found)
      : expected_(expected), found_(found), taken_by_(found.size(), kNone) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      seen_.assign(found.size(), false);
      place(i);
    }
  }
  // By the rows expected: the one found, or kNone.
  [[nodiscard]] std::vector<std::size_t> pairs() const {
    std::vector<std::size_t> pairs(expected_.size(), kNone);
    for (std::size_t j = 0; j < taken_by_.size(); ++j)
      if (taken_by_[j] != kNone) pairs[taken_by_[j]] = j;
    return pairs;
  }

 private:
  bool place(std::size_t row) {
    for (std::size_t j = 0; j < found_.size(); ++j) {
      if (seen_[j] || !has_all(expected_[row], found_[j])) continue;
      seen_[j] = true;
      if (taken_by_[j] != kNone && !place(taken_by_[j])) continue;
      taken_by_[j] = row;
      return true;
    }
    return false;
  }

  const std::vector<TextRow>& expected_;
  const std::vector<TextRow>& found_;
  std::vector<std::size_t> taken_by_;
  std::vector<bool> seen_;
};

std::string text(const Values& values) {
  if (values.empty()) return "(absent)";
  return values.size() == 1 ? values[0] : fmt::format("[{}]", fmt::join(values, ", "));
}

void print_row(const TextRow& row, char mark, std::vector<std::string>& lines) {
  std::size_t shown = 0;
  for (const auto& [name, values] : row) {
    if (++shown > kMostFields) break;
    lines.push_back(fmt::format("{}   {}: {}", mark, name, text(values)));
  }
  if (row.size() > kMostFields)
    lines.push_back(fmt::format("{}   … and {} more fields", mark, row.size() - kMostFields));
}

void print_difference(const TextRow& expected, const TextRow& found, std::vector<std::string>& lines) {
  for (const auto& [name, values] : expected) {
    const Values& got = values_of(found, name);
    if (got == values) {
      lines.push_back(fmt::format("    {}: {}", name, text(values)));
      continue;
    }
    lines.push_back(fmt::format("-   {}: {}", name, text(values)));
    lines.push_back(fmt::format("+   {}: {}", name, text(got)));
  }
}

// The row among those left that has most of the fields expected, and one at least.
std::size_t most_alike(const TextRow& expected, const std::vector<TextRow>& found,
                       const std::vector<bool>& used) {
  std::size_t best = kNone;
  std::size_t most = 0;
  for (std::size_t j = 0; j < found.size(); ++j) {
    std::size_t equal = used[j] ? 0 : equal_fields(expected, found[j]);
    if (equal > most) best = j;
    most = std::max(most, equal);
  }
  return best;
}

std::vector<std::size_t> in_place(const std::vector<TextRow>& expected, const std::vector<TextRow>& found) {
  std::vector<std::size_t> pairs(expected.size(), kNone);
  for (std::size_t i = 0; i < expected.size() && i < found.size(); ++i)
    if (has_all(expected[i], found[i])) pairs[i] = i;
  return pairs;
}

}  // namespace

std::vector<std::string> compare_rows(const std::vector<TextRow>& expected, const std::vector<TextRow>& found,
                                      bool in_order) {
  std::vector<std::size_t> pairs = in_order ? in_place(expected, found) : Pairing(expected, found).pairs();
  std::vector<bool> used(found.size(), false);
  for (std::size_t pair : pairs)
    if (pair != kNone) used[pair] = true;
  std::vector<std::string> lines;
  std::size_t told = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (pairs[i] != kNone || ++told > kMostRows) continue;
    bool same_place = in_order && i < found.size();
    std::size_t near = same_place ? i : most_alike(expected[i], found, used);
    if (near == kNone) {
      lines.push_back(fmt::format("- row {} of those expected was not found:", i + 1));
      print_row(expected[i], '-', lines);
      continue;
    }
    used[near] = true;
    lines.push_back(
        fmt::format("  row {} of those expected differs from row {} of those found:", i + 1, near + 1));
    print_difference(expected[i], found[near], lines);
  }
  for (std::size_t j = 0; j < found.size(); ++j) {
    if (used[j] || ++told > kMostRows) continue;
    lines.push_back(fmt::format("+ row {} of those found was not expected:", j + 1));
    print_row(found[j], '+', lines);
  }
  if (told > kMostRows) lines.push_back(fmt::format("… and {} more rows differ", told - kMostRows));
  return lines;
}

}  // namespace hecate::daemon
