#pragma once

#include "pipeline/base/time.h"
#include "pipeline/spl/codec.h"
#include "pipeline/spl/exact_sum.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hecate::spl {

// The partial results that stats functions are made of. Each takes values one by one (`add`), merges with
// another of its kind in any order to the same answer, and writes itself down (`encode`); the stored form
// never changes. Those that would grow without end have a bound; which values stay then is decided by the
// values alone and not by the order in which they came, and the state says that the bound was hit.

// A place in an order: the smallest is the one that a function looks for.
struct Rank {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint32_t row = 0;
  friend auto operator<=>(const Rank&, const Rank&) = default;
};

// A time as a Rank's major: so that earlier ones are smaller.
[[nodiscard]] constexpr std::uint64_t time_place(Time time) {
  return static_cast<std::uint64_t>(time) ^ (std::uint64_t{1} << 63);
}
[[nodiscard]] constexpr Time time_of_place(std::uint64_t place) {
  return static_cast<Time>(place ^ (std::uint64_t{1} << 63));
}

// count, c: how many.
struct CountOf {
  std::uint64_t n = 0;

  void merge(CountOf&& other) { n += other.n; }
  void encode(BlobWriter& out) const { out.number(n); }
  static CountOf decode(BlobReader& in) { return {in.number()}; }
};

// sum, avg: the numbers among the values.
struct SumOf {
  std::uint64_t n = 0;
  ExactSum sum;

  void add(double x);
  void merge(SumOf&& other);
  void encode(BlobWriter& out) const;
  static SumOf decode(BlobReader& in);
};

// stdev, var, sumsq: the same with squares.
struct MomentsOf {
  SumOf first;
  ExactSum squares;

  void add(double x);
  void merge(MomentsOf&& other);
  void encode(BlobWriter& out) const;
  static MomentsOf decode(BlobReader& in);
  // The variance with divisor n − `less`; nullopt when that is not positive.
  [[nodiscard]] std::optional<double> variance(int less) const;
};

// min, max, range: the least and the greatest value, as numbers while all are, and in text order.
struct BoundsOf {
  bool any = false;
  bool all_numbers = true;
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();
  bool any_number = false;
  std::string first;
  std::string last;

  void add(std::string_view text, std::optional<double> number);
  void merge(BoundsOf&& other);
  void encode(BlobWriter& out) const;
  static BoundsOf decode(BlobReader& in);
};

// dc: how many different values. Keeps the smallest hashes: up to kExact the answer is exact, beyond it is
// estimated from how densely they lie (standard error 1/√kExact = 1 %).
struct DistinctOf {
  static constexpr std::size_t kExact = 10'000;
  std::set<std::uint64_t> hashes;
  bool bounded = false;

  void add(std::string_view text);
  void merge(DistinctOf&& other);
  void encode(BlobWriter& out) const;
  static DistinctOf decode(BlobReader& in);
  [[nodiscard]] double count() const;

 private:
  void keep_smallest();
};

// values, mode: the different values and how often each came. Bound: kMost values and kBytes of text; `cut`
// is then the first in text order that is left out, and all behind it are too.
struct ValuesOf {
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kBytes = 1 << 20;
  std::map<std::string, std::uint64_t, std::less<>> counts;
  std::optional<std::string> cut;

  void add(std::string_view text);
  void merge(ValuesOf&& other);
  void encode(BlobWriter& out) const;
  static ValuesOf decode(BlobReader& in);

 private:
  void enforce_bound();
  std::size_t bytes_ = 0;
};

// list: the first kMost values in the order of the search, repeated ones too. Of a longer value the first
// kBytes stay.
struct ListOf {
  static constexpr std::size_t kMost = 100;
  static constexpr std::size_t kBytes = 64 * 1024;
  struct Item {
    Rank rank;
    std::uint32_t index;  // within the values of one row
    std::string text;
    friend auto operator<=>(const Item&, const Item&) = default;
  };
  std::vector<Item> items;  // sorted
  bool bounded = false;

  void add(const Rank& rank, std::uint32_t index, std::string_view text);
  void merge(ListOf&& other);
  void encode(BlobWriter& out) const;
  static ListOf decode(BlobReader& in);
};

// first, last, earliest, latest and the times of those: the value with the smallest rank.
struct PickOf {
  bool any = false;
  Rank rank;
  std::string text;

  void add(const Rank& other_rank, std::string_view other_text);
  void merge(PickOf&& other);
  void encode(BlobWriter& out) const;
  static PickOf decode(BlobReader& in);
};

// rate: the values of the earliest and the latest row that have one, with their times.
struct RateOf {
  PickOf earliest;  // its rank's major is the time, as `time_place` gives it
  PickOf latest;    // … and here its complement

  void merge(RateOf&& other);
  void encode(BlobWriter& out) const;
  static RateOf decode(BlobReader& in);
  // A second; nullopt unless both are numbers, at two times.
  [[nodiscard]] std::optional<double> per_second() const;
};

// perc, median: the numbers and how often each came. Beyond kMost different ones all are rounded to fewer
// bits, so that they fall together; with kMost = 4096 within about 0.1 % of their size.
struct QuantilesOf {
  static constexpr std::size_t kMost = 4096;
  std::map<double, std::uint64_t> counts;
  std::uint8_t dropped_bits = 0;

  void add(double x, std::uint64_t times = 1);
  void merge(QuantilesOf&& other);
  void encode(BlobWriter& out) const;
  static QuantilesOf decode(BlobReader& in);
  // The value below which `percent` of all lie: that at place n·percent/100 of the sorted ones, counted from
  // 0.
  [[nodiscard]] std::optional<double> at(double percent) const;

 private:
  void coarsen(std::uint8_t bits);
};

// Partial results by name: of each field that a wildcard stands for, or of each step of a sparkline. Bound:
// kMost names; `cut` is then the first in text order that is left out, and all behind it are too.
struct NamedPart;
struct PartsOf {
  static constexpr std::size_t kMost = 10'000;
  std::vector<NamedPart> parts;  // by name
  std::optional<std::string> cut;

  void merge(PartsOf&& other);
  void encode(BlobWriter& out) const;
  static PartsOf decode(BlobReader& in);

 private:
  void enforce_bound();
  friend struct NamedPart;
};

// The order of the alternatives is the kind's number in the stored form: add at the end.
using Accumulator = std::variant<CountOf, SumOf, MomentsOf, BoundsOf, DistinctOf, ValuesOf, ListOf, PickOf,
                                 QuantilesOf, RateOf, PartsOf>;

struct NamedPart {
  std::string name;
  Accumulator accumulator;

  // The one of that name in `parts`, made with this kind where it is missing; null where it is left out, or
  // of another kind (a damaged database).
  [[nodiscard]] static Accumulator* find_or_make(PartsOf& parts, std::string_view name, std::size_t kind);
};

// A fresh one of the kind with this number (the index of the variant).
[[nodiscard]] Accumulator make_accumulator(std::size_t kind);
// Both are of the same kind; else nothing happens and the answer is false.
bool merge(Accumulator& into, Accumulator&& from);
void encode(const Accumulator& accumulator, BlobWriter& out);
[[nodiscard]] Accumulator decode_accumulator(BlobReader& in);
// Whether values were left out or rounded.
[[nodiscard]] bool is_bounded(const Accumulator& accumulator);

}  // namespace hecate::spl
