#include "pipeline/decode/json_text.h"

#include <bit>
#include <cstdint>
#include <cstring>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace hecate::decode {

namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hex digits from `at`; -1 when they are not there.
std::int32_t read_unit(const char* at, const char* end) {
  if (end - at < 4) return -1;
  std::int32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    int value = hex_value(at[i]);
    if (value < 0) return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

char* put_utf8(std::uint32_t point, char* out) {
  auto put = [&](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
  return out;
}

// Reads what follows `\u`; `at` goes behind it.
bool unescape_unicode(const char*& at, const char* end, char*& out) {
  std::int32_t unit = read_unit(at, end);
  if (unit < 0) return false;
  at += 4;
  auto point = static_cast<std::uint32_t>(unit);
  if (point >= 0xD800 && point < 0xDC00) {
    std::int32_t low = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? read_unit(at + 2, end) : -1;
    if (low >= 0xDC00 && low < 0xE000) {
      at += 6;
      point = 0x10000 + ((point - 0xD800) << 10) + (static_cast<std::uint32_t>(low) - 0xDC00);
    } else {
      point = kReplacement;
    }
  } else if (point >= 0xDC00 && point < 0xE000) {
    point = kReplacement;
  }
  out = put_utf8(point, out);
  return true;
}

// Copies up to the next backslash, 32 or eight bytes at a time. What is written is never ahead of what is
// read, so there is room for all of them.
void copy_plain(const char*& at, const char* end, char*& out) {
#ifdef __AVX2__
  while (end - at >= 32) {
    __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
    __m256i backslashes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    auto found = static_cast<std::uint32_t>(_mm256_movemask_epi8(backslashes));
    int plain = std::countr_zero(found);
    at += plain;
    out += plain;
    if (found != 0) return;
  }
#endif
  constexpr std::uint64_t ones = 0x0101010101010101;
  while (end - at >= 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, 8);
    std::memcpy(out, &bytes, 8);
    std::uint64_t differs = bytes ^ (ones * '\\');
    std::uint64_t found = (differs - ones) & ~differs & (ones << 7);
    if (found != 0) {
      int plain = std::countr_zero(found) / 8;
      at += plain;
      out += plain;
      return;
    }
    at += 8;
    out += 8;
  }
  while (at != end && *at != '\\') *out++ = *at++;
}

}  // namespace

char* unescape(std::string_view text, char* out) {
  const char* at = text.data();
  const char* end = at + text.size();
  for (;;) {
    copy_plain(at, end, out);
    if (at == end) return out;
    if (++at == end) return nullptr;
    switch (*at++) {
      case '"':
        *out++ = '"';
        break;
      case '\\':
        *out++ = '\\';
        break;
      case '/':
        *out++ = '/';
        break;
      case 'b':
        *out++ = '\b';
        break;
      case 'f':
        *out++ = '\f';
        break;
      case 'n':
        *out++ = '\n';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'u':
        if (!unescape_unicode(at, end, out)) return nullptr;
        break;
      default:
        return nullptr;
    }
  }
}

}  // namespace hecate::decode
