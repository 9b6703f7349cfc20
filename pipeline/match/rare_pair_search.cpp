// Few literals are found by two rare letters of each, 32 places at a time; where both stand, the whole is
// compared. For one literal and the escapes that takes half the time of Hyperscan's engine for several.
#include "pipeline/match/literal_search.h"

#include <algorithm>
#include <vector>

#ifdef __AVX2__
#include <immintrin.h>

namespace hecate::match {
namespace {

// From the most common to the rarest, as counted in Sysmon events; letters without case.
constexpr std::string_view kByFrequency =
    "\\es0\"cordti :n2awm3l1-4.b6yf,5uvp8x97g+|hk{}z=/@()j_q$!?>%;<#*~&[]'";

std::size_t rareness(char c) {
  return std::min(kByFrequency.find(c), kByFrequency.size());
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool starts_with_literal(std::string_view text, std::string_view literal) {
  if (text.size() < literal.size()) return false;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (lower(text[i]) != literal[i]) return false;
  }
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// An escape of a character that a literal may hold.
constexpr std::string_view kEscape = "\\u00";
bool starts_with_escape(std::string_view text) {
  if (text.size() < kEscape.size() + 2 || !starts_with_literal(text, kEscape)) return false;
  int high = hex_digit(text[4]);
  int low = hex_digit(text[5]);
  if (high < 0 || low < 0) return false;
  int c = high * 16 + low;
  return c >= 0x20 && c < 0x7F &&
         std::string_view("\"&/<>\\").find(static_cast<char>(c)) == std::string_view::npos;
}

// What tells the places where a text may begin: two of its letters.
struct Needle {
  std::string text;
  bool is_escape = false;
  std::size_t first = 0, second = 1;  // where they stand in it

  Needle(std::string literal, bool escape) : text(std::move(literal)), is_escape(escape) {
    // The escape's backslash is in every path.
    for (std::size_t i = escape ? 2 : 1, best = 0; i < text.size(); ++i) {
      for (std::size_t k = escape ? 1 : 0; k < i; ++k) {
        std::size_t rare = rareness(text[k]) + rareness(text[i]);
        if (rare <= best) continue;
        best = rare;
        first = k;
        second = i;
      }
    }
  }

  [[nodiscard]] bool begins(std::string_view place) const {
    return is_escape ? starts_with_escape(place) : starts_with_literal(place, text);
  }
};

constexpr std::size_t kBlock = 32;
constexpr std::size_t kMostNeedles = LiteralSearch::kFew + 1;

class RarePairScratch final : public LiteralSearch::Scratch {
 public:
  explicit RarePairScratch(const std::vector<Needle>& needles) : needles_(needles) {
    for (const Needle& needle : needles) longest_ = std::max(longest_, needle.text.size());
  }

  bool search(std::string_view text, LiteralSearch::Hits& hits) override {
    if (text.size() < kBlock + longest_) {
      short_text(text, hits);
      return true;
    }
    switch (needles_.size()) {
      case 2:
        blocks<2>(text, hits);
        break;
      case 3:
        blocks<3>(text, hits);
        break;
      default:
        blocks<kMostNeedles>(text, hits);
    }
    return true;
  }

 private:
  void short_text(std::string_view text, LiteralSearch::Hits& hits) const {
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (std::uint32_t i = 0; i < needles_.size(); ++i) {
        if (needles_[i].begins(text.substr(at))) hits.take(i);
      }
    }
  }

  // Bit n of `places`: both letters stand where they do if needle i begins n places behind `at`.
  void confirm(std::string_view text, std::size_t at, std::uint32_t i, unsigned places,
               LiteralSearch::Hits& hits) const {
    for (; places != 0; places &= places - 1) {
      auto place = static_cast<std::size_t>(__builtin_ctz(places));
      if (needles_[i].begins(text.substr(at + place))) return hits.take(i);
    }
  }

  // `text` has one block and the longest needle at least. The last block lies over the one before.
  template <std::size_t N>
  void blocks(std::string_view text, LiteralSearch::Hits& hits) const {
    // Bit 0x20 is the case of a letter; other characters that differ by it only are told apart later.
    const __m256i fold = _mm256_set1_epi8(0x20);
    __m256i first_letter[N], second_letter[N];
    std::array<const char*, N> first, second;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < N; ++i) {
      const Needle& needle = needles_[i];
      first_letter[i] = _mm256_set1_epi8(static_cast<char>(needle.text[needle.first] | 0x20));
      second_letter[i] = _mm256_set1_epi8(static_cast<char>(needle.text[needle.second] | 0x20));
      first[i] = text.data() + needle.first;
      second[i] = text.data() + needle.second;
    }
    std::size_t last = text.size() - longest_ - kBlock + 1;
    for (std::size_t at = 0;; at += kBlock) {
      at = std::min(at, last);
      __m256i found[N];
      __m256i any = _mm256_setzero_si256();
#pragma GCC unroll 4
      for (std::size_t i = 0; i < N; ++i) {
        __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first[i] + at));
        __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(second[i] + at));
        found[i] = _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_or_si256(a, fold), first_letter[i]),
                                    _mm256_cmpeq_epi8(_mm256_or_si256(b, fold), second_letter[i]));
        any = _mm256_or_si256(any, found[i]);
      }
      if (_mm256_movemask_epi8(any) != 0) [[unlikely]] {
#pragma GCC unroll 4
        for (std::uint32_t i = 0; i < N; ++i)
          confirm(text, at, i, static_cast<unsigned>(_mm256_movemask_epi8(found[i])), hits);
      }
      if (at == last) break;
    }
    // What is shorter than the longest may begin behind the last block.
    for (std::size_t at = last + kBlock; at < text.size(); ++at) {
      for (std::uint32_t i = 0; i < N; ++i) {
        if (needles_[i].begins(text.substr(at))) hits.take(i);
      }
    }
  }

  const std::vector<Needle>& needles_;
  std::size_t longest_ = 0;
};

class RarePairSearch final : public LiteralSearch {
 public:
  explicit RarePairSearch(std::vector<Needle> needles) : needles_(std::move(needles)) {}

  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override {
    return std::make_unique<RarePairScratch>(needles_);
  }

 private:
  std::vector<Needle> needles_;
};

}  // namespace

std::unique_ptr<const LiteralSearch> LiteralSearch::for_few(std::span<const std::string> literals) {
  if (literals.empty() || literals.size() > kFew) return nullptr;
  std::vector<Needle> needles;
  for (const std::string& literal : literals) needles.emplace_back(literal, false);
  needles.emplace_back(std::string(kEscape), true);
  return std::make_unique<RarePairSearch>(std::move(needles));
}

}  // namespace hecate::match

#else

std::unique_ptr<const hecate::match::LiteralSearch> hecate::match::LiteralSearch::for_few(
    std::span<const std::string>) {
  return nullptr;
}

#endif
