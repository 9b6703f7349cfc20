#include "pipeline/spl/accumulator.h"

#include "pipeline/spl/group_key.h"
#include "pipeline/spl/values.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <type_traits>
#include <utility>

namespace hecate::spl {
namespace {

void write_sum(const ExactSum& sum, BlobWriter& out) {
  out.number(sum.partials().size());
  for (double partial : sum.partials()) out.real(partial);
}

// Adding the partials again, rather than trusting them, keeps the rule that no two overlap.
ExactSum read_sum(BlobReader& in) {
  ExactSum sum;
  for (std::size_t left = in.count(); left > 0; --left) sum.add(in.real());
  return sum;
}

void write_rank(const Rank& rank, BlobWriter& out) {
  out.fixed(rank.major);
  out.fixed(rank.minor);
  out.number(rank.row);
}

Rank read_rank(BlobReader& in) {
  Rank rank;
  rank.major = in.fixed();
  rank.minor = in.fixed();
  rank.row = static_cast<std::uint32_t>(in.number());
  return rank;
}

}  // namespace

void SumOf::add(double x) {
  ++n;
  sum.add(x);
}

void SumOf::merge(SumOf&& other) {
  n += other.n;
  sum.add(other.sum);
}

void SumOf::encode(BlobWriter& out) const {
  out.number(n);
  write_sum(sum, out);
}

SumOf SumOf::decode(BlobReader& in) {
  SumOf result;
  result.n = in.number();
  result.sum = read_sum(in);
  return result;
}

void MomentsOf::add(double x) {
  first.add(x);
  squares.add_product(x, x);
}

void MomentsOf::merge(MomentsOf&& other) {
  first.merge(std::move(other.first));
  squares.add(other.squares);
}

void MomentsOf::encode(BlobWriter& out) const {
  first.encode(out);
  write_sum(squares, out);
}

MomentsOf MomentsOf::decode(BlobReader& in) {
  MomentsOf result;
  result.first = SumOf::decode(in);
  result.squares = read_sum(in);
  return result;
}

// (n·Σx² − (Σx)²) / (n·(n − less)), the numerator without rounding: subtracting rounded sums of large numbers
// that lie close together would leave nothing but the errors.
std::optional<double> MomentsOf::variance(int less) const {
  auto n = static_cast<double>(first.n);
  if (n - less <= 0) return std::nullopt;
  ExactSum spread = squares.times(n);
  ExactSum square = first.sum.squared();
  square.negate();
  spread.add(square);
  return std::max(0.0, spread.total()) / (n * (n - less));
}

void BoundsOf::add(std::string_view text, std::optional<double> number) {
  if (number) {
    any_number = true;
    least = std::min(least, *number);
    greatest = std::max(greatest, *number);
  } else {
    all_numbers = false;
  }
  if (!any || text < first) first = text;
  if (!any || text > last) last = text;
  any = true;
}

void BoundsOf::merge(BoundsOf&& other) {
  if (!other.any) return;
  if (!any) {
    *this = std::move(other);
    return;
  }
  all_numbers = all_numbers && other.all_numbers;
  any_number = any_number || other.any_number;
  least = std::min(least, other.least);
  greatest = std::max(greatest, other.greatest);
  if (other.first < first) first = std::move(other.first);
  if (other.last > last) last = std::move(other.last);
}

void BoundsOf::encode(BlobWriter& out) const {
  out.byte(static_cast<std::uint8_t>((any ? 1U : 0U) | (all_numbers ? 2U : 0U) | (any_number ? 4U : 0U)));
  if (!any) return;
  if (any_number) {
    out.real(least);
    out.real(greatest);
  }
  out.text(first);
  out.text(last);
}

BoundsOf BoundsOf::decode(BlobReader& in) {
  BoundsOf result;
  std::uint8_t flags = in.byte();
  if (flags > 7) in.reject();
  result.any = (flags & 1U) != 0;
  result.all_numbers = (flags & 2U) != 0;
  result.any_number = (flags & 4U) != 0;
  if (!result.any) return result;
  if (result.any_number) {
    result.least = in.real();
    result.greatest = in.real();
  }
  result.first = in.text();
  result.last = in.text();
  return result;
}

void DistinctOf::add(std::string_view text) {
  std::uint64_t hash = stable_hash(text);
  if (bounded && hash > *hashes.rbegin()) return;
  hashes.insert(hash);
  keep_smallest();
}

// A bounded state is always full (it holds the kExact smallest), so its greatest hash says what is left out;
// the flag must never be set before the hashes are in.
void DistinctOf::keep_smallest() {
  while (hashes.size() > kExact) {
    hashes.erase(std::prev(hashes.end()));
    bounded = true;
  }
}

void DistinctOf::merge(DistinctOf&& other) {
  hashes.merge(other.hashes);
  bounded = bounded || other.bounded;
  keep_smallest();
}

void DistinctOf::encode(BlobWriter& out) const {
  out.byte(bounded ? 1 : 0);
  out.number(hashes.size());
  std::uint64_t before = 0;
  for (std::uint64_t hash : hashes) {
    out.number(hash - before);
    before = hash;
  }
}

DistinctOf DistinctOf::decode(BlobReader& in) {
  DistinctOf result;
  result.bounded = in.byte() != 0;
  std::uint64_t hash = 0;
  for (std::size_t left = in.count(); left > 0; --left) {
    hash += in.number();
    result.hashes.insert(result.hashes.end(), hash);
  }
  if (result.bounded && result.hashes.size() != kExact) in.reject();
  return result;
}

double DistinctOf::count() const {
  if (!bounded) return static_cast<double>(hashes.size());
  double density = std::ldexp(static_cast<double>(*hashes.rbegin()), -64);
  return std::round((static_cast<double>(kExact) - 1) / density);
}

void ValuesOf::add(std::string_view text) {
  if (cut && text >= *cut) return;
  auto found = counts.find(text);
  if (found != counts.end()) {
    ++found->second;
    return;
  }
  counts.emplace(text, 1);
  bytes_ += text.size();
  enforce_bound();
}

// Leaves out from the end, so that what stays is always the longest beginning of the sorted values that fits;
// the first value stays whatever its size.
void ValuesOf::enforce_bound() {
  while (counts.size() > 1 && (counts.size() > kMost || bytes_ > kBytes)) {
    auto last = std::prev(counts.end());
    bytes_ -= last->first.size();
    cut = std::move(counts.extract(last).key());
  }
}

void ValuesOf::merge(ValuesOf&& other) {
  if (other.cut && (!cut || *other.cut < *cut)) {
    cut = std::move(other.cut);
    for (auto beyond = counts.lower_bound(*cut); beyond != counts.end(); beyond = counts.erase(beyond)) {
      bytes_ -= beyond->first.size();
    }
  }
  for (auto& [text, times] : other.counts) {
    if (cut && text >= *cut) break;
    auto [place, fresh] = counts.try_emplace(text, 0);
    place->second += times;
    if (fresh) bytes_ += text.size();
  }
  enforce_bound();
}

void ValuesOf::encode(BlobWriter& out) const {
  out.byte(cut ? 1 : 0);
  if (cut) out.text(*cut);
  out.number(counts.size());
  for (const auto& [text, times] : counts) {
    out.text(text);
    out.number(times);
  }
}

ValuesOf ValuesOf::decode(BlobReader& in) {
  ValuesOf result;
  if (in.byte() != 0) result.cut = in.text();
  for (std::size_t left = in.count(); left > 0; --left) {
    std::string text(in.text());
    result.bytes_ += text.size();
    result.counts.emplace_hint(result.counts.end(), std::move(text), in.number());
  }
  return result;
}

void ListOf::add(const Rank& rank, std::uint32_t index, std::string_view text) {
  bounded = bounded || text.size() > kBytes;
  Item item{rank, index, std::string(text.substr(0, kBytes))};
  items.insert(std::ranges::upper_bound(items, item), std::move(item));
  if (items.size() > kMost) {
    items.pop_back();
    bounded = true;
  }
}

void ListOf::merge(ListOf&& other) {
  std::vector<Item> both;
  both.reserve(items.size() + other.items.size());
  std::ranges::merge(std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()),
                     std::make_move_iterator(other.items.begin()), std::make_move_iterator(other.items.end()),
                     std::back_inserter(both), [](const Item& a, const Item& b) { return a < b; });
  bounded = bounded || other.bounded || both.size() > kMost;
  if (both.size() > kMost) both.resize(kMost);
  items = std::move(both);
}

