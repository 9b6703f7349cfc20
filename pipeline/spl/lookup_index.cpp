// Finding rows of a lookup. One field, or all that are compared as they are, lead to candidates: by the hash
// of the value, by four bytes that stand in a wildcard's text, by a network's address. Each candidate is then
// compared in full, in the table's order, so that what leads may lead to too much, never to too little.
#include "absl/container/flat_hash_map.h"
#include "pipeline/spl/lookup.h"
#include "pipeline/spl/network.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

namespace hecate::spl {
namespace {

using Rows = std::vector<std::uint32_t>;

// Numbers of rows under a key, in rising order. Rows are added in that order.
class Postings {
 public:
  void add(std::uint64_t key, std::uint32_t row) { added_.emplace_back(key, row); }
  void settle() {
    std::ranges::sort(added_);
    rows_.reserve(added_.size());
    for (const auto& [key, row] : added_) {
      auto [place, fresh] = ranges_.try_emplace(key, Range{static_cast<std::uint32_t>(rows_.size()), 0});
      rows_.push_back(row);
      ++place->second.count;
    }
    added_ = {};
  }
  [[nodiscard]] std::span<const std::uint32_t> find(std::uint64_t key) const {
    auto found = ranges_.find(key);
    if (found == ranges_.end()) return {};
    return {rows_.data() + found->second.begin, found->second.count};
  }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::size_t bytes() const {
    return rows_.capacity() * sizeof(std::uint32_t) +
           ranges_.capacity() * (sizeof(std::uint64_t) + sizeof(Range));
  }

 private:
  struct Range {
    std::uint32_t begin;
    std::uint32_t count;
  };
  std::vector<std::pair<std::uint64_t, std::uint32_t>> added_;
  absl::flat_hash_map<std::uint64_t, Range> ranges_;
  Rows rows_;
};

constexpr std::size_t kGram = 4;

std::uint32_t gram_at(const char* text) {
  std::uint32_t gram = 0;
  std::memcpy(&gram, text, kGram);
  return gram;
}

template <typename Visit>
void each_gram(std::string_view text, const Visit& visit) {
  for (std::size_t i = 0; i + kGram <= text.size(); ++i) visit(gram_at(text.data() + i));
}

// The texts between the wildcards.
template <typename Visit>
void each_piece(std::string_view pattern, const Visit& visit) {
  while (!pattern.empty()) {
    std::size_t star = std::min(pattern.find('*'), pattern.size());
    if (star > 0) visit(pattern.substr(0, star));
    pattern.remove_prefix(std::min(star + 1, pattern.size()));
  }
}

// The first pieces stand as far to the front as they can, the last one at the end.
bool matches_wildcard(std::string_view pattern, std::string_view value) {
  std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == value;
  if (!value.starts_with(pattern.substr(0, star))) return false;
  value.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*')) {
    std::size_t found = value.find(pattern.substr(0, star));
    if (found == std::string_view::npos) return false;
    value.remove_prefix(found + star);
    pattern.remove_prefix(star + 1);
  }
  return value.ends_with(pattern);
}

// Wildcard cells by the four bytes of theirs that fewest others have; those with no such text by themselves.
class WildcardPostings {
 public:
  void settle(const std::vector<std::pair<std::string_view, std::uint32_t>>& cells) {
    absl::flat_hash_map<std::uint32_t, std::uint32_t> common;
    for (const auto& [cell, row] : cells)
      each_piece(cell, [&](std::string_view piece) {
        each_gram(piece, [&](std::uint32_t gram) { ++common[gram]; });
      });
    for (const auto& [cell, row] : cells) {
      std::optional<std::uint32_t> rarest;
      each_piece(cell, [&](std::string_view piece) {
        each_gram(piece, [&](std::uint32_t gram) {
          if (!rarest || common[gram] < common[*rarest]) rarest = gram;
        });
      });
      if (rarest)
        postings_.add(*rarest, row);
      else
        always_.push_back(row);
    }
    postings_.settle();
  }
  void find(std::string_view value, Rows& rows) const {
    rows.insert(rows.end(), always_.begin(), always_.end());
    if (postings_.empty()) return;
    each_gram(value, [&](std::uint32_t gram) {
      auto found = postings_.find(gram);
      rows.insert(rows.end(), found.begin(), found.end());
    });
  }
  [[nodiscard]] std::size_t bytes() const {
    return postings_.bytes() + always_.capacity() * sizeof(std::uint32_t);
  }

 private:
  Postings postings_;
  Rows always_;
};

// Networks by their length and their address, so that an address is looked for once a length.
class NetworkPostings {
 public:
  void add(const Network& network, std::uint32_t row) {
    postings_.add(network.hash(), row);
    auto length = std::pair(network.is_six(), network.bits());
    if (std::ranges::find(lengths_, length) == lengths_.end()) lengths_.push_back(length);
  }
  void settle() { postings_.settle(); }
  void find(std::string_view value, Rows& rows) const {
    std::optional<Network> address = Network::parse_address(value);
    if (!address) return;
    for (const auto& [six, bits] : lengths_) {
      if (six != address->is_six()) continue;
      auto found = postings_.find(address->cut(bits).hash());
      rows.insert(rows.end(), found.begin(), found.end());
    }
  }
  [[nodiscard]] std::size_t bytes() const { return postings_.bytes(); }

 private:
  Postings postings_;
  std::vector<std::pair<bool, unsigned>> lengths_;
};

std::optional<Network> network_of(std::string_view cell) {
  std::optional<Network> network = Network::parse(cell);
  return network ? network : Network::parse_address(cell);
}

}  // namespace

struct LookupIndex::Parts {
  struct Key {
    std::size_t column;
    LookupMatch match;
    bool leads = false;
  };

