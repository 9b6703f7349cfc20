#include "pipeline/spl/case_fold.h"
#include "pipeline/spl/condition.h"
#include "pipeline/spl/values.h"

#include <cstdint>
#include <cstring>

namespace hecate::spl {
namespace {

// `folded` is in lower case already.
bool equal_bytes(std::string_view value, std::string_view folded) {
  for (std::size_t i = 0; i < folded.size(); ++i) {
    if (ascii_lower(value[i]) != folded[i]) return false;
  }
  return true;
}

using Block = std::uint8_t __attribute__((vector_size(32)));

Block load(const char* at) {
  Block block;
  std::memcpy(&block, at, sizeof block);
  return block;
}

// A letter of either case, or another byte: (value | bit) == byte.
struct CaselessByte {
  explicit CaselessByte(char folded) : bit(folded >= 'a' && folded <= 'z' ? 0x20 : 0), byte(folded) {}
  std::uint8_t bit;
  std::uint8_t byte;
};

bool any(const Block& hits) {
  std::uint64_t words[4];
  std::memcpy(words, &hits, sizeof words);
  return (words[0] | words[1] | words[2] | words[3]) != 0;
}

// Where `piece` (folded, not empty) begins in `value`, or npos. Looks for two of its bytes in 32 places at
// once: the usual value does not hold the piece, and that is what must be told quickly. The two come from
// inside the piece, since its ends are often backslashes, as every path has them.
std::size_t find_bytes(std::string_view value, std::string_view piece) {
  if (value.size() < piece.size()) return std::string_view::npos;
  std::size_t last_begin = value.size() - piece.size();
  std::size_t left_at = piece.size() / 3;
  std::size_t right_at = piece.size() * 2 / 3;
  CaselessByte left(piece[left_at]);
  CaselessByte right(piece[right_at]);
  std::size_t at = 0;
  for (; at + sizeof(Block) <= last_begin + 1; at += sizeof(Block)) {
    Block lefts = load(value.data() + at + left_at) | left.bit;
    Block rights = load(value.data() + at + right_at) | right.bit;
    auto hits = (Block)((lefts == left.byte) & (rights == right.byte));
    if (!any(hits)) continue;
    for (std::size_t i = 0; i < sizeof(Block); ++i) {
      if (hits[i] != 0 && equal_bytes(value.substr(at + i, piece.size()), piece)) return at + i;
    }
  }
  for (; at <= last_begin; ++at) {
    if (equal_bytes(value.substr(at, piece.size()), piece)) return at;
  }
  return std::string_view::npos;
}

}  // namespace

Pattern::Pattern(std::string_view text) : text_(text), number_(to_number(text)), ascii_(is_ascii(text)) {
  wildcard_ = text.find('*') != std::string_view::npos;
  anchored_front_ = !text.starts_with('*');
  anchored_back_ = !text.ends_with('*');
  for (std::size_t at = 0; at < text.size();) {
    std::size_t star = std::min(text.find('*', at), text.size());
    if (star > at) fold_case(text.substr(at, star - at), pieces_.emplace_back());
    at = star + 1;
  }
}

bool Pattern::matches(std::string_view value) const {
  if (ascii_) return matches_bytes(value);
  if (is_ascii(value)) return false;
  thread_local std::string folded;
  folded.clear();
  fold_case(value, folded);
  return matches_bytes(folded);
}

bool Pattern::matches_bytes(std::string_view value) const {
  if (!wildcard_) {
    if (pieces_.empty()) return value.empty();
    return value.size() == pieces_[0].size() && equal_bytes(value, pieces_[0]);
  }
  std::size_t next = 0;
  std::size_t behind = pieces_.size();
  if (anchored_front_) {
    const std::string& front = pieces_[next++];
    if (value.size() < front.size() || !equal_bytes(value, front)) return false;
    value.remove_prefix(front.size());
  }
  if (anchored_back_) {
    const std::string& back = pieces_[--behind];
    if (value.size() < back.size() || !equal_bytes(value.substr(value.size() - back.size()), back))
      return false;
    value.remove_suffix(back.size());
  }
  for (; next < behind; ++next) {
    std::size_t at = find_bytes(value, pieces_[next]);
    if (at == std::string_view::npos) return false;
    value.remove_prefix(at + pieces_[next].size());
  }
  return true;
}

}  // namespace hecate::spl