void ListOf::encode(BlobWriter& out) const {
  out.byte(bounded ? 1 : 0);
  out.number(items.size());
  for (const Item& item : items) {
    write_rank(item.rank, out);
    out.number(item.index);
    out.text(item.text);
  }
}

ListOf ListOf::decode(BlobReader& in) {
  ListOf result;
  result.bounded = in.byte() != 0;
  for (std::size_t left = in.count(); left > 0; --left) {
    Item item;
    item.rank = read_rank(in);
    item.index = static_cast<std::uint32_t>(in.number());
    item.text = in.text();
    result.items.push_back(std::move(item));
  }
  if (!std::ranges::is_sorted(result.items)) in.reject();
  return result;
}

// Two values of the same rank come from one event that gave several rows; the smaller text makes that
// definite.
void PickOf::add(const Rank& other_rank, std::string_view other_text) {
  if (any && (rank < other_rank || (rank == other_rank && text <= other_text))) return;
  any = true;
  rank = other_rank;
  text = other_text;
}

void PickOf::merge(PickOf&& other) {
  if (other.any) add(other.rank, other.text);
}

void PickOf::encode(BlobWriter& out) const {
  out.byte(any ? 1 : 0);
  if (!any) return;
  write_rank(rank, out);
  out.text(text);
}