  std::shared_ptr<const LookupTable> table;
  bool with_case;
  std::vector<Key> keys;
  LookupTable folded{{}};  // the cells of the keys, as they are compared
  Postings exact;
  WildcardPostings wildcards;
  NetworkPostings networks;

  void fold_cells();
  void fill();
  void fill_wildcards(std::size_t key);
  void fill_networks(std::size_t key);
  [[nodiscard]] std::uint64_t hash_of_cells(std::uint32_t row) const;
  [[nodiscard]] bool matches(std::uint32_t row, const std::vector<std::string_view>& values) const;
  [[nodiscard]] std::string_view folded_cell(std::uint32_t row, std::size_t key) const {
    return folded.cell(row, key);
  }
  static std::uint64_t mix(std::uint64_t hash, std::string_view text) {
    return (hash ^ absl::Hash<std::string_view>()(text)) * 0x9E3779B97F4A7C15ULL;
  }
};

void LookupIndex::Parts::fold_cells() {
  folded = LookupTable(std::vector<std::string>(keys.size()));
  std::vector<std::string> cells(keys.size());
  for (std::size_t row = 0; row < table->rows(); ++row) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      cells[i].clear();
      std::string_view cell = table->cell(row, keys[i].column);
      if (with_case || keys[i].match == LookupMatch::cidr)
        cells[i] = cell;
      else
        fold_case(cell, cells[i]);
    }
    folded.add({cells.begin(), cells.end()});
  }
}

std::uint64_t LookupIndex::Parts::hash_of_cells(std::uint32_t row) const {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].leads) hash = mix(hash, folded_cell(row, i));
  return hash;
}

// All fields that are compared as they are lead together; without any, the first one.
void LookupIndex::Parts::fill() {
  bool any_exact = std::ranges::any_of(keys, [](const Key& key) { return key.match == LookupMatch::exact; });
  for (Key& key : keys) key.leads = any_exact && key.match == LookupMatch::exact;
  if (any_exact) {
    for (std::uint32_t row = 0; row < table->rows(); ++row) exact.add(hash_of_cells(row), row);
    return exact.settle();
  }
  keys[0].leads = true;
  keys[0].match == LookupMatch::wildcard ? fill_wildcards(0) : fill_networks(0);
}

void LookupIndex::Parts::fill_wildcards(std::size_t key) {
  std::vector<std::pair<std::string_view, std::uint32_t>> with_wildcard;
  for (std::uint32_t row = 0; row < table->rows(); ++row) {
    std::string_view cell = folded_cell(row, key);
    if (cell.contains('*'))
      with_wildcard.emplace_back(cell, row);
    else
      exact.add(mix(0, cell), row);
  }
  exact.settle();
  wildcards.settle(with_wildcard);
}

void LookupIndex::Parts::fill_networks(std::size_t key) {
  for (std::uint32_t row = 0; row < table->rows(); ++row)
    if (auto network = network_of(folded_cell(row, key))) networks.add(*network, row);
  networks.settle();
}

bool LookupIndex::Parts::matches(std::uint32_t row, const std::vector<std::string_view>& values) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::string_view cell = folded_cell(row, i);
    bool same = false;
    if (keys[i].match == LookupMatch::exact) same = cell == values[i];
    if (keys[i].match == LookupMatch::wildcard) same = matches_wildcard(cell, values[i]);
    if (keys[i].match == LookupMatch::cidr) {
      auto network = network_of(cell);
      same = network && network->contains(values[i]);
    }
    if (!same) return false;
  }
  return true;
}

LookupIndex::LookupIndex(std::shared_ptr<const LookupTable> table, const LookupRules& rules,
                         const std::vector<std::size_t>& fields) {
  auto parts = std::make_unique<Parts>();
  parts->with_case = rules.case_sensitive_match;
  for (std::size_t field : fields) parts->keys.push_back({field, rules.match_of(table->fields()[field])});
  parts->table = std::move(table);
  parts->fold_cells();
  parts->fill();
  parts_ = std::move(parts);
}

LookupIndex::~LookupIndex() = default;

void LookupIndex::find(const std::vector<std::string_view>& values, std::size_t most, Rows& rows) const {
  thread_local std::vector<std::string> folds;
  thread_local std::vector<std::string_view> folded;
  thread_local Rows candidates;
  const Parts& parts = *parts_;
  if (folds.size() < values.size()) folds.resize(values.size());
  folded.assign(values.begin(), values.end());
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!parts.with_case && parts.keys[i].match != LookupMatch::cidr) {
      folds[i].clear();
      fold_case(values[i], folds[i]);
      folded[i] = folds[i];
    }
    if (parts.keys[i].leads) hash = Parts::mix(hash, folded[i]);
  }
  auto found = parts.exact.find(hash);
  candidates.assign(found.begin(), found.end());
  if (parts.keys[0].leads && parts.keys[0].match == LookupMatch::wildcard)
    parts.wildcards.find(folded[0], candidates);
  if (parts.keys[0].leads && parts.keys[0].match == LookupMatch::cidr)
    parts.networks.find(folded[0], candidates);
  if (candidates.size() > found.size()) {
    std::ranges::sort(candidates);
    candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  }
  rows.clear();
  for (std::size_t i = 0; i < candidates.size() && rows.size() < most; ++i)
    if (parts.matches(candidates[i], folded)) rows.push_back(candidates[i]);
}

const LookupTable& LookupIndex::table() const {
  return *parts_->table;
}

std::size_t LookupIndex::bytes() const {
  return parts_->folded.bytes() + parts_->exact.bytes() + parts_->wildcards.bytes() +
         parts_->networks.bytes();
}

}  // namespace hecate::spl