PickOf PickOf::decode(BlobReader& in) {
  PickOf result;
  result.any = in.byte() != 0;
  if (!result.any) return result;
  result.rank = read_rank(in);
  result.text = in.text();
  return result;
}

void RateOf::merge(RateOf&& other) {
  earliest.merge(std::move(other.earliest));
  latest.merge(std::move(other.latest));
}

void RateOf::encode(BlobWriter& out) const {
  earliest.encode(out);
  latest.encode(out);
}

RateOf RateOf::decode(BlobReader& in) {
  RateOf result;
  result.earliest = PickOf::decode(in);
  result.latest = PickOf::decode(in);
  return result;
}

std::optional<double> RateOf::per_second() const {
  std::optional<double> from = to_number(std::string_view(earliest.text));
  std::optional<double> to = to_number(std::string_view(latest.text));
  Time time = time_of_place(~latest.rank.major) - time_of_place(earliest.rank.major);
  if (!earliest.any || !from || !to || time <= 0) return std::nullopt;
  return (*to - *from) / (static_cast<double>(time) / kSecond);
}

namespace {

constexpr std::uint8_t kMostDroppedBits = 52;  // all of the mantissa; 4096 signs and exponents are left

double without_bits(double x, std::uint8_t bits) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) >> bits << bits);
}

}  // namespace

// The number of bits dropped is the smallest at which the values fit, and that of a part is never more than
// that of the whole: so the answer does not depend on how parts were merged.
void QuantilesOf::add(double x, std::uint64_t times) {
  if (!std::isfinite(x)) return;
  counts[without_bits(x == 0 ? 0 : x, dropped_bits)] += times;
  while (counts.size() > kMost && dropped_bits < kMostDroppedBits) coarsen(dropped_bits + 1);
}

void QuantilesOf::coarsen(std::uint8_t bits) {
  std::map<double, std::uint64_t> coarse;
  for (const auto& [x, times] : counts) coarse[without_bits(x, bits)] += times;
  counts = std::move(coarse);
  dropped_bits = bits;
}

void QuantilesOf::merge(QuantilesOf&& other) {
  if (other.dropped_bits > dropped_bits) coarsen(other.dropped_bits);
  for (const auto& [x, times] : other.counts) add(x, times);
}

void QuantilesOf::encode(BlobWriter& out) const {
  out.byte(dropped_bits);
  out.number(counts.size());
  for (const auto& [x, times] : counts) {
    out.real(x);
    out.number(times);
  }
}

QuantilesOf QuantilesOf::decode(BlobReader& in) {
  QuantilesOf result;
  result.dropped_bits = in.byte();
  if (result.dropped_bits > kMostDroppedBits) {
    in.reject();
    result.dropped_bits = 0;
  }
  for (std::size_t left = in.count(); left > 0; --left) {
    double x = in.real();
    result.add(x, in.number());
  }
  return result;
}

std::optional<double> QuantilesOf::at(double percent) const {
  std::uint64_t total = 0;
  for (const auto& [x, times] : counts) total += times;
  if (total == 0) return std::nullopt;
  auto place = static_cast<std::uint64_t>(static_cast<double>(total) * percent / 100);
  place = std::min(place, total - 1);
  for (const auto& [x, times] : counts) {
    if (place < times) return x;
    place -= times;
  }
  return counts.rbegin()->first;
}

}  // namespace hecate::spl
